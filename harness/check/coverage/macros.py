"""Macros that a patch defines, and whether what is compiled shows it.

A ``#define`` is no code: what it does shows where it is used.  One that shows
nowhere is a place of the patch that nothing has looked at.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.check.coverage.effects import Lines
from harness.frontend.compiled_lines import Rows
from harness.series import View

__all__ = ["Macro", "macros_of"]

_DEFINE = re.compile(
    r"[ \t]*#[ \t]*define[ \t]+(?P<name>\w+)(?P<body>(?:\\\n|[^\n])*)", re.MULTILINE
)
_GUARD = re.compile(r"[ \t]*#[ \t]*ifndef[ \t]+(\w+)[ \t]*\n\s*\Z")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_WORD = re.compile(r"\w+")
_MACROS = 256  # of a patch, for which uses are looked for
_BLANKS = re.compile(r"(?:\\\n|\s)+")


@dataclass(frozen=True, slots=True)
class Macro:
    """A definition that the patch touches; ``shows`` tells whether it does."""

    name: str
    file: str
    line: int
    shows: bool

    @property
    def place(self) -> str:
        """Return how a report names it."""
        return f"#define {self.name} ({self.file}:{self.line})"


@dataclass(frozen=True, slots=True)
class _Definition:
    name: str
    body: str
    first: int
    last: int
    guards: bool  # keeps a header from being read twice


def macros_of(view: View, rows: Rows, affected: Lines) -> tuple[Macro, ...]:
    """Return the macros that the last patch defines or redefines.

    ``rows`` is what the lines of the tree come to, ``affected`` those that the
    patch changes without touching them.  One shows where a line that it is used
    on is changed; without a tree before the patch, where it is used at all.
    """
    files = sorted(name for name in view.lines if name in rows)
    new = {name: list(_new(view, name)) for name in files}
    if not any(new.values()):
        return ()
    uses = _Uses(view.root, rows)
    found: list[Macro] = []
    for file, definitions in new.items():
        for each in definitions:
            # Beyond the bound nobody looks, so that nothing is known to show.
            lines = uses.of(each.name) if len(found) < _MACROS else ()
            shows = any(
                view.before is None
                or view.touched(name, line)
                or line in affected.get(name, ())
                for name, line in lines
            )
            found.append(Macro(each.name, file, each.first, shows))
    return tuple(found)


def _new(view: View, file: str) -> Iterator[_Definition]:
    """Yield the definitions of a file that the patch touches and changes."""
    old: set[tuple[str, str]] = set()
    if view.before is not None and view.patch is not None:
        names = {file} | {p.old for p in view.patch.files if p.new == file and p.old}
        for name in names:
            known = _definitions(_text(view.before.root / name))
            old |= {(each.name, each.body) for each in known}
    for each in _definitions(_text(view.root / file)):
        lines = range(each.first, each.last + 1)
        if each.guards or (each.name, each.body) in old:
            continue
        if any(view.touched(file, line) for line in lines):
            yield each


def _definitions(text: str) -> Iterator[_Definition]:
    plain = _COMMENT.sub(lambda m: " " + "\n" * m[0].count("\n"), text)
    for match in _DEFINE.finditer(plain):
        body = _BLANKS.sub(" ", match["body"]).strip()
        first = plain.count("\n", 0, match.start("name")) + 1
        guard = _GUARD.search(plain, 0, match.start())
        guards = not body and guard is not None and guard[1] == match["name"]
        last = first + match["body"].count("\n")
        yield _Definition(match["name"], body, first, last, guards)


class _Uses:
    """The compiled lines that macros are used on, through others as well."""

    def __init__(self, root: Path, rows: Rows) -> None:
        names = sorted(name for name in rows if not name.startswith("<"))
        self._texts = {name: _text(root / name) for name in names}
        self._rows = {name: sorted(rows[name]) for name in names}
        self._bodies: list[tuple[str, frozenset[str]]] = [
            (each.name, frozenset(_WORD.findall(each.body)))
            for text in self._texts.values()
            for each in _definitions(text)
        ]

    def of(self, macro: str) -> Iterator[tuple[str, int]]:
        """Yield (file, line) of each line of code with the macro."""
        names = self._closure(macro)
        for file, text in self._texts.items():
            yield from self._lines(file, text, names)

    def _closure(self, macro: str) -> set[str]:
        """Return the macro and those that it is used in."""
        names, left = {macro}, [macro]
        while left:
            name = left.pop()
            more = {user for user, words in self._bodies if name in words} - names
            names |= more
            left += sorted(more)
        return names

    def _lines(
        self, file: str, text: str, names: Iterable[str]
    ) -> Iterator[tuple[str, int]]:
        compiled = self._rows[file]
        word = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
        for match in word.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            # A call over several lines counts as its first one.
            before = bisect_right(compiled, line)
            if before:
                yield file, compiled[before - 1]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
