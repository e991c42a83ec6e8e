"""Operands of A32 instructions in inline assembly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.execution.asm_operand import Modifier, Word
from harness.execution.asm_state import State, UnsetRegister
from harness.execution.asm_template import integer

__all__ = ["Operand32", "Operands32", "Place", "Register32", "get", "put"]

_ASM = re.compile(r"%([a-zA-Z]?)(?:(\d+)|\[(\w+)\])\Z")
_REGISTER = re.compile(r"r(\d+)\Z|(sp|lr|ip|fp|sl|sb)\Z", re.IGNORECASE)
_ALIASES = {"sb": 9, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14}
_SHIFT = re.compile(r"(lsl|lsr|asr)\s+#?(.*)\Z", re.IGNORECASE)
_UPPER = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Register32:
    """A register, or (``high``) the second one of a pair.

    ``slot`` is the number of the asm statement's operand, or a name: an operand
    of 64 bits is a pair, of which the first holds the lower half.
    """

    slot: int | str
    high: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A memory operand; ``written`` says "pre", "post" or ""."""

    base: Register32
    offset: Register32 | int = 0
    shift: int = 0
    written: str = ""


Operand32 = Register32 | Modifier | Place | Word | int


def get(state: State, source: Register32 | int) -> int:
    """Return the 32 bits of a register or immediate."""
    if isinstance(source, int):
        return source & _UPPER
    value = state.regs.get(source.slot)
    if value is None:
        raise UnsetRegister(str(source.slot))
    return value >> (32 if source.high else 0) & _UPPER


def put(state: State, target: Register32, value: int) -> None:
    """Set the 32 bits of a register; the other one of a pair stays."""
    value &= _UPPER
    if target.high:
        value = value << 32 | state.regs.get(target.slot, 0) & _UPPER
    elif isinstance(target.slot, int):
        value |= state.regs.get(target.slot, 0) & ~_UPPER
    state.regs[target.slot] = value


def _split(text: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for c in text:
        depth += (c in "[({") - (c in "])}")
        if c == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += c
    if current.strip() or parts:
        parts.append(current.strip())
    return parts


class Operands32:
    """Reads operand text, given the asm statement's own operands.

    ``names`` has the symbolic names, ``memory`` the operands that are places
    in memory (which print as an address in brackets), ``slots`` the register
    of each operand, ``constants`` the value of each that is an immediate.
    """

    def __init__(
        self, names: dict[str, int], memory: frozenset[int], slots: Sequence[int | str]
    ) -> None:
        self._names = names
        self._memory = memory
        self._slots = slots

    def read(self, text: str) -> list[Operand32] | None:
        """Return the operands; None if one of them is not understood."""
        found: list[Operand32] = []
        for part in _split(text):
            operand = self._one(part)
            if operand is None:
                return None
            found.append(operand)
        match found:
            case [*before, Place(base, 0, 0, ""), int() as offset]:
                return [*before, Place(base, offset, 0, "post")]
            case _:
                return found

    def _one(self, text: str) -> Operand32 | None:
        if text.startswith("%") and not text.startswith("%%"):
            return self._asm(text)
        if text.startswith("["):
            return self._place(text)
        match = _REGISTER.match(text)
        if match is not None:
            number = int(match[1]) if match[1] else _ALIASES[match[2].lower()]
            return Register32(f"r{number}") if number < 15 else None
        match = _SHIFT.match(text)
        if match is not None:
            amount = integer(match[2])
            return None if amount is None else Modifier(match[1].lower(), amount)
        number_ = integer(text)
        if number_ is not None:
            return number_
        return Word(text) if re.match(r"[\w.$]+\Z", text) else None

    def _asm(self, text: str) -> Operand32 | None:
        match = _ASM.match(text)
        # H is the register with the upper half (R is, too), Q that with the lower.
        if match is None or match[1] not in ("", "H", "Q", "R"):
            return None
        number = int(match[2]) if match[2] else self._names.get(match[3])
        if number is None or number >= len(self._slots):
            return None
        if number in self._memory:
            return None if match[1] else Place(Register32(number))
        return Register32(self._slots[number], match[1] in ("H", "R"))

    def _place(self, text: str) -> Place | None:
        written = "pre" if text.endswith("!") else ""
        text = text.rstrip("! ")
        if not text.endswith("]"):
            return None
        parts = [self._one(part) for part in _split(text[1:-1])]
        base = parts[0] if parts else None
        if not isinstance(base, Register32):
            return None
        match parts[1:]:
            case []:
                return Place(base, written=written)
            case [int() as offset]:
                return Place(base, offset, written=written)
            case [Register32() as offset]:
                return Place(base, offset)
            case [Register32() as offset, Modifier("lsl", amount)]:
                return Place(base, offset, amount)
            case _:
                return None
