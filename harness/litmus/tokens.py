"""Tokens of one line of a litmus file, and where each of them stands."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from harness.errors import ParseError
from reference_model.coordinates import Coord

__all__ = ["Line", "Token", "bounded", "read_lines", "shown", "taken"]

LONGEST_LINE = 400
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>0[xX][0-9a-fA-F]+|0b[01]+|[0-9]+)(?![\w])
      | (?P<name>[A-Za-z_][\w.-]*(?<!-))
      | (?P<text>"[^"]*")
      | (?P<mark>->|/\\|\\/|[(),=:;+|~@{}/\[\]])
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A word of a line: ``kind`` is number, name, text, mark or "" at its end."""

    kind: str
    text: str
    column: int


class Line:
    """The words of a line, read from left to right."""

    def __init__(self, text: str, file: str, number: int) -> None:
        self.text = text
        self._file = file
        self._number = number
        self._tokens: list[Token] | None = None
        self._next = 0

    @property
    def coord(self) -> Coord:
        """Return the place of the next token."""
        column = self.peek().column if self._tokens is not None else 0
        return Coord(self._file, self._number, column)

    def _read(self) -> list[Token]:
        found: list[Token] = []
        at = 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if match is None:
                coord = Coord(self._file, self._number, at + 1)
                raise ParseError(f"unexpected character {self.text[at]!r}", coord)
            kind = match.lastgroup or ""
            if kind != "space":
                found.append(Token(kind, match.group(), at + 1))
            at = match.end()
        return found

    def peek(self) -> Token:
        """Return the next token without taking it."""
        if self._tokens is None:
            self._tokens = self._read()
        if self._next < len(self._tokens):
            return self._tokens[self._next]
        return Token("", "the end of the line", len(self.text) + 1)

    def take(self) -> Token:
        """Take the next token."""
        token = self.peek()
        self._next += bool(token.kind)
        return token

    def accept(self, text: str) -> bool:
        """Take the next token if it reads ``text``."""
        token = self.peek()
        if token.kind in ("mark", "name") and token.text == text:
            self.take()
            return True
        return False

    def expect(self, text: str) -> None:
        """Take ``text`` or raise an error that asks for it."""
        if not self.accept(text):
            self.fail(f"expected '{text}', not {shown(self.peek())}")

    def name(self, what: str) -> str:
        """Take a name; ``what`` says what it should be."""
        if self.peek().kind != "name":
            self.fail(f"expected {what}, not {shown(self.peek())}")
        return self.take().text

    def number(self, what: str, limit: int = 1 << 64) -> int:
        """Take a number below ``limit``."""
        token = self.peek()
        if token.kind != "number":
            self.fail(f"expected {what}, not {shown(token)}")
        value = integer(token.text)
        if value >= limit:
            self.fail(f"{what} must be below {limit:#x}")
        self.take()
        return value

    def at_end(self) -> bool:
        """Tell whether nothing is left."""
        return not self.peek().kind

    def finish(self) -> None:
        """Raise an error if anything is left."""
        if not self.at_end():
            self.fail(f"unexpected {shown(self.peek())}")

    def rest(self) -> str:
        """Take all that is left as it is written."""
        start = self.peek().column - 1
        self._next = len(self._tokens or ())
        return self.text[start:].strip()

    def fail(self, message: str) -> NoReturn:
        """Raise an error at the next token."""
        raise ParseError(message, self.coord)


def shown(token: Token) -> str:
    """Return a token for a message."""
    return f"'{token.text}'" if token.kind else token.text


def integer(text: str) -> int:
    """Read a number: decimal, 0x or 0b."""
    if text[:1] == "0" and len(text) > 1 and text[1] not in "xXbB":
        return int(text, 10)
    return int(text, 0)


def read_lines(text: str, file: str) -> list[Line]:
    """Split a file into its lines, without comments and empty ones."""
    found = []
    for number, raw in enumerate(text.splitlines(), 1):
        if len(raw) > LONGEST_LINE:
            raise ParseError(
                f"line of {len(raw)} characters; at most {LONGEST_LINE} are read",
                Coord(file, number),
            )
        bare = _uncommented(raw).rstrip()
        if bare.strip():
            found.append(Line(bare, file, number))
    return found


def _uncommented(raw: str) -> str:
    quoted = False
    for at, character in enumerate(raw):
        if character == '"':
            quoted = not quoted
        elif character == "#" and not quoted:
            return raw[:at]
    return raw


def taken(line: Line) -> Coord:
    """Take the keyword of a line; returns where it stands."""
    line.peek()
    coord = line.coord
    line.take()
    return coord


def bounded(line: Line, count: int, limit: int, what: str) -> None:
    """Raise an error if there are too many of something already."""
    if count >= limit:
        line.fail(f"more than {limit} {what}")
