"""What calls of a function may execute: instructions, stores, other functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.ir.nodes import (
    Asm,
    Call,
    FunctionDef,
    Unit,
)
from harness.ir.walk import walk
from reference_model.events import Tlbi
from reference_model.tlbi import By, decode_operation
from reference_model.unmodelled import Unmodelled

__all__ = ["Effects", "Reach", "covers", "instructions_of"]

_INSTRUCTION = re.compile(r"\b(tlbi|dsb|dmb|isb)\b[ \t]*([a-z0-9]*)", re.I)


@dataclass(frozen=True, slots=True)
class Reach:
    """Instructions of TLB maintenance and functions, each once."""

    instructions: frozenset[str]
    functions: frozenset[str]


class Effects:
    """The functions of a unit by what they do, whatever they are called."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._own: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self._order: dict[str, int] = {}

    def function(self, name: str) -> FunctionDef | None:
        """Return a function that has a body."""
        return self._unit.functions.get(name)

    def order(self, name: str) -> int:
        """Return the place of a function among all."""
        if not self._order:
            names = self._unit.functions.keys()
            self._order = {name: number for number, name in enumerate(names)}
        return self._order[name]

    def reach(self, name: str) -> Reach:
        """Return what a call of a function comes to."""
        instructions: set[str] = set()
        seen: dict[str, None] = {}
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one in seen or one not in self._unit.functions:
                continue
            seen[one] = None
            executed, called = self._direct(one)
            instructions |= executed
            waiting += sorted(called)
        return Reach(frozenset(instructions), frozenset(seen))

    def reaching(self, instruction: str) -> Iterator[str]:
        """Yield the functions that come to an instruction, the simplest first."""
        return self._reaching(lambda written: written == instruction)

    def stronger(self, wanted: Tlbi) -> Iterator[str]:
        """Yield the functions that remove more than a TLBI does, on the same PEs."""
        name = wanted.op.lower()
        return self._reaching(
            lambda written: (
                written != f"tlbi {name}"
                and written.endswith("is") == name.endswith("is")
                and covers(written, wanted)
            )
        )

    def _reaching(self, does: Callable[[str], bool]) -> Iterator[str]:
        found = [
            (len(reach.functions), len(reach.instructions), self.order(name), name)
            for name in self._unit.functions
            if any(map(does, (reach := self.reach(name)).instructions))
        ]
        for *_, name in sorted(found):
            yield name

    def calling(self, callee: str) -> Iterator[str]:
        """Yield the functions that come to a call of another one."""
        found = [
            (len(reach.functions), self.order(name), name)
            for name in self._unit.functions
            if name != callee and callee in (reach := self.reach(name)).functions
        ]
        for _, _, name in sorted(found):
            yield name

    def _direct(self, name: str) -> tuple[frozenset[str], frozenset[str]]:
        known = self._own.get(name)
        if known is None:
            executed, called = set(), set()
            for statement in walk(self._unit.functions[name].body):
                if isinstance(statement, Asm):
                    executed |= instructions_of(statement.template)
                elif isinstance(statement, Call) and isinstance(
                    statement.function, str
                ):
                    called.add(statement.function)
            known = self._own[name] = frozenset(executed), frozenset(called)
        return known


def covers(written: str, wanted: Tlbi) -> bool:
    """Tell whether an instruction removes what a TLBI does, on its own PE at least."""
    mnemonic, _, name = written.upper().partition(" ")
    if mnemonic != "TLBI":
        return False
    try:
        one, other = decode_operation(name), decode_operation(wanted.op)
    except Unmodelled:
        return False
    if one.name.removesuffix("IS") == other.name.removesuffix("IS"):
        return True
    return (
        one.by in (By.VMID, By.EVERYTHING)
        and one.el2 == other.el2
        and one.stage1 >= other.stage1
        and one.stage2 >= other.stage2
    )


def instructions_of(template: str) -> set[str]:
    """Return the instructions of TLB maintenance in an asm template."""
    return {
        f"{mnemonic} {operand}".lower().strip()
        for mnemonic, operand in _INSTRUCTION.findall(template)
    }
