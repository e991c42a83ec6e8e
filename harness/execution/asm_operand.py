"""Operands of A64 instructions in inline assembly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.execution.asm_template import integer

__all__ = ["Address", "Modifier", "Operand", "Operands", "Register", "Word"]

_ASM = re.compile(r"%([a-zA-Z]?)(?:(\d+)|\[(\w+)\])\Z")
_REGISTER = re.compile(r"(x|w)(\d+)\Z|(x|w)zr\Z|(w?)sp\Z|(lr)\Z|(fp)\Z", re.IGNORECASE)
_MODIFIER = re.compile(r"(lsl|lsr|asr|ror|uxt[bhwx]|sxt[bhwx])(?:\s+(.*))?\Z", re.I)


@dataclass(frozen=True, slots=True)
class Register:
    """A register: an asm operand by number, or a named one; None is XZR."""

    slot: int | str | None
    bits: int


@dataclass(frozen=True, slots=True)
class Modifier:
    """A shift or extension of the operand before it."""

    kind: str
    amount: int


@dataclass(frozen=True, slots=True)
class Address:
    """A memory operand; ``written`` says "pre", "post" or ""."""

    base: Register
    offset: Register | int = 0
    shift: int = 0
    written: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A name: system register, barrier type, label …"""

    text: str


Operand = Register | Modifier | Address | Word | int


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


class Operands:
    """Reads operand text, given the asm statement's own operands.

    ``names`` has the symbolic names, ``memory`` the operands that are places
    in memory (which print as an address in brackets), ``slots`` the register
    of each operand.
    """

    def __init__(
        self, names: dict[str, int], memory: frozenset[int], slots: Sequence[int | str]
    ) -> None:
        self._names = names
        self._memory = memory
        self._slots = slots

    def read(self, text: str) -> list[Operand] | None:
        """Return the operands; None if one of them is not understood."""
        found: list[Operand] = []
        for part in _split(text):
            operand = self._one(part)
            if operand is None:
                return None
            found.append(operand)
        return _post_indexed(found)

    def _one(self, text: str) -> Operand | None:
        if text.startswith("%") and not text.startswith("%%"):
            return self._asm(text)
        if text.startswith("["):
            return self._address(text)
        register = _named(text)
        if register is not None:
            return register
        match = _MODIFIER.match(text)
        if match is not None:
            amount = integer(match[2]) if match[2] else 0
            return None if amount is None else Modifier(match[1].lower(), amount)
        number = integer(text)
        if number is not None:
            return number
        if re.match(r"[\w.$]+\Z", text):
            return Word(text)
        return None

    def _asm(self, text: str) -> Operand | None:
        match = _ASM.match(text)
        if match is None or match[1] not in ("", "w", "x"):
            return None
        number = int(match[2]) if match[2] else self._names.get(match[3])
        if number is None or number >= len(self._slots):
            return None
        if number in self._memory:
            return Address(Register(number, 64))
        return Register(self._slots[number], 32 if match[1] == "w" else 64)

    def _address(self, text: str) -> Operand | None:
        written = "pre" if text.endswith("!") else ""
        text = text.rstrip("! ")
        if not text.endswith("]"):
            return None
        parts = [self._one(part) for part in _split(text[1:-1])]
        base = parts[0] if parts else None
        if not isinstance(base, Register):
            return None
        match parts[1:]:
            case []:
                return Address(base, written=written)
            case [int() as offset]:
                return Address(base, offset, written=written)
            case [Register() as offset]:
                return Address(base, offset)
            case [Register() as offset, Modifier("lsl", amount)]:
                return Address(base, offset, amount)
            case _:
                return None


def _post_indexed(found: list[Operand]) -> list[Operand]:
    match found:
        case [*before, Address(base, 0, 0, ""), int() as offset]:
            return [*before, Address(base, offset, 0, "post")]
        case _:
            return found


def _named(text: str) -> Register | None:
    match = _REGISTER.match(text)
    if match is None:
        return None
    letter = (match[1] or match[3] or match[4] or "x").lower()
    bits = 32 if letter == "w" else 64
    if match[3]:
        return Register(None, bits)
    if match[5] or match[6]:
        return Register("x30" if match[5] else "x29", 64)
    if match[2]:
        return Register(f"x{match[2]}", bits) if int(match[2]) < 31 else None
    return Register("sp", bits)
