"""Macro definitions as they are written, and those that stand for an instruction."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness.check.repairs.source import Source, Token, tokens_of

__all__ = ["Macro", "definitions", "literal", "normal", "spelled"]

_DEFINE = re.compile(
    r"^[ \t]*\#[ \t]*define[ \t]+(?P<name>\w+)(?:\((?P<parameters>[^()]*)\))?"
    r"(?P<body>(?:\\\n|/\*.*?\*/|[^\n])*)",
    re.M | re.S,
)
_ASM = frozenset({"asm", "__asm__", "__asm"})
_VOLATILE = frozenset({"volatile", "__volatile__", "__volatile"})


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro definition; ``parameters`` is None for one without parentheses."""

    name: str
    source: Source
    parameters: tuple[str, ...] | None
    start: int  # of its body
    end: int

    def tokens(self) -> list[Token]:
        """Return the tokens of its body."""
        return tokens_of(self.source.text, self.start, self.end)


def definitions(sources: Iterable[Source]) -> dict[str, list[Macro]]:
    """Return the definitions of each macro, also those behind an #if."""
    found: dict[str, list[Macro]] = {}
    for source in sources:
        for match in _DEFINE.finditer(source.text):
            given = match["parameters"]
            names = None
            if given is not None:
                names = tuple(p.strip() for p in given.split(",") if p.strip())
            macro = Macro(match["name"], source, names, *match.span("body"))
            found.setdefault(macro.name, []).append(macro)
    return found


def spelled(instruction: str, macros: dict[str, list[Macro]]) -> str:
    """Return a statement that executes an instruction without operands.

    A macro of the tree that comes to it is used, if there is one.
    """
    operand = instruction.partition(" ")[2]
    for each in macros.values():
        for macro in each:
            if macro.parameters is None or len(macro.parameters) > bool(operand):
                continue
            if _template(macro, operand) == instruction:
                return f"{macro.name}({operand if macro.parameters else ''});"
    return f'asm volatile ("{instruction}" : : : "memory");'


def _template(macro: Macro, operand: str) -> str:
    """Return the instruction that a macro is an asm statement of, or ""."""
    tokens = macro.tokens()
    while tokens and (tokens[0].text in _ASM or tokens[0].text in _VOLATILE):
        tokens = tokens[1:]
    if not tokens or tokens[0].start == macro.start or tokens[0].text != "(":
        return ""
    text = ""
    for number, token in enumerate(tokens[1:], 1):
        if token.kind == "string":
            text += literal(token)
        elif token.text == "#" and macro.parameters:
            if tokens[number + 1].text != macro.parameters[0]:
                return ""
            text += operand
        elif token.text in (":", ")"):
            return normal(text)
        elif not macro.parameters or token.text != macro.parameters[0]:
            return ""
    return ""


def literal(token: Token) -> str:
    """Return the value of a string literal."""
    try:
        value = ast.literal_eval(token.text)
    except (SyntaxError, ValueError):
        return ""
    return value if isinstance(value, str) else ""


def normal(instruction: str) -> str:
    """Return an instruction in lower case with single blanks, without its end."""
    return " ".join(instruction.lower().rstrip("; \n\t").split())
