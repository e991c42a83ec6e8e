"""What the parts of the token pass share: raw tokens in, rewritten ones out."""

from __future__ import annotations

from collections.abc import Callable

from pycparser.c_lexer import Token

from harness.errors import ParseError
from harness.frontend.attributes import SideTable
from harness.frontend.tokens import Places

__all__ = ["CLOSING", "OPENING", "TokenRewriter"]

OPENING = {"LPAREN": "RPAREN", "LBRACKET": "RBRACKET", "LBRACE": "RBRACE"}
CLOSING = frozenset(OPENING.values())


class TokenRewriter:
    """One pass over the raw tokens; a handler takes over at tokens of its kind."""

    def __init__(self, raw: list[Token], places: Places, side: SideTable) -> None:
        self._raw = raw
        self._places = places
        self._side = side
        self._out: list[Token] = []
        self._pending: dict[int, str] = {}  # raw index -> closing token before it
        # Each takes the raw index and returns the next one to look at.
        self._handlers: dict[str, Callable[[int], int]] = {}

    def run(self) -> list[Token]:
        """Rewrite everything."""
        self._copy(0, len(self._raw))
        return self._out

    def _copy(self, start: int, end: int) -> None:
        """Append raw tokens ``start`` to ``end``, rewritten."""
        raw, append, handlers = self._raw, self._out.append, self._handlers
        pending = self._pending
        index = start
        while index < end:
            token = raw[index]
            if pending and index in pending:
                append(self._made(pending.pop(index), ")", token))
            handler = handlers.get(token.type)
            if handler is None:
                append(token)
                index += 1
            else:
                index = handler(index)

    def _made(self, kind: str, value: str, at: Token) -> Token:
        """Make a token at the place of another."""
        coord = self._places.coord(at.column)
        number = self._places.add(*coord)
        return Token(kind, value, at.lineno, number, at.filename)

    def _emit(self, at: Token, text: str) -> None:
        """Append tokens for ``text``, words and parentheses separated by blanks."""
        kinds = {"(": "LPAREN", ")": "RPAREN", ",": "COMMA", "sizeof": "SIZEOF"}
        kinds |= {"typeof": "TYPEOF", "_Alignof": "_ALIGNOF"}
        for word in text.split():
            self._out.append(self._made(kinds.get(word, "ID"), word, at))

    def _error(self, index: int, message: str) -> ParseError:
        token = self._raw[min(index, len(self._raw) - 1)]
        return ParseError(message, self._places.coord(token.column))

    def _kind(self, index: int) -> str:
        return self._raw[index].type if index < len(self._raw) else ""

    def _match(self, index: int) -> int:
        """Return the index of the bracket that closes the one at ``index``."""
        raw, depth = self._raw, 0
        for position in range(index, len(raw)):
            kind = raw[position].type
            if kind in OPENING:
                depth += 1
            elif kind in CLOSING:
                depth -= 1
                if depth == 0:
                    return position
        raise self._error(index, "bracket is never closed")

    def _matching_open(self, position: int) -> int:
        depth = 0
        while position >= 0:
            kind = self._out[position].type
            if kind in CLOSING:
                depth += 1
            elif kind in OPENING:
                depth -= 1
                if depth == 0:
                    return position
            position -= 1
        return 0

    def _split(self, start: int, end: int, separator: str) -> list[tuple[int, int]]:
        """Split raw tokens at ``separator`` outside brackets."""
        parts: list[tuple[int, int]] = []
        first = index = start
        while index < end:
            kind = self._raw[index].type
            if kind in OPENING:
                index = self._match(index)
            elif kind == separator:
                parts.append((first, index))
                first = index + 1
            index += 1
        parts.append((first, end))
        return parts
