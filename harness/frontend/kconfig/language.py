"""Read Kconfig files: which symbols there are, and what decides their values.

Nothing is run.  Files are read as text, only below the ``xen`` directory of
the tree, within bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import ParseError
from harness.frontend.kconfig.expression import (
    Expression,
    Lookup,
    parse_expression,
    split_condition,
    tokens,
)
from reference_model.coordinates import Coord

__all__ = ["TOP", "Choice", "Kconfig", "Property", "Symbol", "read_kconfig"]

TOP = "xen/Kconfig"
_DIRECTORY = "xen"
# Definitions of macros; whatever is called there is never run.
_MACROS = "scripts/"
_FILE_BYTES = 1 << 20
_FILES = 256
_DEPTH = 32
_TRUE = Expression("and")

_TYPES = {"bool": "bool", "tristate": "bool"} | {
    name: name for name in ("string", "int", "hex")
}
_DEFAULTS = {"def_bool": "bool", "def_tristate": "bool"} | {
    f"def_{name}": name for name in ("string", "int", "hex")
}
_NOT_WRITTEN = (["defconfig_list"], ["env"])
_WITHOUT_MEANING = frozenset({"comment", "mainmenu", "option"})


@dataclass(frozen=True, slots=True)
class Property:
    """A value that counts, or a thing that is done, on a condition."""

    condition: Expression
    value: Expression = _TRUE
    other: Expression = _TRUE  # the upper end of a range


@dataclass(slots=True)
class Choice:
    """Symbols of which exactly one is on."""

    prompts: list[Property] = field(default_factory=list)
    defaults: list[Property] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    depends: list[Expression] = field(default_factory=list)
    optional: bool = False


@dataclass(slots=True)
class Symbol:
    """A symbol, with the properties of all its definitions."""

    name: str
    type: str = ""
    prompts: list[Property] = field(default_factory=list)
    defaults: list[Property] = field(default_factory=list)
    ranges: list[Property] = field(default_factory=list)
    depends: list[Expression] = field(default_factory=list)  # one per definition
    selected: list[tuple[str, Expression]] = field(default_factory=list)
    implied: list[tuple[str, Expression]] = field(default_factory=list)
    choice: Choice | None = None
    written: bool = True


@dataclass(slots=True)
class Kconfig:
    """All symbols, in the order in which they are first named."""

    symbols: dict[str, Symbol] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def symbol(self, name: str) -> Symbol:
        """Return a symbol, new or known."""
        return self.symbols.setdefault(name, Symbol(name))


@dataclass(slots=True)
class _Block:
    """An ``if``, a menu or a choice, open."""

    kind: str
    condition: Expression = _TRUE
    visible: Expression = _TRUE
    choice: Choice | None = None


def read_kconfig(root: Path, environment: dict[str, str]) -> Kconfig:
    """Read the tree's Kconfig files; ``environment`` is what $(NAME) gives."""
    reader = _Reader(root, environment)
    reader.file(TOP, Coord(TOP, 1), 0)
    return reader.result


def _all(*conditions: Expression) -> Expression:
    parts = tuple(c for c in conditions if c != _TRUE)
    return parts[0] if len(parts) == 1 else Expression("and", parts=parts)


class _Reader:
    """Reads statements in order; ``blocks`` are those around the next one."""

    def __init__(self, root: Path, environment: dict[str, str]) -> None:
        self.root = root
        self.names = Lookup(str, lambda name: environment.get(name, ""))
        self.result = Kconfig()
        self.blocks: list[_Block] = []
        self.entry: _Entry | None = None

    # ------------------------------------------------------------------ lines

    def file(self, name: str, where: Coord, depth: int) -> None:
        """Read one file, and those that it names."""
        self.result.files.append(name)
        if depth > _DEPTH or len(self.result.files) > _FILES:
            raise ParseError("too many Kconfig files", where)
        around = len(self.blocks)
        lines = self._text(name, where).expandtabs().splitlines()
        number = 0
        while number < len(lines):
            coord = Coord(name, number + 1)
            line = lines[number]
            number += 1
            while line.endswith("\\") and number < len(lines):
                line = line[:-1] + lines[number]
                number += 1
            words = tokens(_without_comment(line), coord) if line.strip() else []
            if not words:
                continue
            if words[0][1] in ("help", "---help---") and len(words) == 1:
                number = _after_help(lines, number)
                continue
            self._statement(words, coord, depth)
        self._finish()
        if len(self.blocks) != around:
            raise ParseError(f"'{self.blocks[-1].kind}' is not closed", where)

    def _text(self, name: str, where: Coord) -> str:
        path = self.root / name
        inside = (self.root / _DIRECTORY).resolve()
        # The view of a patched tree has links into the tree, but no "..".
        if ".." in Path(name).parts or name.startswith("/"):
            raise ParseError(f"'{name}' lies outside {inside.name}/", where)
        try:
            if path.stat().st_size > _FILE_BYTES:
                raise ParseError(f"'{name}' is too large", where)
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ParseError(f"cannot read '{name}': {error.strerror}", where) from None

    # ------------------------------------------------------------- statements

    def _statement(
        self, words: list[tuple[str, str]], coord: Coord, depth: int
    ) -> None:
        keyword, rest = words[0][1], words[1:]
        match keyword:
            case "config" | "menuconfig":
                self._finish()
                self.entry = _Entry(self.result.symbol(_word(rest, coord)))
                self._member(self.entry.target)
            case "choice" | "menu" | "if":
                self._open(keyword, rest, coord)
            case "endchoice" | "endmenu" | "endif":
                self._close(keyword.removeprefix("end"), coord)
            case "source":
                self._finish()
                self._source(rest, coord, depth)
            case _ if keyword in _WITHOUT_MEANING:
                self._meaningless(keyword, rest)
            case _:
                self._property(keyword, rest, coord)

    def _source(self, rest: list[tuple[str, str]], coord: Coord, depth: int) -> None:
        kind, text = rest[0] if rest else ("", "")
        name = Expression(kind, text).text_value(self.names)
        if not name.startswith(_MACROS):
            self.file(f"{_DIRECTORY}/{name}", coord, depth + 1)

    def _meaningless(self, keyword: str, rest: list[tuple[str, str]]) -> None:
        if keyword == "option":
            if self.entry is not None:
                self.entry.option([text for _, text in rest])
            return
        self._finish()
        if keyword == "comment":
            self.entry = _Entry(None)  # it may have a "depends on"

    def _open(self, kind: str, rest: list[tuple[str, str]], coord: Coord) -> None:
        self._finish()
        block = _Block(kind)
        if kind == "if":
            block.condition = parse_expression(rest, coord)
        elif kind == "menu":
            self.entry = _Entry(block)
        else:
            block.choice = Choice()
            self.entry = _Entry(block.choice)
        self.blocks.append(block)

    def _close(self, kind: str, coord: Coord) -> None:
        self._finish()
        if not self.blocks or self.blocks[-1].kind != kind:
            raise ParseError(f"'end{kind}' closes nothing", coord)
        self.blocks.pop()

    def _member(self, symbol: object) -> None:
        choice = next((b.choice for b in reversed(self.blocks) if b.choice), None)
        if choice is not None and isinstance(symbol, Symbol):
            symbol.choice = choice
            if symbol.name not in choice.members:
                choice.members.append(symbol.name)

    def _property(
        self, keyword: str, rest: list[tuple[str, str]], coord: Coord
    ) -> None:
        if self.entry is None:
            raise ParseError(f"'{keyword}' is not expected here", coord)
        self.entry.add(keyword, rest, coord)

    def _finish(self) -> None:
        """Give a finished entry the conditions of the blocks around it."""
        entry, self.entry = self.entry, None
        if entry is None:
            return
        around = list(self.blocks)
        if isinstance(entry.target, _Block):
            entry.target.condition = _all(*entry.depends)
            entry.target.visible = _all(*entry.visible)
            return
        if isinstance(entry.target, Choice):
            around.pop()  # itself
        depends = _all(*(block.condition for block in around), *entry.depends)
        visible = _all(*(block.visible for block in around))
        entry.finish(depends, visible, self.result)


class _Entry:
    """The entry that properties belong to: a symbol, choice, menu or comment."""

    def __init__(self, target: Symbol | Choice | _Block | None) -> None:
        self.target = target
        self.depends: list[Expression] = []
        self.visible: list[Expression] = []
        self.prompts: list[Property] = []
        self.defaults: list[Property] = []
        self.ranges: list[Property] = []
        self.selects: list[tuple[str, Expression]] = []
        self.implies: list[tuple[str, Expression]] = []

    def add(self, keyword: str, rest: list[tuple[str, str]], coord: Coord) -> None:
        """Take in one property."""
        if keyword in ("depends", "visible"):
            if keyword == "depends" and rest[:1] != [("word", "on")]:
                raise ParseError("'depends' without 'on'", coord)
            into = self.depends if keyword == "depends" else self.visible
            into.append(parse_expression(rest[1:], coord))
            return
        if keyword == "optional" and isinstance(self.target, Choice):
            self.target.optional = True
            return
        words, condition_words = split_condition(rest)
        condition = _TRUE
        if condition_words:
            condition = parse_expression(condition_words, coord)
        if keyword in _TYPES or keyword in _DEFAULTS:
            self._typed(keyword, words, condition, coord)
        elif keyword == "prompt":
            self.prompts.append(Property(condition))
        elif keyword == "default":
            value = parse_expression(words, coord)
            self.defaults.append(Property(condition, value))
        elif keyword in ("select", "imply"):
            into_list = self.selects if keyword == "select" else self.implies
            into_list.append((_word(words, coord), condition))
        elif keyword == "range" and len(words) == 2:
            low, high = (Expression(*word) for word in words)
            self.ranges.append(Property(condition, low, high))
        else:
            raise ParseError(f"unknown Kconfig statement '{keyword}'", coord)

    def option(self, words: list[str]) -> None:
        """Take in an option: where a value comes from that is not written."""
        if isinstance(self.target, Symbol) and words[:1] in _NOT_WRITTEN:
            self.target.written = False
            if words[0] == "env":
                value = Expression("macro", words[-1])
                self.defaults.append(Property(_TRUE, value))

    def _typed(
        self,
        keyword: str,
        words: list[tuple[str, str]],
        condition: Expression,
        coord: Coord,
    ) -> None:
        if isinstance(self.target, Symbol):
            self.target.type = _TYPES.get(keyword) or _DEFAULTS[keyword]
        if keyword in _DEFAULTS:
            value = parse_expression(words, coord)
            self.defaults.append(Property(condition, value))
        elif words:
            self.prompts.append(Property(condition))

    def finish(self, depends: Expression, visible: Expression, into: Kconfig) -> None:
        """Hand the properties on, each with the conditions of the whole entry."""
        target = self.target
        if not isinstance(target, Symbol | Choice):
            return
        target.depends.append(depends)
        for prompt in self.prompts:
            condition = _all(depends, visible, prompt.condition)
            target.prompts.append(Property(condition))
        for default in self.defaults:
            condition = _all(depends, default.condition)
            target.defaults.append(Property(condition, default.value))
        if isinstance(target, Choice):
            return
        for limits in self.ranges:
            condition = _all(depends, limits.condition)
            target.ranges.append(Property(condition, limits.value, limits.other))
        for name, condition in self.selects:
            given = (target.name, _all(depends, condition))
            into.symbol(name).selected.append(given)
        for name, condition in self.implies:
            given = (target.name, _all(depends, condition))
            into.symbol(name).implied.append(given)


def _word(words: list[tuple[str, str]], coord: Coord) -> str:
    if len(words) != 1 or words[0][0] != "word":
        raise ParseError("one name is expected here", coord)
    return words[0][1]


def _without_comment(line: str) -> str:
    quote = ""
    for index, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            return line[:index]
    return line


def _after_help(lines: list[str], number: int) -> int:
    """Return the number of the first line after a help text."""
    indent: int | None = None
    while number < len(lines):
        line = lines[number]
        if line.strip():
            here = len(line) - len(line.lstrip())
            if indent is None:
                if not here:
                    return number
                indent = here
            elif here < indent:
                return number
        number += 1
    return number
