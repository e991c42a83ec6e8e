"""GNU attributes and asm strings, kept beside the syntax tree.

The parser never sees attributes.  Those that change layout or meaning are
kept under the number of a token: the name (or the brace) of the record they
belong to, or the name of the variable, member, typedef or function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pycparser import c_ast
from pycparser.c_lexer import CLexer, Token
from pycparser.c_parser import CParser, ParseError

__all__ = ["AsmText", "Attribute", "SideTable", "read_attributes"]

# What is left out neither changes layout nor what the code does.
_KEPT = frozenset(
    (
        *("alias", "aligned", "cleanup", "const", "ifunc", "mode", "ms_struct"),
        *("naked", "noreturn", "packed", "pure", "scalar_storage_order", "section"),
        *("transparent_union", "vector_size"),
    )
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


class _Replay(CLexer):  # type: ignore[misc]
    """Hands out tokens that are there already."""

    tokens: Sequence[Token] = ()
    _at = 0

    def token(self) -> Token | None:
        if self._at >= len(self.tokens):
            return None
        self._at += 1
        return self.tokens[self._at - 1]


@dataclass(slots=True)
class SideTable:
    """What the syntax tree does not hold, by token number."""

    attributes: dict[int, list[Attribute]] = field(default_factory=dict)
    asm: dict[int, AsmText] = field(default_factory=dict)
    registers: dict[int, str] = field(default_factory=dict)

    def expression(self, tokens: Sequence[Token]) -> c_ast.Node | None:
        """Parse an attribute's argument as an expression."""
        parser = CParser(lexer=_Replay, dialect="c23")
        lexer = parser.clex
        assert isinstance(lexer, _Replay)
        at = tokens[0]

        def made(kind: str, value: str) -> Token:
            return Token(kind, value, at.lineno, at.column, at.filename)

        lexer.tokens = [
            *(made("ENUM", "enum"), made("LBRACE", "{"), made("ID", "value")),
            made("EQUALS", "="),
            *tokens,
            *(made("RBRACE", "}"), made("SEMI", ";")),
        ]
        try:
            tree = parser.parse("")
        except ParseError:
            return None
        enum = tree.ext[0].type
        value = enum.values.enumerators[0].value
        return value if isinstance(value, c_ast.Node) else None

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
