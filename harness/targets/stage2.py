"""The stage-2 tables as a finite map: what a walk from the root grants now.

This is the functional side of a check.  It reads memory as it is, knows
nothing of TLBs, and compares mappings, not descriptors: whether a range is
mapped by pages or by a block makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from reference_model.aarch32 import hyp_root_of
from reference_model.coordinates import Coord

__all__ = [
    "Mapping",
    "Mismatch",
    "ReadTable",
    "TableMap",
    "compare",
    "either",
    "normalise",
    "replace",
]

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
ENTRIES = 512
_ADDRESS_MASK = 0x0000_FFFF_FFFF_F000

ReadTable = Callable[[int], Sequence[int]]

_VALID = 1 << 0
_TABLE = 1 << 1
_READ = 1 << 6
_WRITE = 1 << 7
_XN = 1 << 54


class Mapping(NamedTuple):
    """``size`` bytes from ``ipa`` are mapped to ``pa`` with ``access``."""

    ipa: int
    size: int
    pa: int
    access: str  # a subset of "rwx" in this order

    def __str__(self) -> str:
        access = self.access or "none"
        return f"ipa {self.ipa:#x}+{self.size:#x} to pa {self.pa:#x} ({access})"


class Mismatch(NamedTuple):
    """A difference between the tables and what the operation should leave.

    ``allowed`` tells that the guest has a right to the mapping found: only its
    next access should have been noticed.  ``function`` is the one whose call
    was to change the mappings last, and ``coord`` its place.
    """

    domain: str
    expected: Mapping | None
    found: Mapping | None
    allowed: bool = False
    function: str = ""
    coord: Coord | None = None
    note: str = ""  # says it, where no mapping is to blame

    def __str__(self) -> str:
        if self.note:
            return f"{self.domain}: {self.note}"
        if self.found is None:
            return f"{self.domain}: not mapped any more: {self.expected}"
        if self.allowed:
            return f"{self.domain}: access would not be noticed: {self.found}"
        if self.expected is None:
            return f"{self.domain}: still mapped: {self.found}"
        return f"{self.domain}: expected {self.expected}, found {self.found}"


class TableMap(NamedTuple):
    """Where a domain's stage-2 tables start."""

    root: int
    level: int
    pages: int

    @classmethod
    def of(cls, vttbr: int, vtcr: int, *, aarch32: bool = False) -> TableMap:
        """Decode VTTBR_EL2 and VTCR_EL2 (4 KiB granule)."""
        if aarch32:
            root = hyp_root_of(vttbr, vtcr)
            return cls(root.address, root.level, root.pages)
        level = 2 - (vtcr >> 6 & 3)
        ipa_bits = 64 - (vtcr & 0x3F)
        span = PAGE_SHIFT + 9 * (4 - level)
        pages = 1 << max(0, ipa_bits - span)
        return cls(vttbr & _ADDRESS_MASK, level, pages)

    def mappings(self, read: ReadTable) -> list[Mapping]:
        """List what the tables map, in order, adjacent ranges joined.

        ``read`` returns the 512 entries of the table page at an address.
        """
        return normalise(self._leaves(read))

    def leaf(self, read: ReadTable, ipa: int) -> int:
        """Return where the descriptor lies that a walk for ``ipa`` ends at."""
        level = self.level
        table = self.root + (ipa >> _shift(level - 1)) * PAGE_SIZE
        while True:
            index = ipa >> _shift(level) & ENTRIES - 1
            entry = read(table)[index]
            if level == 3 or entry & (_VALID | _TABLE) != _VALID | _TABLE:
                return table + 8 * index
            table, level = entry & _ADDRESS_MASK, level + 1

    def _leaves(self, read: ReadTable) -> Iterator[Mapping]:
        reach = ENTRIES << _shift(self.level)
        for page in range(self.pages):
            base = self.root + page * PAGE_SIZE
            yield from _table_leaves(read, base, self.level, page * reach)


def _shift(level: int) -> int:
    return PAGE_SHIFT + 9 * (3 - level)


def _table_leaves(
    read: ReadTable, table: int, level: int, ipa: int
) -> Iterator[Mapping]:
    size = 1 << _shift(level)
    for index, entry in enumerate(read(table)):
        if not entry & _VALID:
            continue
        here = ipa + index * size
        if level < 3 and entry & _TABLE:
            yield from _table_leaves(read, entry & _ADDRESS_MASK, level + 1, here)
        elif (level == 3) == bool(entry & _TABLE) and level > 0:
            yield Mapping(here, size, entry & _ADDRESS_MASK & -size, _access(entry))


def _access(entry: int) -> str:
    read = "r" if entry & _READ else ""
    write = "w" if entry & _WRITE else ""
    return read + write + ("" if entry & _XN else "x")


def normalise(mappings: Iterable[Mapping]) -> list[Mapping]:
    """Sort by address and join neighbours that continue each other."""
    joined: list[Mapping] = []
    for here in sorted(mappings):
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.ipa + last.size == here.ipa
            and last.pa + last.size == here.pa
            and last.access == here.access
        ):
            joined[-1] = last._replace(size=last.size + here.size)
        else:
            joined.append(here)
    return joined


def replace(
    mappings: Iterable[Mapping], ipa: int, size: int, new: Mapping | None
) -> list[Mapping]:
    """Return the map after [ipa, ipa + size) was unmapped or set to ``new``."""
    end = ipa + size
    result = [] if new is None else [new]
    for old in mappings:
        old_end = old.ipa + old.size
        if old.ipa < ipa:
            result.append(old._replace(size=min(old_end, ipa) - old.ipa))
        if old_end > end:
            start = max(old.ipa, end)
            skipped = start - old.ipa
            result.append(Mapping(start, old_end - start, old.pa + skipped, old.access))
    return normalise(result)


def compare(
    domain: str,
    expected: Iterable[Mapping],
    found: Iterable[Mapping],
    tracked: Iterable[Mapping] = (),
) -> list[Mismatch]:
    """List the differences, each over the widest range that differs alike.

    ``tracked`` are mappings that were made to fault, not taken away.
    """
    left, right = list(expected), list(found)
    cuts = sorted({cut for m in left + right for cut in (m.ipa, m.ipa + m.size)})
    wanted = _pieces(left, cuts)
    present = _pieces(right, cuts)
    rightful = _pieces(tracked, cuts)
    return [
        Mismatch(
            domain,
            wanted.get(cut),
            present.get(cut),
            allowed=wanted.get(cut) is None and present[cut] == rightful.get(cut),
        )
        for cut in cuts
        if wanted.get(cut) != present.get(cut)
    ]


def either(
    old: Iterable[Mapping],
    new: Iterable[Mapping],
    found: Iterable[Mapping],
    ipa: int,
    size: int,
    *,
    absent: bool = False,
) -> list[Mapping]:
    """Return what to expect of a range that may be old or new, page by page.

    Pages found to be one of the two are taken as found, others as new; with
    ``absent``, pages found unmapped as found, too.
    """
    result = replace(new, ipa, size, None)
    sources = [list(found), list(old), list(new)]
    for here in range(ipa, ipa + size, PAGE_SIZE):
        seen, before, after = (_page(source, here) for source in sources)
        rightful = (before, after, None) if absent else (before, after)
        wanted = seen if seen in rightful else after
        if wanted is not None:
            result.append(wanted)
    return normalise(result)


def _page(mappings: Iterable[Mapping], ipa: int) -> Mapping | None:
    for here in mappings:
        if here.ipa <= ipa < here.ipa + here.size:
            return Mapping(ipa, PAGE_SIZE, here.pa + ipa - here.ipa, here.access)
    return None


def _pieces(mappings: Iterable[Mapping], cuts: list[int]) -> dict[int, Mapping]:
    pieces: dict[int, Mapping] = {}
    for here in mappings:
        inside = [cut for cut in cuts if here.ipa <= cut <= here.ipa + here.size]
        for start, end in pairwise(inside):
            pa = here.pa + start - here.ipa
            pieces[start] = Mapping(start, end - start, pa, here.access)
    return pieces
