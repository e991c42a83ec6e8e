"""Reads the lines that describe the world of a test: VMs, mappings, tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.errors import ParseError
from harness.litmus.instruction_parser import InstructionParser
from harness.litmus.instructions import Address, Content, Entry, Stage
from harness.litmus.test import IommuLine, Mapping, TableLine, Vm
from harness.litmus.tokens import Line, bounded, shown, taken

__all__ = ["WorldLines"]

MOST_VMS = 16
MOST_IOMMUS = 4
MOST_LINES = 256  # of each kind


class WorldLines:
    """What the lines read so far describe; without a ``vm`` line there is vm1."""

    def __init__(self) -> None:
        self.vms: dict[str, Vm] = {"vm1": Vm("vm1", 1, 0, False, "vm1", "vm1")}
        self.mappings: list[Mapping] = []
        self.tables: dict[str, TableLine] = {}
        self.data: list[tuple[Address, int]] = []
        self.addresses: dict[str, int] = {}
        self.iommus: list[IommuLine] = []
        self.parser = InstructionParser(self.vms)
        self.stages = 2
        self._implicit = True
        self._used = False

    @property
    def first_vm(self) -> str:
        """Return the VM that is meant where none is named."""
        self._used = True
        return next(iter(self.vms))

    def vm(self, line: Line) -> None:
        """Read ``vm NAME vmid N ...``."""
        coord = taken(line)
        if self._used:
            line.fail("'vm' lines come before 'map', 'table' and 'pe' lines")
        if self._implicit:
            self.vms.clear()
            self._implicit = False
        bounded(line, len(self.vms), MOST_VMS, "VMs")
        name = line.name("the name of a VM")
        if name in self.vms:
            line.fail(f"a second VM '{name}'")
        vm = Vm(name, len(self.vms) + 1, 0, False, name, name, coord)
        while not line.at_end():
            vm = self._vm_option(line, vm)
        self.vms[name] = vm

    def _vm_option(self, line: Line, vm: Vm) -> Vm:
        if line.accept("vmid"):
            return replace(vm, vmid=line.number("a VMID", 1 << 16))
        if line.accept("asid"):
            return replace(vm, asid=line.number("an ASID", 1 << 16))
        if line.accept("cnp"):
            return replace(vm, cnp=True)
        for stage in ("stage1", "stage2"):
            if line.accept(stage):
                owner = line.name("a VM defined before")
                if owner not in self.vms:
                    line.fail(f"no VM '{owner}' before this line")
                shared: str = getattr(self.vms[owner], stage)
                change: dict[str, Any] = {stage: shared}
                return replace(vm, **change)
        raise ParseError(
            f"expected vmid, asid, cnp, stage1 or stage2, not {shown(line.peek())}",
            line.coord,
        )

    def _context(self, line: Line) -> str:
        """Take the name of a VM if one is there, else the first VM."""
        if line.peek().text in self.vms:
            return line.take().text
        return self.first_vm

    def map(self, line: Line) -> None:
        """Read ``map ADDRESS -> TARGET``."""
        coord = taken(line)
        bounded(line, len(self.mappings), MOST_LINES, "map lines")
        only: Stage | None = None
        for word, stage in (("s1", Stage.S1), ("s2", Stage.S2), ("hyp", Stage.HYP)):
            if line.accept(word):
                only = stage
        named = only is not Stage.HYP or line.peek().text in self.vms
        context = self._context(line) if named else ""
        address = self.parser.address(line)
        line.expect("->")
        entry = self.parser.entry(line)
        first = only or Stage.S1
        self.mappings.append(Mapping(context, first, address, entry, coord))
        if line.accept("->"):
            if only is not None or self.stages == 1:
                line.fail("one stage, and a second '->'")
            if entry.target is None:
                line.fail("nothing that could be translated by stage 2 before '->'")
            second = self.parser.entry(line)
            mapping = Mapping(context, Stage.S2, entry.target, second, coord)
            self.mappings.append(mapping)
        line.finish()

    def table(self, line: Line) -> None:
        """Read ``table NAME stage N at ADDRESS level N``."""
        coord = taken(line)
        bounded(line, len(self.tables), MOST_LINES, "tables")
        name = line.name("the name of a table")
        if name in self.tables:
            line.fail(f"a second table '{name}'")
        line.expect("stage")
        stages = {"1": Stage.S1, "2": Stage.S2, "hyp": Stage.HYP}
        word = line.take().text
        if word not in stages:
            line.fail(f"no stage '{word}': 1, 2 or hyp")
        context = "" if word == "hyp" else self._context(line)
        line.expect("at")
        address = self.parser.address(line)
        line.expect("level")
        level = line.number("a level", 4)
        entries: tuple[tuple[Address, Entry], ...] = ()
        if line.accept("="):
            entry = self.parser.entry(line)
            if entry.content is not Content.PAGES:
                line.fail("a table is filled with pages(target[, count])")
            entries = ((address, entry),)
        line.finish()
        self.tables[name] = TableLine(
            name, context, stages[word], address, level, entries, coord
        )

    def entry(self, line: Line) -> None:
        """Read ``entry TABLE ADDRESS -> TARGET``."""
        line.take()
        coord = line.coord
        name = line.name("the name of a table")
        if name not in self.tables:
            raise ParseError(f"no table '{name}' before this line", coord)
        table = self.tables[name]
        bounded(line, len(table.entries), MOST_LINES, "entries")
        address = self.parser.address(line)
        line.expect("->")
        entry = self.parser.entry(line)
        line.finish()
        entries = (*table.entries, (address, entry))
        self.tables[name] = replace(table, entries=entries)

    def initial(self, line: Line) -> None:
        """Read ``data NAME = VALUE``."""
        line.take()
        bounded(line, len(self.data), MOST_LINES, "data lines")
        address = self.parser.address(line)
        line.expect("=")
        self.data.append((address, line.number("a value")))
        line.finish()

    def address(self, line: Line) -> None:
        """Read ``address NAME = NUMBER``."""
        line.take()
        name = line.name("a name")
        if name in self.addresses:
            line.fail(f"a second address for '{name}'")
        line.expect("=")
        self.addresses[name] = line.number("an address", 1 << 48)
        line.finish()

    def iommu(self, line: Line) -> None:
        """Read ``iommu VM``."""
        line.take()
        bounded(line, len(self.iommus), MOST_IOMMUS, "IOMMUs")
        context = self._context(line)
        coherent = not line.accept("incoherent")
        line.finish()
        self.iommus.append(IommuLine(context, coherent))
