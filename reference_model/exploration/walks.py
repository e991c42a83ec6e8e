"""Translation table walks: all that they may leave in a TLB, and their results.

A walk takes each of its steps from memory or from an entry, as it likes, so
what a TLB may hold is the closure under every prefix of every walk (M2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from reference_model.addresses import DESCRIPTOR_BYTES, LAST_LEVEL, page_of
from reference_model.descriptors import Descriptor, Kind, Stage, decode
from reference_model.exploration.contexts import Context
from reference_model.exploration.held import GRANULE, Held, HeldKind, base_of
from reference_model.exploration.program import Fault, FaultKind
from reference_model.unmodelled import Unmodelled

__all__ = ["Leaf", "Tables", "View", "Walk", "Walking"]

# Of every cell that may change, the values that a walker may read now.
View = tuple[tuple[int, ...], ...]


class Walking(NamedTuple):
    """A context, with the input pages that matter, and the IPA pages.

    Stage 2 is walked for the IPAs by themselves as well: what of stage 1 once
    led there, in whichever context of the guest, is not known.
    """

    context: Context
    pages: tuple[int, ...]
    ipas: tuple[int, ...] = ()


class Leaf(NamedTuple):
    """Where stage 2 puts an IPA page, and what it permits there."""

    page: int
    read: bool = True
    write: bool = True
    level: int = LAST_LEVEL


class Tables(NamedTuple):
    """Memory as walkers find it.

    ``fixed`` never changes; ``cells`` gives each other cell its place in a View.
    ``identity`` are IPA pages that stage 2 maps to themselves for ever.
    ``split`` tells whether entries of stage 1 alone can matter.
    """

    fixed: Mapping[int, int]
    cells: Mapping[int, int]
    identity: frozenset[int]
    copies: bool  # DESC entries exist (nTLBPA = 0)
    split: bool

    def read(self, pa: int, view: View) -> tuple[int, ...]:
        """Return the values that a walker may read from memory."""
        place = self.cells.get(pa)
        return (self.fixed.get(pa, 0),) if place is None else view[place]


class Walk:
    """All walks of one context, over one view of memory and one set of entries.

    ``entries``, a set that keeps its order, grows as the walks leave theirs.
    """

    def __init__(
        self,
        tables: Tables,
        view: View,
        entries: dict[Held, None],
        context: Context,
    ) -> None:
        self._tables = tables
        self._view = view
        self._entries = entries
        self._context = context
        self._stage = Stage.S1_EL2 if context.el2 else Stage.S1
        self._tag = (context.el2, context.vmid)
        self._found: dict[tuple[HeldKind, int, int], list[Held]] = {}
        for entry in entries:
            self._index(entry)

    def _index(self, entry: Held) -> None:
        if (entry.el2, entry.vmid) != self._tag:
            return
        if entry.asid is not None and entry.stage1 and entry.asid != self._context.asid:
            return
        where = entry.page if entry.leaf else entry.start
        key = (entry.kind, where, 0 if entry.leaf else entry.level)
        self._found.setdefault(key, []).append(entry)

    def _add(self, entry: Held) -> None:
        if entry not in self._entries:
            self._entries[entry] = None
            self._index(entry)

    def _get(self, kind: HeldKind, start: int, level: int = 0) -> Iterable[Held]:
        return tuple(self._found.get((kind, start, level), ()))

    # --------------------------------------------------------------- stage 2

    def _bases2(self, ipa: int, level: int) -> Iterator[int]:
        root2 = self._context.root2
        assert root2 is not None
        root, first = root2
        if level == first:
            index = ipa >> GRANULE.shift(first)
            if index >= 16 * 512:
                raise Unmodelled(f"IPA {ipa:#x} beyond what stage 2 translates")
            yield root + index // 512 * GRANULE.bytes
        elif level > first:
            for entry in self._get(HeldKind.S2W, base_of(ipa, level - 1), level - 1):
                yield entry.output

    def _values2(self, cell: int) -> Iterator[int]:
        yield from self._tables.read(cell, self._view)
        for copy in self._get(HeldKind.DESC2, cell):
            yield copy.output

    def fill2(self, ipa: int) -> tuple[Leaf, ...]:
        """Leave the entries of stage-2 walks; returns every translation."""
        context = self._context
        page = page_of(ipa)
        if context.root2 is None or page in self._tables.identity:
            return (Leaf(page),)
        for level in range(context.root2[1], LAST_LEVEL + 1):
            for base in tuple(self._bases2(page, level)):
                cell = base + GRANULE.index(page, level) * DESCRIPTOR_BYTES
                for value in tuple(self._values2(cell)):
                    self._take2(page, cell, value, level)
        return tuple(
            Leaf(e.output, e.read2, e.write2, e.level)
            for e in self._get(HeldKind.S2, page)
        )

    def _take2(self, page: int, cell: int, value: int, level: int) -> None:
        found = decode(value, level, GRANULE, Stage.S2)
        if not found.cacheable:
            return  # R_XCLRD
        _refuse(found)
        self._copy(HeldKind.DESC2, cell, value)
        start = base_of(page, level)
        if found.kind is Kind.TABLE:
            self._add(Held(HeldKind.S2W, *self._tag, None, start, level, found.output))
            return
        self._add(
            Held(
                HeldKind.S2,
                *self._tag,
                None,
                start,
                level,
                found.output + (page - start),
                page,
                read2=found.read,
                write2=found.write,
                level2=level,
            )
        )

    def faults2(self, ipa: int) -> Iterator[Fault]:
        """List the faults that a stage-2 walk may end in, from memory (R_XCLRD)."""
        context = self._context
        page = page_of(ipa)
        if context.root2 is None or page in self._tables.identity:
            return
        for level in range(context.root2[1], LAST_LEVEL + 1):
            for base in self._bases2(page, level):
                cell = base + GRANULE.index(page, level) * DESCRIPTOR_BYTES
                yield from self._faults_in(cell, level, Stage.S2)

    # --------------------------------------------------------------- stage 1

    def _cells1(self, va: int, level: int) -> Iterator[tuple[int, bool]]:
        """List where the descriptor may lie: addresses, and whether IPA or PA."""
        context = self._context
        assert context.root1 is not None
        root, first = context.root1
        offset = GRANULE.index(va, level) * DESCRIPTOR_BYTES
        staged = context.root2 is not None
        if level == first:
            yield root + offset, staged
            return
        above = (base_of(va, level - 1), level - 1)
        if staged:
            for entry in self._get(HeldKind.S1W, *above):
                yield entry.output + offset, True
        for entry in self._get(HeldKind.S12W, *above):
            yield entry.output + offset, False

    def _values1(self, cell: int, by_ipa: bool) -> Iterator[int]:
        if not by_ipa:
            yield from self._tables.read(cell, self._view)
            for copy in self._get(HeldKind.DESC1, cell):
                if not copy.by_ipa:
                    yield copy.output
            return
        for copy in self._get(HeldKind.DESC1, cell):
            if copy.by_ipa:
                yield copy.output
        for leaf in self.fill2(cell):
            if leaf.read:
                yield from self._values1(leaf.page + cell % GRANULE.bytes, False)

    def fill(self, walking: Walking) -> None:
        """Leave the entries of all walks of a context that matter."""
        if self._context.root2 is not None:
            for ipa in walking.ipas:
                self.fill2(ipa)
        for page in walking.pages:
            self.fill1(page)

    def fill1(self, va: int) -> None:
        """Leave the entries of the walks for one page of input addresses."""
        context = self._context
        page = page_of(va)
        if context.root1 is None:
            for leaf in self.fill2(page):
                self._combined(page, page, leaf, None)
            return
        if page >> 48:
            raise Unmodelled(f"VA {va:#x}, which TTBR1 translates")
        for level in range(context.root1[1], LAST_LEVEL + 1):
            for cell, by_ipa in tuple(self._cells1(page, level)):
                for value in tuple(self._values1(cell, by_ipa)):
                    self._take1(page, cell, by_ipa, value, level)
            self._combine_tables(page, level)
        for entry in self._get(HeldKind.S1, page):
            self._combine_leaf(entry)

    def _take1(
        self, page: int, cell: int, by_ipa: bool, value: int, level: int
    ) -> None:
        found = decode(value, level, GRANULE, self._stage)
        if not found.cacheable:
            return
        _refuse(found)
        self._copy(HeldKind.DESC1, cell, value, by_ipa)
        start = base_of(page, level)
        staged = self._context.root2 is not None
        if found.kind is Kind.TABLE:
            # R_CHVGJ: not a leaf, so not global.
            asid = self._context.asid
            if staged or self._tables.split:
                self._add(
                    Held(HeldKind.S1W, *self._tag, asid, start, level, found.output)
                )
            if not staged:
                self._add(
                    Held(HeldKind.S12W, *self._tag, asid, start, level, found.output)
                )
            return
        output = found.output + (page - start)
        tag = None if found.global_ else self._context.asid
        if staged or self._tables.split:
            self._add(
                Held(
                    HeldKind.S1,
                    *self._tag,
                    tag,
                    start,
                    level,
                    output,
                    page,
                    write1=found.write,
                )
            )
        if not staged:
            self._combined(page, start, Leaf(output), found)

    def _combine_tables(self, page: int, level: int) -> None:
        if self._context.root2 is None:
            return
        for entry in self._get(HeldKind.S1W, base_of(page, level), level):
            for leaf in self.fill2(entry.output):
                if leaf.read:
                    self._add(entry._replace(kind=HeldKind.S12W, output=leaf.page))

    def _combine_leaf(self, entry: Held) -> None:
        if self._context.root2 is None:
            return
        for leaf in self.fill2(entry.output):
            self._add(
                entry._replace(
                    kind=HeldKind.S12,
                    output=leaf.page,
                    read2=leaf.read,
                    write2=leaf.write,
                    level2=leaf.level,
                )
            )

    def _combined(
        self, page: int, start: int, leaf: Leaf, found: Descriptor | None
    ) -> None:
        asid = None if found is None or found.global_ else self._context.asid
        self._add(
            Held(
                HeldKind.S12,
                *self._tag,
                asid,
                start,
                LAST_LEVEL if found is None else found.level,
                leaf.page,
                page,
                found is None or found.write,
                leaf.read,
                leaf.write,
                leaf.level,
            )
        )

    def faults1(self, va: int, *, write: bool) -> Iterator[Fault]:
        """List the faults that a walk may end in, by what memory holds."""
        context = self._context
        page = page_of(va)
        if context.root1 is None:
            yield from self.faults2(page)
            return
        for level in range(context.root1[1], LAST_LEVEL + 1):
            for cell, by_ipa in self._cells1(page, level):
                if not by_ipa:
                    yield from self._faults_in(cell, level, self._stage)
                    continue
                yield from self.faults2(cell)
                for leaf in self.fill2(cell):
                    place = leaf.page + cell % GRANULE.bytes
                    yield from self._faults_in(place, level, self._stage)
        if context.root2 is not None:
            for entry in self._get(HeldKind.S1, page):
                if write and not entry.write1:
                    continue  # a permission fault of stage 1 comes first
                yield from self.faults2(entry.output)

    # ------------------------------------------------------------ both stages

    def _faults_in(self, cell: int, level: int, stage: Stage) -> Iterator[Fault]:
        number = 2 if stage is Stage.S2 else 1
        for value in self._tables.read(cell, self._view):
            found = decode(value, level, GRANULE, stage)
            if found.kind is Kind.INVALID:
                yield Fault(number, level, FaultKind.TRANSLATION)
            elif not found.cacheable:
                yield Fault(number, level, FaultKind.ACCESS_FLAG)

    def _copy(
        self, kind: HeldKind, cell: int, value: int, by_ipa: bool = False
    ) -> None:
        """Leave a copy of a descriptor (F4.6).

        A copy found by PA says nothing new if the cell never changes.
        """
        if not self._tables.copies:
            return
        if not by_ipa and cell not in self._tables.cells:
            return
        if by_ipa and page_of(cell) in self._tables.identity:
            by_ipa = False
            if cell not in self._tables.cells:
                return
        asid = self._context.asid if kind is HeldKind.DESC1 else None
        self._add(Held(kind, *self._tag, asid, cell, 0, value, by_ipa=by_ipa))

    def leaves(self, va: int) -> tuple[Held, ...]:
        """Return the combined leaves that translate a page."""
        return tuple(self._get(HeldKind.S12, page_of(va)))


def _refuse(found: Descriptor) -> None:
    """Refuse what makes entries that this closure does not know."""
    if found.contiguous:
        raise Unmodelled("a Contiguous descriptor in an exploration")
    if found.no_translation:
        raise Unmodelled("a descriptor with nT in an exploration")
