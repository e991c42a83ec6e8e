"""Which stores are ordered before what a PE does next (M1, F2.9)."""

from __future__ import annotations

from reference_model.memory import Clock

__all__ = ["PublicationOrder"]


class PublicationOrder:
    """Per PE a clock: its own stores and others' up to these times are before.

    Barriers that cover stores, store-releases and the hand-over of a lock
    order stores; walks that use a later store see them too.
    """

    def __init__(self, pes: int) -> None:
        self._clocks = [[0] * pes for _ in range(pes)]
        self._locks: dict[str, list[int]] = {}

    def before_store(self, pe: int, now: int, *, release: bool) -> Clock:
        """Return what is ordered before a store; all that precedes a release."""
        clock = list(self._clocks[pe])
        if release:
            clock[pe] = now - 1
        return tuple(clock)

    def barrier(self, pe: int, now: int) -> None:
        """Order what a PE has stored before what it does from now on."""
        self._clocks[pe][pe] = now

    def known(self, pe: int) -> list[tuple[int, int]]:
        """List other PEs, and up to when their stores precede what ``pe`` does."""
        clock = self._clocks[pe]
        return [(n, time) for n, time in enumerate(clock) if time and n != pe]

    def lock(self, pe: int, name: str) -> None:
        """Acquire a lock: what its last holder had done is before."""
        clock = self._clocks[pe]
        for other, time in enumerate(self._locks.get(name, ())):
            clock[other] = max(clock[other], time)

    def unlock(self, pe: int, name: str, now: int) -> None:
        """Release a lock: hand over what the PE has done."""
        clock = list(self._clocks[pe])
        clock[pe] = now
        self._locks[name] = clock
