"""Values of C literals: integers, characters and strings."""

from __future__ import annotations

import re

__all__ = ["character_value", "integer_value", "string_bytes"]

_ESCAPE = re.compile(
    r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]+)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))",
    re.DOTALL,
)
_SIMPLE = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
}
_LITERAL = re.compile(r'(u8|[LuU])?"((?:[^"\\]|\\.)*)"', re.DOTALL)


def _decode(body: str) -> bytes:
    """Replace the escapes of a literal's body."""
    result = bytearray()
    position = 0
    for match in _ESCAPE.finditer(body):
        result += body[position : match.start()].encode()
        position = match.end()
        octal, hexadecimal, short, long, simple = match.groups()
        if octal is not None:
            result.append(int(octal, 8) & 0xFF)
        elif hexadecimal is not None:
            result.append(int(hexadecimal, 16) & 0xFF)
        elif simple is not None:
            result += _SIMPLE.get(simple, simple).encode()
        else:
            result += _universal(int(short or long, 16))
    return bytes(result + body[position:].encode())


def _universal(code: int) -> bytes:
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError(f"no character has the number {code:#x}")
    return chr(code).encode()


def string_bytes(literal: str) -> bytes:
    """Return the bytes of one or more adjacent string literals, without the NUL.

    Raise ValueError for a wide string and for what is no character.
    """
    result = b""
    for match in _LITERAL.finditer(literal):
        if match[1] not in (None, "u8"):
            raise ValueError("wide string literal")
        result += _decode(match[2])
    return result


def character_value(literal: str) -> int:
    """Return the value of a character constant, which has type int."""
    if literal[0] != "'":
        raise ValueError("wide character constant")
    value = 0
    for byte in _decode(literal[1:-1]):
        value = value << 8 | byte
    return value & 0xFFFFFFFF


def integer_value(literal: str) -> tuple[int, str]:
    """Return value and suffix (lower case) of an integer constant."""
    digits = literal.rstrip("uUlL")
    suffix = literal[len(digits) :].lower()
    if digits[:2] in ("0x", "0X", "0b", "0B"):
        return int(digits, 0), suffix
    return int(digits, 8 if digits[0] == "0" else 10), suffix
