"""Reads instructions, places and values of a litmus file."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, NoReturn

from harness.errors import ParseError
from harness.litmus.condition import read_register
from harness.litmus.instructions import (
    Address,
    At,
    Barrier,
    CacheOp,
    Cell,
    Content,
    Drop,
    Entry,
    Eret,
    Free,
    Hvc,
    Instruction,
    IotlbFlush,
    Isb,
    Load,
    LockOp,
    Msr,
    Number,
    Place,
    Register,
    Release,
    Scrub,
    Stage,
    Store,
    Tlbi,
    Value,
    Wait,
    Zero,
)
from harness.litmus.tokens import Line, shown
from reference_model.coordinates import Coord
from reference_model.events import Access, BarrierKind, Domain
from reference_model.tlbi import decode_operation
from reference_model.unmodelled import Unmodelled

__all__ = ["InstructionParser"]

ATTRIBUTES = (
    "ro",
    "wo",
    "none",
    "rw",
    "xn",
    "device",
    "nc",
    "wb",
    "nsh",
    "ish",
    "osh",
    "global",
    "nG",
    "contiguous",
    "nT",
    "af0",
    "dbm",
    "el0",
)
TLBI_OPTIONS = ("asid", "ttl", "tg", "scale", "num")
_DOMAINS = {"": Domain.SY} | {d.value.upper(): d for d in Domain}
_DEPENDENT: dict[str, tuple[type[Instruction], ...]] = {
    "addr": (Load, Store, Wait, Tlbi),
    "data": (Store,),
    "ctrl": (Load, Store, Wait, Tlbi, Barrier, Isb),
}
_LAST_LEVEL = 3
MOST_TIMES = 1 << 18


class InstructionParser:
    """Reads what stands after the keyword of a line; knows the names of VMs."""

    def __init__(self, contexts: Collection[str]) -> None:
        self._contexts = contexts
        self._readers: dict[str, Callable[[Line, Coord, str], Instruction]] = {
            **dict.fromkeys(("LDR", "LDAR", "LDAPR"), self._load),
            **dict.fromkeys(("STR", "STLR"), self._store),
            **dict.fromkeys(("DSB", "DMB"), self._barrier),
            "WAIT": self._wait,
            "ISB": lambda _, coord, __: Isb(coord, "ISB"),
            "TLBI": self._tlbi,
            "MSR": self._msr,
            "ERET": lambda _, coord, __: Eret(coord, "ERET"),
            "HVC": lambda _, coord, __: Hvc(coord, "HVC"),
            "AT": self._at,
            **dict.fromkeys(("DC", "IC"), self._cache),
            "RELEASE": self._release,
            "FREE": lambda line, coord, _: Free(coord, "", line.name("a table")),
            **dict.fromkeys(("DROP", "SCRUB"), self._drop),
            "IOTLBI": self._iotlb,
            "ZERO": lambda line, coord, _: Zero(coord, "", line.name("a table")),
            **dict.fromkeys(("LOCK", "UNLOCK"), self._lock),
        }

    # ----------------------------------------------------------- instructions

    def instructions(self, line: Line) -> list[Instruction]:
        """Read the instructions of a line, ``;`` between them."""
        found = [self._instruction(line)]
        while line.accept(";"):
            found.append(self._instruction(line))
        line.finish()
        return found

    def _instruction(self, line: Line) -> Instruction:
        coord, start = line.coord, line.peek().column
        op = line.name("an instruction or its label")
        label = ""
        if line.accept(":"):
            label, op = op, line.name("an instruction")
        reader = self._readers.get(op)
        if reader is None:
            known = ", ".join(self._readers)
            raise_at(coord, f"no instruction '{op}': {known}")
        read = reader(line, coord, op)
        read = self._dependencies(line, read, op)
        text = line.text[start - 1 : line.peek().column - 1].strip()
        return replace(read, text=text, label=label)

    def _dependencies(self, line: Line, read: Instruction, op: str) -> Instruction:
        fields = {"addr": "address_from", "data": "data_from", "ctrl": "control_from"}
        while line.peek().text in fields:
            word = line.peek().text
            if not isinstance(read, _DEPENDENT[word]):
                line.fail(f"{op} has no {word}() dependency")
            name = fields[line.take().text]
            line.expect("(")
            number = read_register(line)
            line.expect(")")
            change: dict[str, Any] = {name: (*getattr(read, name), number)}
            read = replace(read, **change)
        return read

    def _load(self, line: Line, coord: Coord, op: str) -> Instruction:
        register = read_register(line)
        line.expect(",")
        return Load(coord, "", op, register, self.place(line))

    def _store(self, line: Line, coord: Coord, op: str) -> Instruction:
        value = self.value(line)
        line.expect(",")
        data = (value.number,) if isinstance(value, Register) else ()
        return Store(coord, "", op, value, self.place(line), data_from=data)

    def _wait(self, line: Line, coord: Coord, _: str) -> Instruction:
        register = read_register(line)
        line.expect(",")
        place = self.place(line)
        line.expect("=")
        return Wait(coord, "", "LDR", register, place, line.number("a value"))

    def _barrier(self, line: Line, coord: Coord, op: str) -> Instruction:
        here = line.coord
        option = line.name("an option such as ISHST")
        domain, nxs = option.upper(), False
        if domain.endswith("NXS"):
            domain, nxs = domain[:-3], True
        access = Access.ALL
        for narrow in (Access.LD, Access.ST):
            if domain.endswith(narrow.value.upper()):
                domain, access = domain[:-2], narrow
        known = domain in _DOMAINS and (domain or access is not Access.ALL)
        full = domain != "SY" or access is Access.ALL
        plain = not nxs or (op == "DSB" and access is Access.ALL)
        if not (known and full and plain):
            raise_at(here, f"no {op} {option}")
        kind = BarrierKind[op]
        return Barrier(coord, "", kind, _DOMAINS[domain], access, nxs)

    def _tlbi(self, line: Line, coord: Coord, _: str) -> Instruction:
        here = line.coord
        op = line.name("an operation such as VMALLS12E1IS").upper()
        try:
            decode_operation(op)
        except Unmodelled as unmodelled:
            raise_at(here, f"no operation: {unmodelled}")
        operand: Address | None = None
        options: list[tuple[str, int]] = []
        if line.accept(",") and not line.accept("XZR"):
            bare = line.peek().text in TLBI_OPTIONS
            operand = Address("", 0, line.coord) if bare else self.address(line)
            while line.peek().text in TLBI_OPTIONS:
                name = line.take().text
                line.expect("=")
                options.append((name, line.number(f"a value for {name}", 1 << 16)))
        times = 1
        if operand is not None and line.accept("times"):
            times = line.number("how many times", MOST_TIMES + 1)
        return Tlbi(coord, "", op, operand, tuple(options), max(times, 1))

    def _msr(self, line: Line, coord: Coord, _: str) -> Instruction:
        return self.register(line, coord, ",")

    def register(self, line: Line, coord: Coord, between: str) -> Msr:
        """Read a system register and its value."""
        register = line.name("a register such as VTTBR_EL2").upper()
        line.expect(between)
        if line.peek().kind == "number":
            return Msr(coord, "", register, line.number("a value"))
        words = [line.name("a number, a VM or flags such as VM|FB")]
        while line.accept("|"):
            words.append(line.name("a flag"))
        return Msr(coord, "", register, "|".join(words))

    def _at(self, line: Line, coord: Coord, _: str) -> Instruction:
        op = line.name("an operation such as S1E1R").upper()
        line.expect(",")
        return At(coord, "", op, self.address(line))

    def _cache(self, line: Line, coord: Coord, op: str) -> Instruction:
        name = line.name("an operation such as CVAC").upper()
        place = self.place(line) if line.accept(",") else None
        return CacheOp(coord, "", f"{op} {name}", place)

    def _release(self, line: Line, coord: Coord, _: str) -> Instruction:
        token = line.peek()
        if token.kind != "text":
            line.fail(f'expected what relies on the change, in "", not {shown(token)}')
        return Release(coord, "", line.take().text.strip('"'))

    def _drop(self, line: Line, coord: Coord, op: str) -> Instruction:
        address = self.address(line)
        size = line.number("a size", 1 << 40) if line.accept(",") else 4096
        kind = Drop if op == "DROP" else Scrub
        return kind(coord, "", address, size)

    def _iotlb(self, line: Line, coord: Coord, _: str) -> Instruction:
        number = 0 if line.at_end() else line.number("the number of an IOMMU", 8)
        return IotlbFlush(coord, "", number)

    def _lock(self, line: Line, coord: Coord, op: str) -> Instruction:
        return LockOp(coord, "", line.name("the name of a lock"), op == "LOCK")

    # ------------------------------------------------------- places and values

    def address(self, line: Line) -> Address:
        """Read ``x``, ``x+0x1000`` or a number."""
        coord = line.coord
        if line.peek().kind == "number":
            return Address("", line.number("an address", 1 << 52), coord)
        name = line.name("an address")
        offset = line.number("an offset", 1 << 48) if line.accept("+") else 0
        return Address(name, offset, coord)

    def place(self, line: Line) -> Place:
        """Read an address, or the descriptor for one."""
        if line.peek().text in [stage.value for stage in Stage]:
            return self._cell(line)
        return self.address(line)

    def _cell(self, line: Line) -> Cell:
        coord = line.coord
        stage = Stage(line.take().text)
        table = line.name("a table") if line.accept("@") else ""
        line.expect("(")
        context = ""
        if line.peek().text in self._contexts:
            context = line.take().text
            line.expect(",")
        address = self.address(line)
        level = line.number("a level", _LAST_LEVEL + 1) if line.accept(",") else None
        line.expect(")")
        return Cell(stage, address, level, context, table, coord)

    def value(self, line: Line) -> Value:
        """Read a number, a register or a descriptor."""
        token = line.peek()
        if token.kind == "number":
            return Number(line.number("a value"))
        if token.text in [content.value for content in Content]:
            return self.entry(line)
        if token.text[:1] == "r" and token.text[1:].isdecimal():
            return Register(read_register(line))
        raise ParseError(
            "expected a number, a register, invalid, page(...), block(...) or "
            f"table(...), not {shown(token)}",
            line.coord,
        )

    def entry(self, line: Line) -> Entry:
        """Read a descriptor; an address alone is a page."""
        coord = line.coord
        text = line.peek().text
        if text not in [content.value for content in Content]:
            return Entry(Content.PAGE, self.address(line), coord=coord)
        content = Content(line.take().text)
        if content is Content.INVALID:
            level = None
            if line.accept("("):
                level = line.number("a level", _LAST_LEVEL + 1)
                line.expect(")")
            return Entry(content, level=level, coord=coord)
        line.expect("(")
        if content is Content.TABLE:
            entry = Entry(content, table=line.name("a table"), coord=coord)
        else:
            entry = self._leaf(line, content, coord)
        line.expect(")")
        return entry

    def _leaf(self, line: Line, content: Content, coord: Coord) -> Entry:
        target = self.address(line)
        level: int | None = None
        if content is Content.BLOCK:
            line.expect(",")
            level = line.number("a level", _LAST_LEVEL)
        count = 0
        attributes: list[str] = []
        while line.accept(","):
            if content is Content.PAGES and line.peek().kind == "number":
                count = line.number("a number of pages", 8193)
                continue
            word = line.peek().text
            if word not in ATTRIBUTES:
                known = ", ".join(ATTRIBUTES)
                line.fail(f"no attribute {shown(line.peek())}: {known}")
            attributes.append(line.take().text)
        return Entry(content, target, level, "", count, tuple(attributes), coord)


def raise_at(coord: Coord, message: str) -> NoReturn:
    """Raise an error at a place that has been read already."""
    raise ParseError(message, coord)
