"""Expressions of the Kconfig language.

Every value is text: "y" and "n" for truth, digits for numbers.  There is no
"m": Xen has no modules.  A macro call would run a command; it is never run,
its answer is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import ParseError
from reference_model.coordinates import Coord

__all__ = ["Expression", "Lookup", "parse_expression", "split_condition", "tokens"]

_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<operator>\|\||&&|!=|<=|>=|[!=<>()])"
    r"|(?P<macro>\$\()|(?P<word>[\w./-]+)|(?P<rest>\S))"
)
_PLAIN_NAME = re.compile(r"\$(\w+)")
_COMPARISONS = frozenset(("=", "!=", "<", "<=", ">", ">="))
_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where an expression gets values from."""

    symbol: Callable[[str], str]  # the value of a symbol; its name if there is none
    macro: Callable[[str], str]  # what $(...) stands for


@dataclass(frozen=True, slots=True)
class Expression:
    """An operator with its operands, or a leaf: "string", "word" or "macro"."""

    kind: str
    text: str = ""
    parts: tuple[Expression, ...] = ()

    def text_value(self, lookup: Lookup) -> str:
        """Return the value as text."""
        match self.kind:
            case "string":
                return _expanded(self.text, lookup)
            case "macro":
                return lookup.macro(self.text)
            case "word":
                return lookup.symbol(self.text)
        return "y" if self.holds(lookup) else "n"

    def holds(self, lookup: Lookup) -> bool:
        """Tell whether it is true."""
        match self.kind:
            case "and":
                return all(part.holds(lookup) for part in self.parts)
            case "or":
                return any(part.holds(lookup) for part in self.parts)
            case "not":
                return not self.parts[0].holds(lookup)
            case "string" | "macro" | "word":
                return self.text_value(lookup) == "y"
        left, right = (part.text_value(lookup) for part in self.parts)
        return _compare(self.kind, left, right)


def _expanded(text: str, lookup: Lookup) -> str:
    """Replace each $(...) in a string, and each $NAME, as it was up to 4.12."""
    text = _PLAIN_NAME.sub(lambda match: lookup.macro(match[1]), text)
    result, position = [], 0
    while (start := text.find("$(", position)) >= 0:
        end = macro_end(text, start + 2)
        result += [text[position:start], lookup.macro(text[start + 2 : end])]
        position = end + 1
    return "".join([*result, text[position:]])


def _compare(operator: str, left: str, right: str) -> bool:
    order = _order(left, right)
    return {
        "=": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }[operator]


def _order(left: str, right: str) -> int:
    try:
        one, other = int(left, 0), int(right, 0)
    except ValueError:
        return (left > right) - (left < right)
    return (one > other) - (one < other)


def macro_end(text: str, position: int) -> int:
    """Return where the parenthesis closes that was open before ``position``."""
    depth = 1
    for index in range(position, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if not depth:
            return index
    return len(text)


def tokens(text: str, coord: Coord) -> list[tuple[str, str]]:
    """Split a line into (kind, text)."""
    found: list[tuple[str, str]] = []
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match["rest"]:
            raise ParseError(f"cannot read '{text[position:].strip()[:40]}'", coord)
        position = match.end()
        kind = str(match.lastgroup)
        value = match[kind]
        if kind == "string":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif kind == "macro":
            end = macro_end(text, position)
            value, position = text[position:end], end + 1
        found.append((kind, value))
    return found


def split_condition(
    words: list[tuple[str, str]],
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Divide "VALUE if CONDITION"; the condition may be missing."""
    if ("word", "if") not in words:
        return words, []
    at = words.index(("word", "if"))
    return words[:at], words[at + 1 :]


def parse_expression(words: list[tuple[str, str]], coord: Coord) -> Expression:
    """Parse all of ``words``."""
    parser = _Parser(words, coord)
    result = parser.any_of(0)
    if parser.position != len(words):
        raise parser.error()
    return result


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, words: list[tuple[str, str]], coord: Coord) -> None:
        self.words = words
        self.coord = coord
        self.position = 0

    def error(self) -> ParseError:
        here = self.words[self.position : self.position + 1]
        what = f"'{here[0][1]}' is not expected" if here else "an operand is missing"
        return ParseError(f"{what} in this expression", self.coord)

    def peek(self) -> tuple[str, str]:
        more = self.position < len(self.words)
        return self.words[self.position] if more else ("end", "")

    def take(self, operator: str) -> bool:
        if self.peek() != ("operator", operator):
            return False
        self.position += 1
        return True

    def any_of(self, depth: int) -> Expression:
        parts = [self.all_of(depth)]
        while self.take("||"):
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else Expression("or", parts=tuple(parts))

    def all_of(self, depth: int) -> Expression:
        parts = [self.unary(depth)]
        while self.take("&&"):
            parts.append(self.unary(depth))
        return parts[0] if len(parts) == 1 else Expression("and", parts=tuple(parts))

    def unary(self, depth: int) -> Expression:
        if depth > _DEPTH:
            raise ParseError("expression nested too deeply", self.coord)
        if self.take("!"):
            return Expression("not", parts=(self.unary(depth + 1),))
        if self.take("("):
            inner = self.any_of(depth + 1)
            if not self.take(")"):
                raise self.error()
            return inner
        left = self.leaf()
        kind, operator = self.peek()
        if kind == "operator" and operator in _COMPARISONS:
            self.position += 1
            return Expression(operator, parts=(left, self.leaf()))
        return left

    def leaf(self) -> Expression:
        kind, text = self.peek()
        if kind not in ("string", "macro", "word"):
            raise self.error()
        self.position += 1
        return Expression(kind, text)
