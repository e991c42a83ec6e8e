"""A source file as it is written: tokens, functions and statements, with places.

The preprocessed text that the IR comes from has no columns and no macros left.
What is to be edited is looked up here, in the lines that events name.
"""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

__all__ = ["Function", "Source", "Statement", "Token", "tokens_of"]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\v\n]+|\\\n|/\*.*?\*/|//[^\n]*)
      | (?P<directive>(?m:^[ \t]*)\#(?:\\\n|/\*.*?\*/|[^\n])*)
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<char>'(?:\\.|[^'\\\n])*')
      | (?P<name>[A-Za-z_]\w*)
      | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
      | (?P<mark>->|\+\+|--|<<=?|>>=?|[-+*/%&|^!=<>]=|&&|\|\||\#\#|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PAIRS = {")": "(", "]": "[", "}": "{"}
_HEADS = frozenset({"if", "while", "for", "switch"})
_TYPE_WORDS = frozenset(
    (
        "auto",
        "bool",
        "char",
        "const",
        "double",
        "enum",
        "extern",
        "float",
        "inline",
        "int",
        "long",
        "register",
        "short",
        "signed",
        "static",
        "struct",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
    )
)
_NO_TYPES = frozenset(
    ("__asm", "__asm__", "asm", "break", "continue", "else", "goto", "return")
)
_NESTING = 64
_NOWHERE = (-1, -1)


class Token(NamedTuple):
    """A token other than white space, comments and directives."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Return where it ends."""
        return self.start + len(self.text)


def tokens_of(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """Return the tokens of a part of a text."""
    found: list[Token] = []
    place, stop = start, len(text) if end is None else end
    while place < stop:
        match = _TOKEN.match(text, place, stop)
        assert match is not None and match.lastgroup is not None
        if match.lastgroup not in ("space", "directive"):
            found.append(Token(match.lastgroup, match.group(), place))
        place = match.end()
    return found


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement between two places of the text.

    ``head`` is where the part of a branch or loop in front of its body ends;
    ``body`` are the statements in it.  ``alone`` tells of one that is the body
    of a branch or loop without braces, ``around`` is where that starts and where
    its head ends.
    ``labelled`` is one behind a label, ``declares`` a declaration.
    """

    start: int
    end: int
    kind: str  # "simple", "compound", or the keyword
    head: int
    body: tuple[Statement, ...] = ()
    alone: bool = False
    around: tuple[int, int] = (0, 0)
    labelled: bool = False
    declares: bool = False

    def inner(self) -> Iterator[Statement]:
        """Yield the statement and all in it."""
        yield self
        for statement in self.body:
            yield from statement.inner()


@dataclass(frozen=True, slots=True)
class Function:
    """A function definition: where it starts, and its body."""

    name: str
    start: int
    body: Statement


class _Broken(Exception):  # noqa: N818 - not an error: the place is not edited
    """Braces do not match, as where both arms of an #if are read."""


class Source:
    """The text of one file."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def line_of(self, place: int) -> int:
        """Return the number of the line of a place."""
        return bisect_right(self._starts, place)

    def line_start(self, line: int) -> int:
        """Return where a line starts."""
        if line > len(self._starts):
            return len(self.text)
        return self._starts[line - 1]

    def line_text(self, line: int) -> str:
        """Return a line without its end."""
        return self.text[self.line_start(line) : self.line_start(line + 1)].rstrip("\n")

    def indent(self, place: int) -> str:
        """Return the white space at the start of the line of a place."""
        line = self.line_text(self.line_of(place))
        return line[: len(line) - len(line.lstrip())]

    @cached_property
    def tokens(self) -> list[Token]:
        """Return all tokens."""
        return tokens_of(self.text)

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Return the functions whose bodies can be read."""
        return tuple(_functions(self.tokens))

    def function_at(self, line: int) -> Function | None:
        """Return the function that a line is in."""
        for function in self.functions:
            first = self.line_of(function.start)
            if first <= line <= self.line_of(function.body.end - 1):
                return function
        return None

    def path_to(self, line: int, hint: str = "") -> list[Statement]:
        """Return the statements around a line, the innermost last.

        Where several begin on the line, the one that names ``hint`` is meant.
        """
        function = self.function_at(line)
        if function is None:
            return []
        paths = [
            path
            for path in _paths(function.body, [])
            if self.line_of(path[-1].start) <= line <= self.line_of(path[-1].head - 1)
        ]
        named = [p for p in paths if hint and self._names(p[-1], hint)]
        best = named or paths
        return best[-1] if best else []

    def siblings(self, statement: Statement) -> tuple[Statement, ...]:
        """Return the statements of the same block, itself among them."""
        function = self.function_at(self.line_of(statement.start))
        for around in function.body.inner() if function else ():
            if any(one.start == statement.start for one in around.body):
                return around.body
        return ()

    def last_end(self, place: int) -> int:
        """Return where the last token before a place ends."""
        ends = [token.end for token in self.tokens if token.start < place]
        return ends[-1] if ends else 0

    def _names(self, statement: Statement, name: str) -> bool:
        return any(
            token.kind == "name" and token.text == name
            for token in self.within(statement.start, statement.head)
        )

    def within(self, start: int, end: int) -> list[Token]:
        """Return the tokens between two places."""
        return [token for token in self.tokens if start <= token.start < end]


def _paths(statement: Statement, above: list[Statement]) -> Iterator[list[Statement]]:
    path = [*above, statement]
    if statement.kind != "compound":
        yield path
    for inner in statement.body:
        yield from _paths(inner, path)


def _functions(tokens: list[Token]) -> Iterator[Function]:
    """Find what looks like a function at file scope."""
    number, start = 0, 0
    while number < len(tokens):
        token = tokens[number]
        if token.text == ";":
            start = number + 1
        elif token.text == "{":
            try:
                end = _closing(tokens, number)
            except _Broken:
                return
            name = _defined(tokens, start, number)
            if name is not None:
                # What cannot be read is left alone.
                with contextlib.suppress(_Broken):
                    body, _ = _Reader(tokens).statement(number)
                    yield Function(name.text, name.start, body)
            number = end
            start = end + 1
        elif token.text in ("(", "["):
            try:
                number = _closing(tokens, number)
            except _Broken:
                return
        number += 1


def _defined(tokens: list[Token], start: int, brace: int) -> Token | None:
    """Return the name of the function whose body begins at a brace."""
    found = None
    number = start
    while number < brace - 1:
        token, following = tokens[number], tokens[number + 1]
        if token.text == "=":
            return None
        if token.kind == "name" and following.text == "(":
            close = _closing(tokens, number + 1)
            if all(t.kind == "name" for t in tokens[close + 1 : brace]):
                found = token
            number = close
        number += 1
    return found


def _closing(tokens: list[Token], number: int) -> int:
    """Return the token that closes the bracket at ``number``."""
    stack: list[str] = []
    for place in range(number, len(tokens)):
        text = tokens[place].text
        if text in ("(", "[", "{"):
            stack.append(text)
        elif text in _PAIRS:
            if not stack or stack.pop() != _PAIRS[text]:
                raise _Broken
            if not stack:
                return place
    raise _Broken


class _Reader:
    """Reads statements, each with where the next one begins."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens

    def statement(
        self, number: int, *, around: tuple[int, int] = _NOWHERE, depth: int = 0
    ) -> tuple[Statement, int]:
        """Read the statement at a token."""
        if depth > _NESTING:
            raise _Broken
        token = self._token(number)
        behind, labelled = self._label(number)
        if labelled:
            inner, number = self.statement(behind, around=around, depth=depth + 1)
            return replace(inner, labelled=True), number
        alone = around != _NOWHERE and token.text != "{"
        outer = around if alone else (0, 0)
        if token.text == "{":
            return self._compound(number, depth)
        if token.text == "do":
            return self._do(number, alone, outer, depth)
        if token.text in _HEADS or self._heads_loop(number):
            return self._branch(number, alone, outer, depth)
        return self._simple(number, alone, outer)

    def _compound(self, number: int, depth: int) -> tuple[Statement, int]:
        close = _closing(self._tokens, number)
        start = self._tokens[number].start
        body = []
        number += 1
        while number < close:
            inner, number = self.statement(number, depth=depth + 1)
            body.append(inner)
        if number != close:
            raise _Broken
        end = self._tokens[close].end
        return Statement(start, end, "compound", start + 1, tuple(body)), close + 1

    def _branch(
        self, number: int, alone: bool, outer: tuple[int, int], depth: int
    ) -> tuple[Statement, int]:
        start = self._tokens[number]
        if self._token(number + 1).text != "(":
            raise _Broken
        close = _closing(self._tokens, number + 1)
        head = self._tokens[close].end
        around = (start.start, head)
        first, number = self.statement(close + 1, around=around, depth=depth + 1)
        body = [first]
        if start.text == "if" and self._text(number) == "else":
            word = self._tokens[number]
            around = (word.start, word.end)
            second, number = self.statement(number + 1, around=around, depth=depth + 1)
            body.append(second)
        statement = Statement(
            start.start, body[-1].end, start.text, head, tuple(body), alone, outer
        )
        return statement, number

    def _do(
        self, number: int, alone: bool, outer: tuple[int, int], depth: int
    ) -> tuple[Statement, int]:
        start = self._tokens[number]
        around = (start.start, start.end)
        body, number = self.statement(number + 1, around=around, depth=depth + 1)
        if self._text(number) != "while" or self._text(number + 1) != "(":
            raise _Broken
        close = _closing(self._tokens, number + 1)
        end = self._token(close + 1)
        if end.text != ";":
            raise _Broken
        statement = Statement(
            start.start, end.end, "do", start.end, (body,), alone, outer
        )
        return statement, close + 2

    def _simple(
        self, number: int, alone: bool, outer: tuple[int, int]
    ) -> tuple[Statement, int]:
        start = number
        while self._token(number).text != ";":
            if self._tokens[number].text in ("(", "[", "{"):
                number = _closing(self._tokens, number)
            elif self._tokens[number].text in _PAIRS:
                raise _Broken
            number += 1
        end = self._tokens[number].end
        statement = Statement(
            self._tokens[start].start,
            end,
            "simple",
            end,
            alone=alone,
            around=outer,
            declares=self._declares(start),
        )
        return statement, number + 1

    def _label(self, number: int) -> tuple[int, bool]:
        """Return where a label at a token ends, and whether there is one."""
        text = self._text(number)
        if text == "case":
            while self._text(number) != ":":
                number += 1
            return number + 1, True
        if self._tokens[number].kind == "name" and self._text(number + 1) == ":":
            return number + 2, True
        return number, False

    def _heads_loop(self, number: int) -> bool:
        """Tell whether a macro call is followed by a statement it repeats."""
        if self._tokens[number].kind != "name" or self._text(number + 1) != "(":
            return False
        close = _closing(self._tokens, number + 1)
        following = self._tokens[close + 1] if close + 1 < len(self._tokens) else None
        if following is None:
            return False
        return following.text == "{" or following.kind == "name"

    def _declares(self, number: int) -> bool:
        token = self._tokens[number]
        if token.kind != "name" or token.text in _NO_TYPES:
            return False
        if token.text in _TYPE_WORDS:
            return True
        number += 1
        while self._text(number) == "*":
            number += 1
        following = self._tokens[number]
        starred = self._text(number - 1) == "*"
        ends = self._text(number + 1) in ("=", ";", ",", "[")
        return following.kind == "name" and (not starred or ends)

    def _text(self, number: int) -> str:
        return self._tokens[number].text if number < len(self._tokens) else ""

    def _token(self, number: int) -> Token:
        if number >= len(self._tokens):
            raise _Broken
        return self._tokens[number]
