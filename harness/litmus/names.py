"""The names of a test: which kind of address each is, and its number."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from harness.errors import ParseError
from harness.litmus.instructions import Address, Cell, Content, Entry, Stage, Store
from harness.litmus.test import Test
from reference_model.addresses import Granule
from reference_model.coordinates import Coord

__all__ = ["AddressKind", "Names", "output_kind"]


class AddressKind(Enum):
    """What a name stands for."""

    VA = "virtual address"
    HYP = "virtual address of the hypervisor"
    IPA = "intermediate physical address"
    PA = "physical address"


# Where the addresses of each kind begin; all of them fit into 39 bits.
_BASE = {
    AddressKind.VA: 0x10_0000_0000,
    AddressKind.IPA: 0x20_0000_0000,
    AddressKind.PA: 0x30_0000_0000,
    AddressKind.HYP: 0x40_0000_0000,
}
_INPUT = {
    Stage.S1: AddressKind.VA,
    Stage.S2: AddressKind.IPA,
    Stage.HYP: AddressKind.HYP,
}
_PAGE_LEVEL = 3
_LARGEST_REGION = 1  # a region of level 0 is larger than all addresses


def output_kind(stage: Stage, stages: int) -> AddressKind:
    """Return what a leaf of a stage translates to."""
    first_of_two = stage is Stage.S1 and stages == 2
    return AddressKind.IPA if first_of_two else AddressKind.PA


class Names:
    """Gives every name of a test an address.

    A name that is used at a level above the last one has a naturally aligned
    region of that level for itself; the others have consecutive pages.
    """

    def __init__(self, test: Test) -> None:
        self._test = test
        self._granule = Granule(test.granule)
        self._kinds: dict[str, AddressKind] = {}
        self._levels: dict[str, int] = {}
        for address, kind, level in self._uses():
            self._note(address, kind, level)
        self._numbers = dict(test.addresses)
        for kind in AddressKind:
            self._assign(kind)

    # -------------------------------------------------------------- addresses

    def number(self, address: Address, *kinds: AddressKind) -> int:
        """Return the number of an address that must be of one of some kinds."""
        if not address.name:
            return address.offset
        kind = self.kind(address)
        if kind is not None and kinds and kind not in kinds:
            wanted = " or ".join(k.value for k in kinds)
            raise ParseError(
                f"'{address.name}' is a {kind.value}, not a {wanted}", address.coord
            )
        return self._numbers[address.name] + address.offset

    def kind(self, address: Address) -> AddressKind | None:
        """Return the kind of a name; None for one that has a number only."""
        if address.name not in self._numbers:
            raise ParseError(
                f"no '{address.name}': it needs a map, data or address line",
                address.coord,
            )
        return self._kinds.get(address.name)

    # ------------------------------------------------------------------ kinds

    def _note(self, address: Address, kind: AddressKind, level: int) -> None:
        name = address.name
        if not name:
            return
        known = self._kinds.setdefault(name, kind)
        if known is not kind:
            raise ParseError(
                f"'{name}' is both a {known.value} and a {kind.value}", address.coord
            )
        known_level = self._levels.get(name, _PAGE_LEVEL)
        self._levels[name] = max(min(level, known_level), _LARGEST_REGION)

    def _uses(self) -> Iterator[tuple[Address, AddressKind, int]]:
        """Yield every address that a line of the world defines, and its level."""
        test = self._test
        for mapping in test.mappings:
            yield from self._entry(mapping.stage, mapping.address, mapping.entry)
        for table in test.tables:
            region = max(table.level - 1, 0)
            yield table.address, _INPUT[table.stage], region
            for address, entry in table.entries:
                yield from self._entry(table.stage, address, entry)
        for address, _ in test.data:
            yield address, AddressKind.PA, _PAGE_LEVEL
        for instruction in self._instructions():
            place = instruction.place
            if isinstance(place, Cell):
                if place.level is not None and place.address.name in self._kinds:
                    yield place.address, _INPUT[place.stage], place.level
                if isinstance(instruction.value, Entry):
                    yield from self._stored(place.stage, instruction.value)

    def _instructions(self) -> Iterator[Store]:
        test = self._test
        programs = (pe.body + pe.on_fault for pe in test.pes)
        others = (*(test.without_ntlbpa or ()), *(test.without_errata or ()))
        steps = (*test.trace, *others)
        for program in (*programs, tuple(step.instruction for step in steps)):
            yield from (each for each in program if isinstance(each, Store))

    def _entry(
        self, stage: Stage, address: Address, entry: Entry
    ) -> Iterator[tuple[Address, AddressKind, int]]:
        level = _region_level(entry)
        yield address, _INPUT[stage], level
        if entry.target is not None:
            yield entry.target, output_kind(stage, self._test.stages), level

    def _stored(
        self, stage: Stage, entry: Entry
    ) -> Iterator[tuple[Address, AddressKind, int]]:
        target = entry.target
        if target is not None and target.name in self._kinds:
            kind = output_kind(stage, self._test.stages)
            yield target, kind, _region_level(entry)

    # ---------------------------------------------------------------- numbers

    def _assign(self, kind: AddressKind) -> None:
        mine = [name for name, known in self._kinds.items() if known is kind]
        place = _BASE[kind]
        for level in (_PAGE_LEVEL, 2, _LARGEST_REGION):
            size = self._granule.level_bytes(level)
            for name in mine:
                if self._levels[name] == level and name not in self._numbers:
                    place += -place % size
                    self._numbers[name] = place
                    place += size
        if place > 1 << 39:
            raise ParseError(f"too many a {kind.value}", Coord(self._test.file, 1))


def _region_level(entry: Entry) -> int:
    match entry.content:
        case Content.BLOCK | Content.INVALID:
            return _PAGE_LEVEL if entry.level is None else entry.level
        case Content.PAGES:
            return _PAGE_LEVEL - 1
        case _:
            return _PAGE_LEVEL
