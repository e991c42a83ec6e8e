"""Read the inside of a GNU asm statement from its tokens."""

from __future__ import annotations

from collections.abc import Sequence

from pycparser.c_lexer import Token

from harness.frontend.attributes import AsmText
from harness.frontend.literals import string_bytes

__all__ = ["read_asm"]

_OPENING = frozenset(("LPAREN", "LBRACKET", "LBRACE"))
_CLOSING = frozenset(("RPAREN", "RBRACKET", "RBRACE"))

Span = tuple[int, int]


def read_asm(
    raw: Sequence[Token], start: int, end: int, qualifiers: Sequence[str]
) -> tuple[AsmText | None, list[Span]]:
    """Return the strings, and the raw token spans of the operands' expressions.

    The text is None when the tokens are not an asm statement.
    """
    # asm-operands : template ':' outputs ':' inputs ':' clobbers ':' labels
    sections = _split(raw, start, end, "COLON")
    template = _strings(raw, *sections[0])
    if template is None or len(sections) > 5:
        return None, []
    spans: list[Span] = []
    operands: list[tuple[str, str]] = []
    counts = []
    for section in (sections[1:3] + [(end, end)] * 2)[:2]:
        for item in _items(raw, *section):
            operand = _operand(raw, *item)
            if operand is None:
                return None, []
            operands.append(operand[:2])
            spans.append(operand[2])
        counts.append(len(operands))
    clobbers = [_strings(raw, *item) for item in _section(raw, sections, 3)]
    labels = [raw[first].value for first, _ in _section(raw, sections, 4)]
    if any(clobber is None for clobber in clobbers):
        return None, []
    text = AsmText(
        template,
        tuple(operands),
        counts[0],
        tuple(c for c in clobbers if c),
        tuple(labels),
        # A statement without outputs is implicitly volatile.
        "VOLATILE" in qualifiers or "GOTO" in qualifiers or counts[0] == 0,
    )
    return text, spans


def _section(raw: Sequence[Token], sections: list[Span], number: int) -> list[Span]:
    return _items(raw, *sections[number]) if number < len(sections) else []


def _items(raw: Sequence[Token], start: int, end: int) -> list[Span]:
    return _split(raw, start, end, "COMMA") if start < end else []


def _operand(
    raw: Sequence[Token], start: int, end: int
) -> tuple[str, str, Span] | None:
    """Read ``[name] "constraint" (expression)``."""
    name = ""
    if raw[start].type == "LBRACKET":
        name = raw[start + 1].value
        start += 3
    index = start
    while index < end and raw[index].type == "STRING_LITERAL":
        index += 1
    constraint = _strings(raw, start, index)
    if not constraint or index >= end or raw[index].type != "LPAREN":
        return None
    return name, constraint, (index, end)


def _strings(raw: Sequence[Token], start: int, end: int) -> str | None:
    parts = [raw[index] for index in range(start, end)]
    if not parts or any(t.type != "STRING_LITERAL" for t in parts):
        return None
    try:
        return b"".join(string_bytes(t.value) for t in parts).decode("latin-1")
    except ValueError:
        return None


def _split(raw: Sequence[Token], start: int, end: int, separator: str) -> list[Span]:
    parts: list[Span] = []
    first, depth = start, 0
    for index in range(start, end):
        kind = raw[index].type
        if kind in _OPENING:
            depth += 1
        elif kind in _CLOSING:
            depth -= 1
        elif kind == separator and depth == 0:
            parts.append((first, index))
            first = index + 1
    parts.append((first, end))
    return parts
