"""The structure of an inline assembly template: sections, labels, conditions.

``ALTERNATIVE`` text is an ordinary use of the assembler: the instructions to
patch stand between two labels, their replacement stands in a section of its
own, and a record in ``.altinstructions`` names both and the feature.  Reading
those records says what the processor would execute; no macro is matched.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache

__all__ = [
    "Alternative",
    "Instruction",
    "Label",
    "Template",
    "TemplateError",
    "integer",
    "parse",
]

_LABEL = re.compile(r"\s*([\w.$]+)\s*:")
_LOCAL = re.compile(r"(\d+)([bf])\Z")
_DIFFERENCE = re.compile(r"\s*(\d+[bf])\s*-\s*(\d+[bf])\s*\Z")
_SUFFIX = re.compile(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]+\b")
_QUIET = {".org", ".align", ".p2align", ".balign", ".arch", ".arch_extension", ".cpu"}
_DATA = {".word", ".hword", ".short", ".long", ".byte", ".2byte", ".4byte", ".quad"}
_TEXT = ".text"


class TemplateError(Exception):
    """The template has a structure that is not modelled."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, operands as written."""

    mnemonic: str
    operands: str


@dataclass(frozen=True, slots=True)
class Label:
    """A place to branch to."""

    name: str


Item = Instruction | Label


@dataclass(frozen=True, slots=True)
class Alternative:
    """Items [start, end) give way to ``items`` where ``feature`` is present."""

    feature: int
    start: int
    end: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template; ``sections`` has the data written elsewhere."""

    items: tuple[Item, ...]
    alternatives: tuple[Alternative, ...]
    sections: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A label definition: where in the source, and where in its section."""

    order: int
    section: str
    index: int


@dataclass(frozen=True, slots=True)
class _Datum:
    order: int
    expression: str


def integer(text: str) -> int | None:
    """Evaluate an assembler's constant expression; None if it is not one."""
    plain = _SUFFIX.sub(r"\1", text.strip().removeprefix("#").strip())
    plain = plain.replace("&&", " and ").replace("||", " or ")
    plain = re.sub(r"!(?!=)", " not ", plain)
    try:
        tree = ast.parse(plain.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return None
    allowed = (
        ast.Expression,
        ast.BinOp,
        ast.UnaryOp,
        ast.BoolOp,
        ast.Compare,
        ast.Constant,
        ast.operator,
        ast.unaryop,
        ast.boolop,
        ast.cmpop,
    )
    for node in ast.walk(tree):
        if not isinstance(node, allowed) or isinstance(node, (ast.Pow, ast.Div)):
            return None
        if isinstance(node, ast.Constant) and not isinstance(node.value, int):
            return None
    try:
        return int(eval(compile(tree, "<constant>", "eval"), {"__builtins__": {}}))
    except (ZeroDivisionError, ValueError, OverflowError, MemoryError):
        return None


def _statements(text: str, a32: bool) -> list[str]:
    """Split at newlines and semicolons, dropping comments; A32 has ``@``, too."""
    found, current, quoted, i = [], "", False, 0
    while i < len(text):
        c = text[i]
        if quoted:
            current += c
            if c == "\\" and i + 1 < len(text):
                current += text[i + 1]
                i += 1
            quoted = c != '"'
        elif text.startswith("//", i) or (a32 and c == "@"):
            end = text.find("\n", i)
            i = len(text) if end < 0 else end
            continue
        elif text.startswith("/*", i):
            end = text.find("*/", i)
            i = len(text) if end < 0 else end + 2
            continue
        elif c in "\n;":
            found.append(current)
            current = ""
        else:
            quoted = c == '"'
            current += c
        i += 1
    found.append(current)
    return [s for s in (part.strip() for part in found) if s and s[0] != "#"]


class _Reader:
    def __init__(self) -> None:
        self.sections: dict[str, list[Item]] = {_TEXT: []}
        self.data: dict[str, list[_Datum]] = {}
        self.marks: dict[str, list[_Mark]] = {}
        self.section = _TEXT
        self.saved: list[str] = []
        self.previous = _TEXT
        self.conditions: list[bool] = []
        self.order = 0

    def read(self, text: str, a32: bool) -> None:
        for statement in _statements(text, a32):
            rest = statement
            while True:
                match = _LABEL.match(rest)
                if match is None:
                    break
                self.order += 1
                if all(self.conditions):
                    self.mark(match[1])
                rest = rest[match.end() :]
            rest = rest.strip()
            if rest:
                self.order += 1
                self.statement(rest)
        if self.conditions or self.saved:
            raise TemplateError("an '.if' or '.pushsection' that does not end")

    def mark(self, name: str) -> None:
        items = self.sections.setdefault(self.section, [])
        mark = _Mark(self.order, self.section, len(items))
        self.marks.setdefault(name, []).append(mark)
        items.append(Label(name))

    def statement(self, text: str) -> None:
        word, _, rest = text.replace("\t", " ").partition(" ")
        word, rest = word.lower(), rest.strip()
        if self.conditional(word, rest) or not all(self.conditions):
            return
        if self.sectioning(word, rest) or word in _QUIET:
            return
        if word in _DATA:
            data = self.data.setdefault(self.section, [])
            data += [_Datum(self.order, part.strip()) for part in rest.split(",")]
            if self.section != _TEXT:
                return
        elif self.section != _TEXT and word.startswith("."):
            self.data.setdefault(self.section, []).append(_Datum(self.order, rest))
            return
        self.sections.setdefault(self.section, []).append(Instruction(word, rest))

    def conditional(self, word: str, rest: str) -> bool:
        if word == ".if":
            value = integer(rest) if all(self.conditions) else 0
            if value is None:
                raise TemplateError(f"the assembler condition '{rest}'")
            self.conditions.append(bool(value))
        elif word == ".else" and self.conditions:
            self.conditions[-1] = not self.conditions[-1]
        elif word == ".endif" and self.conditions:
            self.conditions.pop()
        else:
            return False
        return True

    def sectioning(self, word: str, rest: str) -> bool:
        name = rest.split(",")[0].strip()
        if word == ".pushsection":
            self.saved.append(self.section)
            self.section = name
        elif word == ".popsection" and self.saved:
            self.section = self.saved.pop()
        elif word == ".section":
            self.previous, self.section = self.section, name
        elif word == ".subsection":
            self.previous = self.section
            self.section = _TEXT if name == "0" else f"{_TEXT} {name}"
        elif word == ".previous":
            self.previous, self.section = self.section, self.previous
        elif word == ".text":
            self.previous, self.section = self.section, _TEXT
        else:
            return False
        return True

    def resolve(self, reference: str, order: int) -> _Mark:
        match = _LOCAL.match(reference)
        marks = self.marks.get(match[1] if match else reference, [])
        if match and match[2] == "b":
            marks = [mark for mark in marks if mark.order < order][-1:]
        elif match:
            marks = [mark for mark in marks if mark.order > order][:1]
        if not marks:
            raise TemplateError(f"the assembler label '{reference}'")
        return marks[0]

    def extent(self, datum: _Datum) -> tuple[_Mark, _Mark]:
        match = _DIFFERENCE.match(datum.expression)
        if match is None:
            raise TemplateError(f"the alternative's length '{datum.expression}'")
        end = self.resolve(match[1], datum.order)
        start = self.resolve(match[2], datum.order)
        if start.section != end.section or start.index > end.index:
            raise TemplateError(f"the alternative's length '{datum.expression}'")
        return start, end

    def alternatives(self) -> list[Alternative]:
        """Read the records (original, replacement, feature, two lengths)."""
        data = self.data.get(".altinstructions", [])
        if len(data) % 5:
            raise TemplateError("an alternative record of unknown form")
        found = []
        for first in range(0, len(data), 5):
            _, replacement, number, old, new = data[first : first + 5]
            feature = integer(number.expression)
            if not re.match(r"\d+[bf]\s*-\s*\.\Z", replacement.expression):
                what = replacement.expression.rstrip("-. ")
                raise TemplateError(f"an alternative patched by callback '{what}'")
            if feature is None:
                raise TemplateError(f"the feature number '{number.expression}'")
            start, end = self.extent(old)
            begin, stop = self.extent(new)
            if start.section != _TEXT:
                raise TemplateError("an alternative outside of the text")
            items = self.sections[begin.section][begin.index : stop.index]
            found.append(Alternative(feature, start.index, end.index, tuple(items)))
        return sorted(found, key=lambda a: a.start)


@cache
def parse(text: str, *, a32: bool = False) -> Template:
    """Parse a template."""
    reader = _Reader()
    reader.read(text, a32)
    data = {
        section: tuple(datum.expression for datum in data)
        for section, data in reader.data.items()
    }
    return Template(tuple(reader.sections[_TEXT]), tuple(reader.alternatives()), data)
