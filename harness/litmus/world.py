"""The world of a test: tables in simulated memory, and registers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.errors import ParseError
from harness.litmus.descriptor import MAIR, leaf, table_pointer
from harness.litmus.instructions import Address, Cell, Content, Entry, Stage
from harness.litmus.names import AddressKind, Names, output_kind
from harness.litmus.test import Mapping, TableLine, Test
from reference_model.addresses import DESCRIPTOR_BYTES, Granule
from reference_model.coordinates import Coord

__all__ = ["World"]

# Input addresses have 39 bits: with the 4K granule walks start at level 1.
_INPUT_BITS = 39
_PAGE_LEVEL = 3
_TABLES = 0x8_0000_0000  # where table pages are allocated
_MASK = 0x0000_FFFF_FFFF_F000
_INPUTS = {
    Stage.S1: (AddressKind.VA,),
    Stage.S2: (AddressKind.IPA,),
    Stage.HYP: (AddressKind.HYP,),
}


@dataclass(frozen=True, slots=True)
class _Page:
    """A table page: of ``level``, for the addresses from ``base`` on."""

    address: int
    level: int
    base: int
    stage: Stage


class World:
    """Lays out what the lines of a test describe.

    ``descriptors`` and ``data`` hold the initial memory by physical address,
    ``stage1_pages`` the pages of guests' stage-1 tables.
    """

    def __init__(self, test: Test) -> None:
        self.test = test
        self.granule = Granule(test.granule)
        self.names = Names(test)
        self.descriptors: dict[int, int] = {}
        self.data: dict[int, int] = {}
        self.stage1_pages: list[int] = []
        self._next = _TABLES
        self._start = _start_level(self.granule)
        self._roots: dict[tuple[Stage, str], _Page] = {}
        self._tables: dict[str, _Page] = {}
        self._build()

    # ---------------------------------------------------------------- layout

    def _build(self) -> None:
        test = self.test
        for table in test.tables:
            self._tables[table.name] = self._unlinked(table)
        for mapping in test.mappings:
            self._map(mapping)
        for table in test.tables:
            for address, entry in table.entries:
                self._fill(table, address, entry)
        for address, value in test.data:
            number = self.names.number(address, AddressKind.PA)
            if number % DESCRIPTOR_BYTES:
                raise ParseError(f"{address} is not aligned to 8", address.coord)
            self.data[number] = value
        self._mapped = frozenset(self._roots)

    def _allocate(self, level: int, base: int, stage: Stage) -> _Page:
        page = _Page(self._next, level, base, stage)
        if stage is Stage.S1:
            self.stage1_pages.append(self._next)
        self._next += self.granule.bytes
        return page

    def _unlinked(self, table: TableLine) -> _Page:
        number = self.names.number(table.address, *_INPUTS[table.stage])
        if table.level <= self._start:
            raise ParseError(
                f"a table below the root has level {self._start + 1} to 3", table.coord
            )
        base = number & -self.granule.level_bytes(table.level - 1)
        return self._allocate(table.level, base, table.stage)

    def _root(self, stage: Stage, owner: str) -> _Page:
        key = (stage, owner)
        if key not in self._roots:
            self._roots[key] = self._allocate(self._start, 0, stage)
        return self._roots[key]

    def _owner(self, stage: Stage, context: str) -> str:
        if stage is Stage.HYP:
            own = any(
                mapping.stage is stage and mapping.context == context
                for mapping in self.test.mappings
            )
            return context if own else ""
        vm = self.test.vms[context]
        return vm.stage1 if stage is Stage.S1 else vm.stage2

    def _map(self, mapping: Mapping) -> None:
        if mapping.stage is Stage.S2 and self.test.stages == 1:
            raise ParseError("a stage 2 mapping, and 'stages 1'", mapping.coord)
        entry, stage = mapping.entry, mapping.stage
        number = self.names.number(mapping.address, *_INPUTS[stage])
        page = self._root(stage, self._owner(stage, mapping.context))
        if entry.content is Content.PAGES:
            self._map_pages(page, mapping, number)
            return
        level = self._level_of(entry)
        slot = self._descend(page, number, level, mapping.coord)
        self._put(slot, self.entry(entry, stage, level), mapping.coord)

    def _map_pages(self, page: _Page, mapping: Mapping, number: int) -> None:
        for step in range(self._count(mapping.entry)):
            offset = step * self.granule.bytes
            slot = self._descend(page, number + offset, _PAGE_LEVEL, mapping.coord)
            self._put(slot, self._page(mapping.stage, mapping.entry, offset), None)

    def _count(self, entry: Entry) -> int:
        return entry.count or self.granule.entries

    def _page(self, stage: Stage, entry: Entry, offset: int) -> int:
        self._check_tag(stage, entry)
        output = self._output(stage, entry) + offset
        return leaf(stage, self.granule, _PAGE_LEVEL, output, entry)

    def _level_of(self, entry: Entry) -> int:
        if entry.content is Content.TABLE:
            return self._table(entry.table, entry.coord).level - 1
        return _PAGE_LEVEL if entry.level is None else entry.level

    def _descend(
        self, page: _Page, number: int, level: int, coord: Coord | None
    ) -> int:
        """Return the slot for an address at a level; makes the tables above it."""
        if level < page.level:
            raise ParseError(f"no level {level}: walks start at {page.level}", coord)
        if number >> _INPUT_BITS:
            raise ParseError(f"{number:#x} has more than {_INPUT_BITS} bits", coord)
        here = page
        while here.level < level:
            slot = self._slot(here, number)
            value = self.descriptors.get(slot, 0)
            base = number & -self.granule.level_bytes(here.level)
            if value == 0:
                below = self._allocate(here.level + 1, base, page.stage)
                self.descriptors[slot] = table_pointer(below.address)
            elif value & 3 == 3:
                below = _Page(value & _MASK, here.level + 1, base, page.stage)
            else:
                raise ParseError(
                    f"a block at level {here.level} stands above this", coord
                )
            here = below
        return self._slot(here, number)

    def _slot(self, page: _Page, number: int) -> int:
        return page.address + DESCRIPTOR_BYTES * self.granule.index(number, page.level)

    def _put(self, slot: int, value: int, coord: Coord | None) -> None:
        if slot in self.descriptors:
            raise ParseError("this address has a descriptor already", coord)
        self.descriptors[slot] = value

    def _fill(self, table: TableLine, address: Address, entry: Entry) -> None:
        page = self._tables[table.name]
        number = self._inside(page, address)
        if entry.content is Content.PAGES:
            for step in range(self._count(entry)):
                offset = step * self.granule.bytes
                slot = self._slot(page, number + offset)
                self._put(slot, self._page(table.stage, entry, offset), entry.coord)
            return
        level = page.level
        if entry.content is Content.TABLE and self._level_of(entry) != level:
            raise ParseError("this table is of another level", entry.coord)
        value = self.entry(entry, table.stage, level)
        self._put(self._slot(page, number), value, entry.coord)

    # ------------------------------------------------------------- addresses

    def cell(self, cell: Cell, context: str) -> tuple[int, int]:
        """Return the physical address of a descriptor, and its level."""
        if cell.table:
            page = self._table(cell.table, cell.coord)
            if page.stage is not cell.stage:
                raise ParseError(
                    f"{cell.table} is a table of {page.stage.value}", cell.coord
                )
            return self._slot(page, self._inside(page, cell.address)), page.level
        number = self.names.number(cell.address, *_INPUTS[cell.stage])
        owner = self._owner(cell.stage, cell.context or context)
        root = self._roots.get((cell.stage, owner))
        if root is None:
            raise ParseError(f"no table of {cell.stage.value} is mapped", cell.coord)
        level = root.level
        slot = self._slot(root, number)
        while level != cell.level and self.descriptors.get(slot, 0) & 3 == 3:
            if level == _PAGE_LEVEL:
                break
            page = _Page(self.descriptors[slot] & _MASK, level + 1, 0, cell.stage)
            level, slot = page.level, self._slot(page, number)
        if cell.level is not None and level != cell.level:
            raise ParseError(
                f"the walk for {cell.address} ends at level {level}", cell.coord
            )
        return slot, level

    def stored(self, entry: Entry, cell: Cell, context: str) -> tuple[int, int]:
        """Return where a store of a descriptor goes, and its value.

        A block or a table says itself at which level it stands.
        """
        says = entry.content in (Content.BLOCK, Content.TABLE)
        if says and cell.level is None and not cell.table:
            cell = replace(cell, level=self._level_of(entry))
        pa, level = self.cell(cell, context)
        return pa, self.entry(entry, cell.stage, level)

    def _inside(self, page: _Page, address: Address) -> int:
        number = self.names.number(address, *_INPUTS[page.stage])
        span = self.granule.level_bytes(page.level) * self.granule.entries
        if not page.base <= number < page.base + span:
            raise ParseError(
                f"{address} is not translated by this table: use an offset from the "
                "address it was declared at",
                address.coord,
            )
        return number

    def _table(self, name: str, coord: Coord | None) -> _Page:
        if name not in self._tables:
            raise ParseError(f"no table '{name}': it needs a table line", coord)
        return self._tables[name]

    def table(self, name: str, coord: Coord | None) -> int:
        """Return the address of a table page."""
        return self._table(name, coord).address

    # ----------------------------------------------------------------- values

    def entry(self, entry: Entry, stage: Stage, level: int) -> int:
        """Return the value of a descriptor for a place of ``level``."""
        match entry.content:
            case Content.INVALID:
                return 0
            case Content.TABLE:
                return self._linked(entry, stage, level)
            case Content.PAGES:
                raise ParseError("pages(...) fills a table", entry.coord)
            case _:
                self._check_tag(stage, entry)
                wanted = self._level_of(entry)
                if wanted != level:
                    raise ParseError(
                        f"a {entry.content.value} of level {wanted} in a table of "
                        f"level {level}",
                        entry.coord,
                    )
                return leaf(
                    stage, self.granule, level, self._output(stage, entry), entry
                )

    def _linked(self, entry: Entry, stage: Stage, level: int) -> int:
        page = self._table(entry.table, entry.coord)
        if page.stage is not stage or page.level != level + 1:
            raise ParseError(
                f"{entry.table} is a table of {page.stage.value}, level {page.level}",
                entry.coord,
            )
        return table_pointer(page.address)

    def _output(self, stage: Stage, entry: Entry) -> int:
        assert entry.target is not None
        kind = output_kind(stage, self.test.stages)
        return self.names.number(entry.target, kind)

    def _check_tag(self, stage: Stage, entry: Entry) -> None:
        tags = [flag for flag in entry.attributes if flag in ("nG", "global")]
        if stage is Stage.HYP and tags and not self.e2h:
            raise ParseError(
                f"'{tags[0]}' means nothing in EL2 without E2H: write "
                "'register HCR_EL2 = RW|E2H'",
                entry.coord,
            )

    # -------------------------------------------------------------- registers

    @property
    def e2h(self) -> bool:
        """Tell whether EL2 starts as a host, with ASIDs of its own."""
        values = [r.value for r in self.test.registers if r.register == "HCR_EL2"]
        return any(
            "E2H" in value.split("|")
            if isinstance(value, str)
            else bool(value & HCR_FLAGS["E2H"])
            for value in values
        )

    def registers(self, context: str, *, vmid_bits: int) -> dict[str, int]:
        """Return the system registers of a PE with a VM loaded."""
        names = ("TTBR0_EL1", "VTTBR_EL2")
        found = {name: self.register(name, context) for name in names}
        geometry = _geometry(self.granule)
        found["TCR_EL1"] = geometry | 1 << 23 | 2 << 32  # EPD1, IPS: 40 bits
        found["MAIR_EL1"] = MAIR
        found["SCTLR_EL1"] = int(self.has_stage1(context))
        found["VTCR_EL2"] = (
            geometry
            | _start_code(self.granule) << 6
            | 2 << 16
            | (vmid_bits == 16) << 19
            | 1 << 31
        )
        found["HCR_EL2"] = self.flags("RW")
        if self.test.stages == 2:
            found["HCR_EL2"] |= self.flags("VM|FB|BSU")
        if any(stage is Stage.HYP for stage, _ in self._mapped):
            found["TTBR0_EL2"] = self.register("TTBR0_EL2", context)
            found["TCR_EL2"] = geometry | 2 << 16 | 1 << 23 | 1 << 31
            found["MAIR_EL2"] = MAIR
            found["SCTLR_EL2"] = 1
        return found

    def has_stage1(self, context: str) -> bool:
        """Tell whether a VM has stage-1 tables: if not, stage 1 is off."""
        return (Stage.S1, self.test.vms[context].stage1) in self._mapped

    def register(self, name: str, context: str) -> int:
        """Return the value of a base register for a VM."""
        vm = self.test.vms[context]
        match name:
            case "VTTBR_EL2":
                root = self._root(Stage.S2, vm.stage2).address
                return root | vm.vmid << 48 | int(vm.cnp)
            case "TTBR0_EL1":
                root = self._root(Stage.S1, vm.stage1).address
                return root | vm.asid << 48 | int(vm.cnp)
            case "TTBR0_EL2":
                root = self._root(Stage.HYP, self._owner(Stage.HYP, context)).address
                return root | (vm.asid << 48 if self.e2h else 0) | int(vm.cnp)
        raise KeyError(name)

    @staticmethod
    def flags(text: str) -> int:
        """Return the value of HCR_EL2 with some of its fields set."""
        return sum(HCR_FLAGS[word] for word in text.split("|"))


HCR_FLAGS = {
    "VM": 1 << 0,
    "FB": 1 << 9,
    "BSU": 1 << 10,
    "TGE": 1 << 27,
    "RW": 1 << 31,
    "E2H": 1 << 34,
}


def _start_level(granule: Granule) -> int:
    """Return the level at which walks of 39-bit addresses start."""
    return max(
        level
        for level in range(4)
        if granule.shift(level) < _INPUT_BITS
        and granule.shift(level) + granule.stride >= _INPUT_BITS
    )


def _start_code(granule: Granule) -> int:
    """Return VTCR_EL2.SL0."""
    return (2 if granule is Granule.K4 else 3) - _start_level(granule)


def _geometry(granule: Granule) -> int:
    """Return TnSZ, cacheability, shareability and TG0."""
    code = {Granule.K4: 0, Granule.K64: 1, Granule.K16: 2}[granule]
    return (64 - _INPUT_BITS) | 1 << 8 | 1 << 10 | 3 << 12 | code << 14
