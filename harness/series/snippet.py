"""Put a candidate piece of C into a tree: in place of what it redefines, or beside.

The result is an ordinary patch of the tree, so that everything else works as for
any other; notes say what was replaced and where the rest was put.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import PatchError
from harness.series.diff import read_diff
from harness.series.patch import Patch
from harness.series.series import Series
from harness.series.snippet_base import DEFINING, BaseFile, BaseFiles, Found
from harness.series.snippet_edits import Edits, edited, unified
from harness.series.snippet_items import Item, items, words
from harness.series.tree import Tree
from reference_model.coordinates import Coord

__all__ = ["SNIPPET_LIMIT", "read_snippet"]

SNIPPET_LIMIT = 256 << 10
_UNITS = 200  # definitions; more is a file, not a snippet

_DIFF = re.compile(rb"^[>|+ ]*(?:diff --git \S|@@ -\d+(?:,\d+)? \+\d)", re.M)
_QUOTED = re.compile(r"(?:[>|] ?)+")
_ALIKE = 2  # words of a name that two names must have in common


@dataclass(slots=True)
class _Unit:
    """What is put in one place: an item, or all that an ``#if`` encloses."""

    order: float
    items: list[Item]
    names: tuple[str, ...]
    text: str
    bare: str  # without the comment above
    uses: frozenset[str]
    found: Found | None = None
    anchor: _Anchor | None = None
    busy: bool = False

    @property
    def kind(self) -> str:
        """Return what it mainly is: the kind of the first thing it defines."""
        kinds = [item.kind for item in self.items]
        return next((k for k in kinds if k not in ("include", "undef")), kinds[0])

    @property
    def line(self) -> int:
        """Return its line in the snippet."""
        return self.items[0].line


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A place in a file of the tree; ``words`` say which."""

    file: str
    at: int
    after: bool
    words: str


def read_snippet(data: bytes, name: str, tree: Tree) -> Series:
    """Return the patch that puts a snippet into the tree.

    Raise ``PatchError`` where it defines nothing, redefines what is defined in
    several places, or is not complete.
    """
    return _Snippet(_text(data, name), name, BaseFiles(tree.top)).series()


def _text(data: bytes, name: str) -> str:
    """Decode a snippet; drop the quoting or the signs it was pasted with."""
    top = Coord(name, 1)
    if len(data) > SNIPPET_LIMIT:
        raise PatchError(f"snippet is larger than {SNIPPET_LIMIT >> 10} KiB", top)
    if _DIFF.search(data):
        raise PatchError("this is a diff: give it without --snippet", top)
    if b"\0" in data:
        raise PatchError("snippet holds a NUL byte", top)
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    text = text.replace("\r\n", "\n").replace("\N{NO-BREAK SPACE}", " ")
    lines = text.split("\n")
    for pattern in (_QUOTED, re.compile(r"\+")):
        filled = [line for line in lines if line.strip()]
        if filled and all(pattern.match(line) for line in filled):
            lines = [pattern.sub("", line, count=1) for line in lines]
    if not any(line.strip() for line in lines):
        raise PatchError("snippet is empty", top)
    return "\n".join(lines).rstrip() + "\n"


class _Snippet:
    def __init__(self, text: str, name: str, base: BaseFiles) -> None:
        self.text = text
        self.name = name
        self.base = base
        self.notes: list[str] = []
        self.edits: dict[str, Edits] = {}
        self.units = self._units()

    def _error(self, message: str, line: int) -> PatchError:
        return PatchError(message, Coord(self.name, line))

    def series(self) -> Series:
        """Replace, then place what is new, and make a patch of it."""
        for unit in self.units:
            self._find(unit)
        for unit in self.units:
            if unit.found is not None:
                self._replace(unit, unit.found)
        for unit in self._together(self.units):
            if unit.found is None and unit.kind != "include":
                self._insert(unit)
        for unit in self.units:
            if unit.kind == "include":
                self._include(unit)
        diff = read_diff(self._diff(), self.name)
        names = ", ".join(self._defined()) or "nothing"
        patch = Patch(
            self.name, diff.data, diff.files, diff.strip, subject=f"snippet: {names}"
        )
        return Series((patch,), tuple(dict.fromkeys(self.notes)))

    def _defined(self) -> list[str]:
        return [
            name
            for unit in self.units
            if unit.kind not in ("include", "undef")
            for name in unit.names[:1]
        ]

    # -- what the snippet holds ---------------------------------------------

    def _units(self) -> list[_Unit]:
        """Split the snippet into what is put in one place each."""
        found = items(self.text, self.name)
        if not any(item.kind not in ("include", "undef") for item in found):
            raise self._error("no definition in the snippet", 1)
        macros = {n: i for i in found if i.kind == "macro" for n in i.names}
        units: list[_Unit] = []
        groups: dict[tuple[int, int], list[Item]] = {}
        for item in found:
            if item.region is not None:
                groups.setdefault(item.region, []).append(item)
                if len(groups[item.region]) > 1:
                    continue
            group = groups[item.region] if item.region is not None else [item]
            units.append(_Unit(len(units), group, (), "", "", frozenset()))
        if len(units) > _UNITS:
            raise self._error(
                f"more than {_UNITS} definitions: give a patch", units[_UNITS].line
            )
        for unit in units:
            self._complete(unit, macros)
        return units

    def _complete(self, unit: _Unit, macros: dict[str, Item]) -> None:
        first = unit.items[0]
        start, end = first.region or (first.start, first.end)
        lead = min(first.lead, start)
        unit.text, unit.bare = self.text[lead:end], self.text[start:end]
        names: list[str] = []
        for item in unit.items:
            if item.kind != "include" or unit.kind == "include":
                names.extend(self._names(item, macros))
        unit.names = tuple(dict.fromkeys(names))
        unit.uses = words(unit.bare) - set(unit.names)

    def _names(self, item: Item, macros: dict[str, Item]) -> tuple[str, ...]:
        """Return what an item defines; of an invocation, what its macro says."""
        if item.kind != "invocation":
            return item.names
        if (macro := macros.get(item.head)) is not None:
            return self._made(item, macro, self.text)
        coord = Coord(self.name, item.line)
        found, _ = self.base.definition((item.head,), frozenset({"macro"}), coord)
        if found is not None:
            return self._made(item, found.item, found.file.text)
        if item.head.startswith(("DEFINE_", "DECLARE_")):
            return item.names[-1:]
        raise self._no_definition(item)

    def _made(self, item: Item, macro: Item, text: str) -> tuple[str, ...]:
        """Return the argument that a macro makes a function or variable of."""
        body = text[macro.start : macro.end]
        if item.head.startswith(("DEFINE_", "DECLARE_")):
            return item.names[-1:]
        if "{" in body:
            for number, parameter in enumerate(macro.parameters):
                named = re.search(rf"\b{re.escape(parameter)}\s*\(", body)
                if parameter and named and number < len(item.names):
                    return (item.names[number],)
        raise self._no_definition(item)

    def _no_definition(self, item: Item) -> PatchError:
        return self._error(
            f"'{item.head}(...)' defines nothing: give the whole function that "
            "holds it",
            item.line,
        )

    # -- what it redefines --------------------------------------------------

    def _find(self, unit: _Unit) -> None:
        if unit.kind in ("include", "undef"):
            return
        kinds = {item.kind for item in unit.items}
        wanted = frozenset({"declaration"}) if kinds == {"declaration"} else DEFINING
        coord = Coord(self.name, unit.line)
        for name in unit.names:
            found, notes = self.base.definition((name,), wanted, coord)
            if found is None:
                continue
            self.notes.extend(notes)
            if unit.found is None:
                unit.found = found
            elif found != unit.found:
                # The others of an #if go: it brings its own.
                edits = self.edits.setdefault(found.file.name, Edits())
                edits.replaced.append((found.item.lead, found.item.end, ""))
                self.notes.append(f"{name} replaces {found.place}")

    def _replace(self, unit: _Unit, found: Found) -> None:
        item = found.item
        commented = unit.text != unit.bare
        start = item.lead if commented else item.start
        edits = self.edits.setdefault(found.file.name, Edits())
        edits.replaced.append((start, item.end, unit.text))
        if found.file.text[item.start : item.end] == unit.bare:
            self.notes.append(f"{unit.names[0]} is as in {found.place}")
        else:
            self.notes.append(f"{', '.join(unit.names)} replaces {found.place}")

    # -- what is new --------------------------------------------------------

    def _together(self, units: list[_Unit]) -> list[_Unit]:
        """Let what invokes or undefines a new macro go where that goes."""
        new = {
            name: unit
            for unit in units
            if unit.found is None and unit.kind == "macro"
            for name in unit.names
        }
        for unit in units:
            head = unit.items[0].head if unit.kind == "invocation" else ""
            head = unit.names[0] if unit.kind == "undef" else head
            if unit.found is None and head in new and new[head] is not unit:
                unit.anchor = self._anchor(new[head])
        return units

    def _insert(self, unit: _Unit) -> None:
        if unit.kind == "undef" and unit.anchor is None:
            raise self._error(
                f"#undef {unit.names[0]}: of a macro that the snippet does not define",
                unit.line,
            )
        anchor = self._anchor(unit)
        edits = self.edits.setdefault(anchor.file, Edits())
        single = "\n" not in unit.text and unit.kind == "macro"
        gap = "\n" if single else "\n\n"
        text = f"{gap}{unit.text}" if anchor.after else f"{unit.text}\n{gap[1:]}"
        edits.inserted.append((anchor.at, unit.order, text))
        line = self.base.texts[anchor.file].count("\n", 0, anchor.at) + 1
        if unit.kind != "undef":
            self.notes.append(
                f"{', '.join(unit.names)} is new: put {anchor.words} at "
                f"{anchor.file}:{line}"
            )

    def _anchor(self, unit: _Unit) -> _Anchor:
        if unit.anchor is None:
            unit.busy = True
            unit.anchor = self._choose(unit)
            unit.busy = False
        return unit.anchor

    def _choose(self, unit: _Unit) -> _Anchor:
        """Choose a place: before the first user, or behind what is named alike."""
        users = self._users(unit)
        helper = self._helper(unit)
        if helper is not None:
            return helper
        alike = self._alike(unit) if unit.kind != "function" or not users else None
        if alike is not None:
            return alike
        if users:
            first = min(users, key=lambda u: self._rank(self._place_of(u)))
            place = self._place_of(first)
            if first.found is None and first.order < unit.order:
                unit.order = first.order - 0.5
            named = f"before {first.names[0]}" if first.names else "there"
            return _Anchor(place.file, place.at, place.after, named)
        source = self.base.source()
        last = source.items[-1]
        return _Anchor(source.name, _line_end(source, last), True, "at the end")

    def _users(self, unit: _Unit) -> list[_Unit]:
        names = set(unit.names)
        return [
            other
            for other in self.units
            if other is not unit
            and not other.busy
            and names & other.uses
            and other.kind not in ("include", "undef")
        ]

    def _place_of(self, unit: _Unit) -> _Anchor:
        if unit.found is None:
            return self._anchor(unit)
        file, item = unit.found.file, unit.found.item
        start = file.text.rfind("\n", 0, item.lead) + 1
        return _Anchor(file.name, start, False, "")

    @staticmethod
    def _rank(anchor: _Anchor) -> tuple[bool, str, int]:
        # A header comes before the sources that include it.
        return (anchor.file.endswith(".c"), anchor.file, anchor.at)

    def _helper(self, unit: _Unit) -> _Anchor | None:
        """Put an invocation behind the last one of the same macro."""
        if unit.kind != "invocation":
            return None
        head = unit.items[0].head
        last: Found | None = None
        for file in self.base.matching(rf"\b{re.escape(head)}\b"):
            for item in file.items:
                here = Found(file, item)
                if item.head == head or (item.kind == "macro" and head in item.names):
                    own = "arm32" not in file.name
                    last = here if own else last
        if last is None:
            return None
        words_ = f"behind the last {head}"
        return _Anchor(last.file.name, _line_end(last.file, last.item), True, words_)

    def _alike(self, unit: _Unit) -> _Anchor | None:
        """Put a definition behind the one whose name begins most alike."""
        best: tuple[int, bool, str, int] | None = None
        chosen: Found | None = None
        for name in unit.names[:1]:
            parts = _parts(name)
            if len(parts) < _ALIKE:
                continue
            for file in self.base.matching(rf"\b_*{re.escape('_'.join(parts[:2]))}"):
                if any(f in file.name.split("/") for f in ("arm32", "mpu")):
                    continue
                for other, item in _definitions(file):
                    same = _common(parts, _parts(other))
                    rank = (same, item.kind == unit.kind, file.name, item.start)
                    if same >= _ALIKE and (best is None or rank > best):
                        best, chosen = rank, Found(file, item)
        if chosen is None:
            return None
        at = _line_end(chosen.file, chosen.item)
        for name, item in _definitions(chosen.file):
            if name in unit.uses and item.kind != "undef":
                at = max(at, _line_end(chosen.file, item))
        return _Anchor(chosen.file.name, at, True, f"behind {chosen.item.names[0]}")

    def _include(self, unit: _Unit) -> None:
        """Put an include into the file that most of the snippet goes to."""
        names = sorted(
            self.edits,
            key=lambda n: (n.endswith(".c"), len(self.edits[n].replaced)),
        )
        file = self.base.file(names[-1]) if names else self.base.source()
        present = [item for item in file.items if item.kind == "include"]
        wanted = ", ".join(unit.names)
        if set(unit.names) <= {name for item in present for name in item.names}:
            self.notes.append(f"#include {wanted} is there already in {file.name}")
            return
        if not present:
            raise self._error(
                f"no place for #include {wanted} in {file.name}", unit.line
            )
        last = [i for i in present if not i.conditions] or present
        edits = self.edits.setdefault(file.name, Edits())
        at = _line_end(file, last[-1])
        edits.inserted.append((at, unit.order, f"\n{unit.text}"))
        self.notes.append(f"#include {wanted} is added to {file.name}")

    # -- the patch ----------------------------------------------------------

    def _diff(self) -> bytes:
        out: list[str] = []
        for name in sorted(self.edits):
            old = self.base.texts[name]
            new = edited(old, self.edits[name])
            if new != old:
                out.append(f"diff --git a/{name} b/{name}\n")
                out.extend(unified(name, old, new))
        if not out:
            raise self._error("the tree has all of the snippet as it is", 1)
        return "".join(out).encode("utf-8", "surrogateescape")


def _parts(name: str) -> list[str]:
    return [part for part in name.split()[-1].split("_") if part]


def _common(one: list[str], other: list[str]) -> int:
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same


def _definitions(file: BaseFile) -> Iterator[tuple[str, Item]]:
    for item in file.items:
        if item.kind == "invocation":
            yield from ((name, item) for name in item.names[:1])
        elif item.kind in DEFINING or item.kind == "declaration":
            yield from ((name, item) for name in item.names)


def _line_end(file: BaseFile, item: Item) -> int:
    end = file.text.find("\n", item.end)
    return end if end >= 0 else len(file.text)
