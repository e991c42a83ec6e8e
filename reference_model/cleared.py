"""TLBIs done on a PE, remembered for the entries that are not stored."""

from __future__ import annotations

from collections.abc import Iterator

from reference_model.addresses import PAGE_BYTES
from reference_model.issued import Issued
from reference_model.regimes import Regime
from reference_model.tables import Link
from reference_model.tlbi import Target

__all__ = ["Cleared"]

_Key = tuple[str, frozenset[int], frozenset[Regime], Target | None]
_FIRST_SWEEP = 1024


class Cleared:
    """The last of each kind of operation; those on one page by its address.

    An operation that selects just what a later one selects does not matter.
    """

    def __init__(self) -> None:
        self._wide: dict[_Key, Issued] = {}
        self._narrow: dict[int, dict[_Key, Issued]] = {}
        self._sweep_at = _FIRST_SWEEP

    def note(self, operation: Issued, oldest: int) -> None:
        """Remember an operation; those issued before ``oldest`` may be forgotten."""
        target = operation.target
        key = (operation.operation.name, operation.vmids, operation.regimes, target)
        if target is None or target.end - target.start > PAGE_BYTES:
            place = self._wide
        else:
            page = target.start // PAGE_BYTES
            place = self._narrow.setdefault(page, {})
        before = place.get(key)
        if before is None or before.time <= operation.time:
            place[key] = operation
        if len(self._narrow) > self._sweep_at:
            self._sweep(oldest)

    def _sweep(self, oldest: int) -> None:
        """Forget what is too old, once in a while: it costs a look at each."""
        self._wide = _since(self._wide, oldest)
        kept = {page: _since(at, oldest) for page, at in self._narrow.items()}
        self._narrow = {page: at for page, at in kept.items() if at}
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._narrow))

    def wide(self) -> Iterator[Issued]:
        """Yield the operations on more than one page."""
        return iter(self._wide.values())

    def meeting(self, link: Link) -> Iterator[Issued]:
        """Yield the operations that could select what a descriptor maps."""
        yield from self._wide.values()
        first, last = link.ia // PAGE_BYTES, (link.end - 1) // PAGE_BYTES
        if last - first >= len(self._narrow):
            pages = [page for page in self._narrow if first <= page <= last]
        else:
            pages = [p for p in range(first, last + 1) if p in self._narrow]
        for page in pages:
            yield from self._narrow[page].values()


def _since(operations: dict[_Key, Issued], oldest: int) -> dict[_Key, Issued]:
    return {key: op for key, op in operations.items() if op.time >= oldest}
