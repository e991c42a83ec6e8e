"""Reads a litmus file; what it does not understand is an error with its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from harness.errors import ParseError
from harness.litmus.condition import Condition, read_condition
from harness.litmus.expectation_parser import expectations
from harness.litmus.instructions import (
    Drop,
    Free,
    Instruction,
    IotlbFlush,
    Load,
    LockOp,
    Msr,
    Release,
    Scrub,
    Wait,
    Zero,
)
from harness.litmus.test import (
    Expectation,
    PeProgram,
    Test,
    TraceStep,
)
from harness.litmus.tokens import Line, bounded, read_lines, shown, taken
from harness.litmus.world_parser import WorldLines
from reference_model.coordinates import Coord

__all__ = ["parse"]

LARGEST_FILE = 64 * 1024
LONGEST_NAME = 64
MOST_PES = 8
MOST_REGISTERS = 16
MOST_INSTRUCTIONS = 64  # of one PE
MOST_STEPS = 1024  # of a trace

# What makes sense where time is the order of the lines, and what where it is not.
_TRACE_ONLY = (Release, Free, Drop, Scrub, Zero, LockOp, IotlbFlush)
_PROGRAM_ONLY = (Load, Wait)
_MNEMONIC = re.compile(r"[A-Z]{2,7}$")
_LABEL = re.compile(r"[A-Z]\w*:")


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
        self._world = WorldLines()
        self._registers: list[Msr] = []
        self._assumptions: list[tuple[str, str]] = []
        self._pes: dict[int, _Pe] = {}
        self._section: list[Instruction] | None = None
        self._current: _Pe | None = None
        self._traces: dict[str, list[TraceStep]] = {}
        self._trace: list[TraceStep] | None = None
        self._condition: Condition | None = None
        self._asked: Coord | None = None
        self._expectations: list[Expectation] = []
        self._keywords: dict[str, Callable[[Line], None]] = {
            **dict.fromkeys(("test", "about", "origin", "profile"), self._text),
            "stages": self._stages,
            "granule": self._granule,
            "conflict": self._conflict,
            "register": self._register,
            "assume": self._assume,
            "vm": self._world.vm,
            "map": self._world.map,
            "table": self._world.table,
            "entry": self._world.entry,
            "data": self._world.initial,
            "address": self._world.address,
            "iommu": self._world.iommu,
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
        if _MNEMONIC.match(keyword) or _LABEL.match(first):
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
        if keyword == "test":
            self._check_name(line, rest)
        self._texts[keyword] = rest

    @staticmethod
    def _check_name(line: Line, name: str) -> None:
        if re.search(r"\s", name):
            line.fail("the name of a test has no spaces in it: use 'about'")
        if len(name) > LONGEST_NAME:
            line.fail(f"a name of {len(name)} characters; at most {LONGEST_NAME}")

    def _once(self, line: Line, keyword: str, value: int) -> None:
        if keyword in self._numbers:
            line.fail(f"a second '{keyword}' line")
        self._numbers[keyword] = value
        self._world.stages = self._numbers.get("stages", 2)

    def _stages(self, line: Line) -> None:
        line.take()
        value = line.number("1 or 2")
        line.finish()
        if value not in (1, 2):
            line.fail("stages are 1 or 2")
        self._once(line, "stages", value)

    def _granule(self, line: Line) -> None:
        text = line.text.strip().partition(" ")[2].strip()
        sizes = {"4k": 12, "16k": 14, "64k": 16}
        if text not in sizes:
            line.fail(f"no granule '{text}': 4k, 16k or 64k")
        self._once(line, "granule", sizes[text])

    def _conflict(self, line: Line) -> None:
        for word in ("conflict", "aborts", "unhandled"):
            line.expect(word)
        line.finish()
        self._once(line, "conflict", 0)

    def _register(self, line: Line) -> None:
        bounded(line, len(self._registers), MOST_REGISTERS, "registers")
        self._registers.append(self._world.parser.register(line, taken(line), "="))
        line.finish()

    def _assume(self, line: Line) -> None:
        line.take()
        name = line.name("an assumption, as in combined_tlb = off")
        line.expect("=")
        if line.peek().kind not in ("name", "number"):
            line.fail(f"expected on, off or a number, not {shown(line.peek())}")
        self._assumptions.append((name, line.take().text))
        line.finish()

    # -------------------------------------------------------------- programs

    def _pe(self, line: Line) -> None:
        coord = taken(line)
        number = line.number("a PE number", MOST_PES)
        if number != len(self._pes):
            line.fail(f"PEs are numbered in order: this is pe {len(self._pes)}")
        el = {"el1": 1, "el2": 2}.get(line.peek().text)
        if el is None:
            line.fail(f"expected el1 or el2, not {shown(line.peek())}")
        line.take()
        header = self._pe_options(line, PeProgram(number, el, "", coord=coord))
        line.accept(":")
        line.finish()
        pe = self._pes[number] = _Pe(header)
        self._current, self._section = pe, pe.body

    def _pe_options(self, line: Line, header: PeProgram) -> PeProgram:
        context = self._world.first_vm
        if line.peek().kind == "name" and line.peek().text not in ("domain", "after"):
            context = self._named_vm(line)
        header = replace(header, context=context)
        while True:
            if line.accept("domain"):
                number = line.number("a number of a domain", MOST_PES)
                header = replace(header, domain=number)
            elif line.accept("after"):
                header = replace(header, after=(*header.after, self._named_vm(line)))
            else:
                return header

    def _named_vm(self, line: Line) -> str:
        if line.peek().text not in self._world.vms:
            known = ", ".join(self._world.vms)
            line.fail(f"no VM {shown(line.peek())}: {known}")
        return line.take().text

    def _on_fault(self, line: Line) -> None:
        line.take()
        line.expect("fault")
        if self._current is None or self._section is not self._current.body:
            line.fail("'on fault:' stands after the instructions of a 'pe' line")
        header = self._current.header
        for name, el in (("el1", 1), ("el2", 2)):
            if line.accept(name):
                self._current.header = replace(header, fault_el=el)
        line.accept(":")
        line.finish()
        self._section = self._current.on_fault

    def _instructions(self, line: Line) -> None:
        if self._section is None:
            line.peek()
            if self._trace is not None:
                line.fail("a line of a trace starts with the number of the PE")
            line.fail("an instruction outside 'pe N ...:'")
        found = self._world.parser.instructions(line)
        after = len(self._section) + len(found) - 1
        bounded(line, after, MOST_INSTRUCTIONS, "instructions")
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
            if line.peek().text not in ("ntlbpa", "errata"):
                line.fail(f"expected ntlbpa or errata, not {shown(line.peek())}")
            kind = f"without {line.take().text}"
        line.accept(":")
        line.finish()
        if kind in self._traces:
            line.fail(f"a second '{kind}:'")
        self._trace = self._traces[kind] = []

    def _step(self, line: Line) -> None:
        if self._trace is None:
            line.peek()
            line.fail("a line of a trace outside 'trace:'")
        pe = line.number("a PE number", MOST_PES)
        found = self._world.parser.instructions(line)
        after = len(self._trace) + len(found) - 1
        bounded(line, after, MOST_STEPS, "steps of a trace")
        for instruction in found:
            if isinstance(instruction, _PROGRAM_ONLY):
                raise ParseError(
                    f"'{instruction.text}' belongs into the program of a PE: "
                    "what a trace asks is asked of the TLBs, not of a load",
                    instruction.coord,
                )
            self._trace.append(TraceStep(pe, instruction))

    # -------------------------------------------------------------- question

    def _exists(self, line: Line) -> None:
        self._asked = taken(line)
        if self._condition is not None:
            line.fail("a second 'exists': a test asks one question")
        self._condition = read_condition(line, self._world.parser)

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
            self._numbers.get("conflict", 1) == 1,
            tuple(self._registers),
            tuple(self._assumptions),
            self._world.vms,
            tuple(self._world.mappings),
            tuple(self._world.tables.values()),
            tuple(self._world.data),
            self._world.addresses,
            tuple(pe.program() for pe in self._pes.values()),
            tuple(self._world.iommus),
            self._condition,
            tuple(self._traces.get("trace", ())),
            self._other("without ntlbpa"),
            self._other("without errata"),
            tuple(self._expectations),
        )

    def _other(self, kind: str) -> tuple[TraceStep, ...] | None:
        found = self._traces.get(kind)
        return None if found is None else tuple(found)

    def _complete(self) -> None:
        """Check that a question, its programs and its answer belong together."""
        end = Coord(self._file, 1)
        traced = "trace" in self._traces
        if self._traces and not traced:
            raise ParseError("'trace without ...' needs a 'trace:' beside it", end)
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
            self._fitting(pe, traced=traced)
        if not traced and (self._world.iommus or "conflict" in self._numbers):
            raise ParseError("IOMMUs and conflict aborts belong to a trace", end)

    @staticmethod
    def _fitting(pe: _Pe, *, traced: bool) -> None:
        """Refuse what the question that is asked would not look at."""
        header = pe.header
        if traced and pe.body:
            raise ParseError(
                "a PE with a program, and a trace: write its steps into the trace",
                header.coord,
            )
        if traced and header.after:
            raise ParseError(
                "'after' belongs to a program: a trace says ERET, HVC and MSR",
                header.coord,
            )
        if header.domain and not traced:
            raise ParseError("'domain' belongs to a trace", header.coord)
