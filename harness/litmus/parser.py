"""Reads a litmus file; what it does not understand is an error with its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import ParseError
from harness.litmus.condition import Condition, read_condition
from harness.litmus.expectation_parser import expectations
from harness.litmus.instruction_parser import InstructionParser
from harness.litmus.instructions import (
    Address,
    Content,
    Drop,
    Entry,
    Free,
    Instruction,
    Load,
    LockOp,
    Release,
    Stage,
    Wait,
    Zero,
)
from harness.litmus.test import (
    Expectation,
    Mapping,
    PeProgram,
    TableLine,
    Test,
    TraceStep,
    Vm,
)
from harness.litmus.tokens import Line, read_lines, shown
from reference_model.coordinates import Coord

__all__ = ["parse"]

LARGEST_FILE = 64 * 1024
MOST_PES = 8
MOST_VMS = 16
MOST_LINES_OF_WORLD = 256
MOST_INSTRUCTIONS = 64  # of one PE
MOST_STEPS = 1024  # of a trace

# What makes sense where time is the order of the lines, and what where it is not.
_TRACE_ONLY = (Release, Free, Drop, Zero, LockOp)
_PROGRAM_ONLY = (Load, Wait)
_MNEMONIC = re.compile(r"[A-Z]{2,7}$")


def parse(text: str, name: str = "<string>") -> Test:
    """Read a test from the text of a file; ``name`` is used in messages."""
    if len(text) > LARGEST_FILE:
        raise ParseError(
            f"{len(text)} characters; a test has at most {LARGEST_FILE}", Coord(name, 1)
        )
    reader = _Reader(name)
    for line in read_lines(text, name):
        reader.read(line)
    return reader.finished()


@dataclass(slots=True)
class _Pe:
    header: PeProgram
    body: list[Instruction] = field(default_factory=list)
    on_fault: list[Instruction] = field(default_factory=list)

    def program(self) -> PeProgram:
        return replace(
            self.header, body=tuple(self.body), on_fault=tuple(self.on_fault)
        )


class _Reader:
    """Takes line by line; a section is what the instructions read go into."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._texts: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._vms: dict[str, Vm] = {}
        self._implicit = True  # no vm line yet: there is one VM, vm1
        self._mappings: list[Mapping] = []
        self._tables: dict[str, TableLine] = {}
        self._data: list[tuple[Address, int]] = []
        self._addresses: dict[str, int] = {}
        self._assumptions: list[tuple[str, str]] = []
        self._pes: dict[int, _Pe] = {}
        self._section: list[Instruction] | None = None
        self._current: _Pe | None = None
        self._traces: dict[str, list[TraceStep]] = {}
        self._trace: list[TraceStep] | None = None
        self._condition: Condition | None = None
        self._asked: Coord | None = None
        self._expectations: list[Expectation] = []
        self._vms["vm1"] = Vm("vm1", 1, 0, False, "vm1", "vm1")
        self._parser = InstructionParser(self._vms)
        self._keywords: dict[str, Callable[[Line], None]] = {
            **dict.fromkeys(("test", "about", "origin", "profile"), self._text),
            "stages": self._stages,
            "granule": self._granule,
            "assume": self._assume,
            "vm": self._vm,
            "map": self._map,
            "table": self._table,
            "entry": self._entry,
            "data": self._initial,
            "address": self._address,
            "pe": self._pe,
            "on": self._on_fault,
            "trace": self._trace_line,
            "exists": self._exists,
            "verdict": self._expected,
            "finding": self._expected,
        }

    def read(self, line: Line) -> None:
        """Take one line."""
        first = line.text.split(None, 1)[0]
        if first[0].isdigit():
            self._step(line)
            return
        word = re.match(r"[\w]*", first)
        keyword = word.group() if word else first
        if _MNEMONIC.match(keyword):
            self._instructions(line)
            return
        handler = self._keywords.get(keyword)
        if handler is None:
            line.peek()
            line.fail(f"no keyword '{first}': {', '.join(self._keywords)}")
        if keyword not in ("on",):
            self._section = self._trace = self._current = None
        handler(line)

    # ---------------------------------------------------------------- header

    def _text(self, line: Line) -> None:
        keyword, _, rest = line.text.strip().partition(" ")
        rest = rest.strip()
        if not rest:
            line.peek()
            line.fail(f"'{keyword}' says nothing: write it on the same line")
        if keyword in self._texts:
            line.fail(f"a second '{keyword}' line: a file holds one test")
        if keyword == "test" and re.search(r"\s", rest):
            line.fail("the name of a test has no spaces in it: use 'about'")
        self._texts[keyword] = rest

    def _once(self, line: Line, keyword: str, value: int) -> None:
        if keyword in self._numbers:
            line.fail(f"a second '{keyword}' line")
        self._numbers[keyword] = value

    def _stages(self, line: Line) -> None:
        line.take()
        value = line.number("1 or 2")
        line.finish()
        if value not in (1, 2):
            line.fail("stages are 1 or 2")
        self._once(line, "stages", value)

    def _granule(self, line: Line) -> None:
        line.take()
        text = line.rest()
        sizes = {"4k": 12, "16k": 14, "64k": 16}
        if text not in sizes:
            line.fail(f"no granule '{text}': 4k, 16k or 64k")
        self._once(line, "granule", sizes[text])

    def _assume(self, line: Line) -> None:
        line.take()
        name = line.name("an assumption, as in combined_tlb = off")
        line.expect("=")
        if line.peek().kind not in ("name", "number"):
            line.fail(f"expected on, off or a number, not {shown(line.peek())}")
        self._assumptions.append((name, line.take().text))
        line.finish()

    # ----------------------------------------------------------------- world

    def _bounded(self, line: Line, count: int, limit: int, what: str) -> None:
        if count >= limit:
            line.fail(f"more than {limit} {what}")

    def _vm(self, line: Line) -> None:
        coord = _taken(line)
        if self._mappings or self._tables or self._pes:
            line.fail("'vm' lines come before 'map', 'table' and 'pe' lines")
        if self._implicit:
            self._vms.clear()
            self._implicit = False
        self._bounded(line, len(self._vms), MOST_VMS, "VMs")
        name = line.name("the name of a VM")
        if name in self._vms:
            line.fail(f"a second VM '{name}'")
        vm = Vm(name, len(self._vms) + 1, 0, False, name, name, coord)
        while not line.at_end():
            vm = self._vm_option(line, vm)
        self._vms[name] = vm

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
                if owner not in self._vms:
                    line.fail(f"no VM '{owner}' before this line")
                shared: str = getattr(self._vms[owner], stage)
                change: dict[str, Any] = {stage: shared}
                return replace(vm, **change)
        raise ParseError(
            f"expected vmid, asid, cnp, stage1 or stage2, not {shown(line.peek())}",
            line.coord,
        )

    def _context(self, line: Line) -> str:
        """Take the name of a VM if one is there, else the first VM."""
        if line.peek().text in self._vms:
            return line.take().text
        return next(iter(self._vms))

    def _map(self, line: Line) -> None:
        coord = _taken(line)
        self._bounded(line, len(self._mappings), MOST_LINES_OF_WORLD, "map lines")
        only: Stage | None = None
        for word, stage in (("s1", Stage.S1), ("s2", Stage.S2), ("hyp", Stage.HYP)):
            if line.accept(word):
                only = stage
        context = "" if only is Stage.HYP else self._context(line)
        address = self._parser.address(line)
        line.expect("->")
        entry = self._parser.entry(line)
        first = only or Stage.S1
        self._mappings.append(Mapping(context, first, address, entry, coord))
        if line.accept("->"):
            if only is not None or self._numbers.get("stages", 2) == 1:
                line.fail("one stage, and a second '->'")
            if entry.target is None:
                line.fail("nothing that could be translated by stage 2 before '->'")
            second = self._parser.entry(line)
            mapping = Mapping(context, Stage.S2, entry.target, second, coord)
            self._mappings.append(mapping)
        line.finish()

    def _table(self, line: Line) -> None:
        coord = _taken(line)
        self._bounded(line, len(self._tables), MOST_LINES_OF_WORLD, "tables")
        name = line.name("the name of a table")
        if name in self._tables:
            line.fail(f"a second table '{name}'")
        line.expect("stage")
        stages = {"1": Stage.S1, "2": Stage.S2, "hyp": Stage.HYP}
        word = line.take().text
        if word not in stages:
            line.fail(f"no stage '{word}': 1, 2 or hyp")
        context = "" if word == "hyp" else self._context(line)
        line.expect("at")
        address = self._parser.address(line)
        line.expect("level")
        level = line.number("a level", 4)
        entries: tuple[tuple[Address, Entry], ...] = ()
        if line.accept("="):
            entry = self._parser.entry(line)
            if entry.content is not Content.PAGES:
                line.fail("a table is filled with pages(target[, count])")
            entries = ((address, entry),)
        line.finish()
        self._tables[name] = TableLine(
            name, context, stages[word], address, level, entries, coord
        )

    def _entry(self, line: Line) -> None:
        line.take()
        coord = line.coord
        name = line.name("the name of a table")
        if name not in self._tables:
            raise ParseError(f"no table '{name}' before this line", coord)
        table = self._tables[name]
        self._bounded(line, len(table.entries), MOST_LINES_OF_WORLD, "entries")
        address = self._parser.address(line)
        line.expect("->")
        entry = self._parser.entry(line)
        line.finish()
        entries = (*table.entries, (address, entry))
        self._tables[name] = replace(table, entries=entries)

    def _initial(self, line: Line) -> None:
        line.take()
        self._bounded(line, len(self._data), MOST_LINES_OF_WORLD, "data lines")
        address = self._parser.address(line)
        line.expect("=")
        self._data.append((address, line.number("a value")))
        line.finish()

    def _address(self, line: Line) -> None:
        line.take()
        name = line.name("a name")
        if name in self._addresses:
            line.fail(f"a second address for '{name}'")
        line.expect("=")
        self._addresses[name] = line.number("an address", 1 << 48)
        line.finish()

    # -------------------------------------------------------------- programs

    def _pe(self, line: Line) -> None:
        coord = _taken(line)
        number = line.number("a PE number", MOST_PES)
        if number != len(self._pes):
            line.fail(f"PEs are numbered in order: this is pe {len(self._pes)}")
        el = {"el1": 1, "el2": 2}.get(line.peek().text)
        if el is None:
            line.fail(f"expected el1 or el2, not {shown(line.peek())}")
        line.take()
        context = next(iter(self._vms))
        if line.peek().kind == "name":
            here = line.coord
            context = line.name("a VM")
            if context not in self._vms:
                raise ParseError(f"no VM '{context}': {', '.join(self._vms)}", here)
        line.accept(":")
        line.finish()
        pe = self._pes[number] = _Pe(PeProgram(number, el, context, coord=coord))
        self._current, self._section = pe, pe.body

    def _on_fault(self, line: Line) -> None:
        line.take()
        line.expect("fault")
        line.accept(":")
        line.finish()
        if self._current is None or self._section is not self._current.body:
            line.fail("'on fault:' stands after the instructions of a 'pe' line")
        self._section = self._current.on_fault

    def _instructions(self, line: Line) -> None:
        if self._section is None:
            line.peek()
            if self._trace is not None:
                line.fail("a line of a trace starts with the number of the PE")
            line.fail("an instruction outside 'pe N ...:'")
        self._bounded(line, len(self._section), MOST_INSTRUCTIONS, "instructions")
        found = self._parser.instructions(line)
        for instruction in found:
            if isinstance(instruction, _TRACE_ONLY):
                raise ParseError(
                    f"'{instruction.text}' belongs into a trace", instruction.coord
                )
        self._section.extend(found)

    def _trace_line(self, line: Line) -> None:
        line.take()
        kind = "trace"
        if line.accept("without"):
            line.expect("ntlbpa")
            kind = "without ntlbpa"
        line.accept(":")
        line.finish()
        if kind in self._traces:
            line.fail(f"a second '{kind}:'")
        self._trace = self._traces[kind] = []

    def _step(self, line: Line) -> None:
        if self._trace is None:
            line.peek()
            line.fail("a line of a trace outside 'trace:'")
        self._bounded(line, len(self._trace), MOST_STEPS, "lines of a trace")
        pe = line.number("a PE number", MOST_PES)
        for instruction in self._parser.instructions(line):
            if isinstance(instruction, _PROGRAM_ONLY):
                raise ParseError(
                    f"'{instruction.text}' belongs into the program of a PE: "
                    "what a trace asks is asked of the TLBs, not of a load",
                    instruction.coord,
                )
            self._trace.append(TraceStep(pe, instruction))

    # -------------------------------------------------------------- question

    def _exists(self, line: Line) -> None:
        self._asked = _taken(line)
        if self._condition is not None:
            line.fail("a second 'exists': a test asks one question")
        self._condition = read_condition(line)

    def _expected(self, line: Line) -> None:
        self._expectations.append(expectations(line))

    # ------------------------------------------------------------ the result

    def finished(self) -> Test:
        """Return the test; raises an error for what is missing."""
        if "test" not in self._texts:
            raise ParseError(
                "no 'test NAME' line: is this a litmus file?", Coord(self._file, 1)
            )
        self._complete()
        return Test(
            self._texts["test"],
            self._file,
            self._texts.get("about", ""),
            self._texts.get("origin", ""),
            self._texts.get("profile", "P0-v8.0"),
            self._numbers.get("stages", 2),
            self._numbers.get("granule", 12),
            tuple(self._assumptions),
            self._vms,
            tuple(self._mappings),
            tuple(self._tables.values()),
            tuple(self._data),
            self._addresses,
            tuple(pe.program() for pe in self._pes.values()),
            self._condition,
            tuple(self._traces.get("trace", ())),
            tuple(self._traces["without ntlbpa"])
            if "without ntlbpa" in self._traces
            else None,
            tuple(self._expectations),
        )

    def _complete(self) -> None:
        """Check that a question, its programs and its answer belong together."""
        end = Coord(self._file, 1)
        traced = "trace" in self._traces
        if traced == (self._condition is not None):
            raise ParseError(
                "a test has either 'trace:' or 'exists'", self._asked or end
            )
        if not self._pes:
            raise ParseError("no 'pe' line", end)
        if not self._expectations:
            wanted = "finding" if traced else "verdict"
            raise ParseError(f"no '{wanted}' line: what should come out?", end)
        for expected in self._expectations:
            if (expected.verdict is None) != traced:
                right, wrong = (
                    ("finding", "verdict") if traced else ("verdict", "finding")
                )
                raise ParseError(
                    f"'{wrong}' does not answer this question: use '{right}'",
                    expected.coord,
                )
        for steps in self._traces.values():
            for step in steps:
                if step.pe >= len(self._pes):
                    raise ParseError(f"no 'pe {step.pe}' line", step.instruction.coord)
        for pe in self._pes.values():
            if traced and pe.body:
                raise ParseError(
                    "a PE with a program, and a trace: write its steps into the trace",
                    pe.header.coord,
                )


def _taken(line: Line) -> Coord:
    """Take the keyword of a line; returns where it stands."""
    line.peek()
    coord = line.coord
    line.take()
    return coord
