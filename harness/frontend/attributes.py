"""GNU attributes and asm strings, kept beside the syntax tree.

The parser never sees attributes.  Those that change layout or meaning are
kept under the number of a token: the name (or the brace) of the record they
belong to, or the name of the variable, member, typedef or function.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pycparser.c_lexer import Token

__all__ = ["AsmText", "Attribute", "SideTable", "read_attributes"]

# What is left out neither changes layout nor what the code does.
_KEPT = frozenset(
    (
        "alias aligned cleanup ifunc mode ms_struct naked packed "
        "scalar_storage_order section transparent_union vector_size"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its name without underscores, its argument tokens."""

    name: str
    arguments: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class AsmText:
    """The strings of an asm statement; its operands are call arguments."""

    template: str
    operands: tuple[tuple[str, str], ...]  # symbolic name, constraint
    outputs: int
    clobbers: tuple[str, ...]
    labels: tuple[str, ...]
    volatile: bool


@dataclass(slots=True)
class SideTable:
    """What the syntax tree does not hold, by token number."""

    attributes: dict[int, list[Attribute]] = field(default_factory=dict)
    asm: dict[int, AsmText] = field(default_factory=dict)
    registers: dict[int, str] = field(default_factory=dict)

    def attach(self, number: int, attributes: list[Attribute]) -> None:
        """Keep ``attributes`` for the token ``number``."""
        if attributes:
            self.attributes.setdefault(number, []).extend(attributes)


def read_attributes(tokens: list[Token]) -> list[Attribute]:
    """Read the inside of ``__attribute__((…))``; return those that matter."""
    result: list[Attribute] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        if token.type == "COMMA":
            continue
        arguments: list[Token] = []
        if position < len(tokens) and tokens[position].type == "LPAREN":
            end = _closing(tokens, position)
            arguments = tokens[position + 1 : end]
            position = end + 1
        name = token.value
        if len(name) > 4 and name.startswith("__") and name.endswith("__"):
            name = name[2:-2]
        if name in _KEPT:
            result.append(Attribute(name, tuple(arguments)))
    return result


def _closing(tokens: list[Token], position: int) -> int:
    depth = 0
    for index in range(position, len(tokens)):
        kind = tokens[index].type
        if kind == "LPAREN":
            depth += 1
        elif kind == "RPAREN":
            depth -= 1
            if depth == 0:
                return index
    return len(tokens)
