"""The code of a patched tree, as it is to be edited and as it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from harness.check.repairs.effects import Effects
from harness.check.repairs.macros import Macro, definitions
from harness.check.repairs.source import Source, Statement, Token
from harness.check.repairs.texts import Change
from harness.ir.nodes import Unit
from harness.series import View
from reference_model.coordinates import Coord, Origin

__all__ = ["PatchedCode", "Place", "Region"]

_MACRO_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a function; ``callee`` is what is called there, "" for the event."""

    coord: Coord
    function: str
    callee: str


@dataclass(frozen=True, slots=True)
class Region:
    """Text that an instruction may come from."""

    source: Source
    tokens: tuple[Token, ...]


class PatchedCode:
    """Sources, IR and what the patch touched."""

    def __init__(self, view: View, unit: Unit) -> None:
        self.view = view
        self.effects = Effects(unit)
        self._files = unit.files
        self._sources: dict[str, Source | None] = {}

    def source(self, file: str) -> Source | None:
        """Return a file of the tree, None if it is none or no text."""
        if file not in self._sources:
            path = self.view.root / file
            text = None
            if file and not file.startswith(("/", "<")) and path.is_file():
                # Only what can be written back as it was read is edited.
                data = path.read_bytes()
                try:
                    text = data.decode() if b"\r" not in data else None
                except UnicodeDecodeError:
                    text = None
            self._sources[file] = None if text is None else Source(file, text)
        return self._sources[file]

    @cached_property
    def macros(self) -> dict[str, list[Macro]]:
        """Return the macros of all files that are read."""
        found = (self.source(file) for file in self._files)
        return definitions(source for source in found if source is not None)

    def texts(self, changes: frozenset[Change]) -> dict[str, str]:
        """Return the files that changes are made to."""
        files = {change.file for change in changes}
        found = {file: self.source(file) for file in sorted(files)}
        return {file: s.text for file, s in found.items() if s is not None}

    def places(self, origin: Origin) -> list[Place]:
        """Return the place of an event and those of the calls around it."""
        found = [Place(origin.coord, origin.function, "")]
        callers = [frame.function for frame in origin.stack[1:]]
        for frame, caller in zip(origin.stack, callers, strict=False):
            found.append(Place(frame.call, caller, frame.function))
        return [place for place in found if self.source(place.coord.file)]

    def path(self, place: Place) -> list[Statement]:
        """Return the statements around a place, the innermost last."""
        source = self.source(place.coord.file)
        return source.path_to(place.coord.line, place.callee) if source else []

    def regions(self, place: Place) -> Iterator[Region]:
        """Yield the text at a place, then the macros that it makes use of."""
        source = self.source(place.coord.file)
        if source is None:
            return
        path = self.path(place)
        if path:
            tokens = source.within(path[-1].start, path[-1].head)
        else:
            tokens = _invocation(source, place.coord.line)
        waiting = [(Region(source, tuple(tokens)), 0)]
        seen: set[str] = set()
        while waiting:
            region, depth = waiting.pop(0)
            yield region
            if depth == _MACRO_DEPTH:
                continue
            for token in region.tokens:
                if token.kind != "name" or token.text in seen:
                    continue
                seen.add(token.text)
                waiting += [
                    (Region(macro.source, tuple(macro.tokens())), depth + 1)
                    for macro in self.macros.get(token.text, ())
                ]

    # ---------------------------------------------------------------- distance

    def distance(self, change: Change) -> int:
        """Return how far a change is from what the patch touched."""
        source = self.source(change.file)
        lines = self.view.lines.get(change.file)
        if source is None or not lines:
            return 3
        first = source.line_of(change.start)
        last = source.line_of(max(change.start, change.end - 1))
        near = range(first - (change.start == change.end), last + 1)
        if not lines.isdisjoint(near):
            return 0
        function = source.function_at(first)
        if function is None:
            return 2
        around = range(
            source.line_of(function.start), source.line_of(function.body.end) + 1
        )
        return 2 if lines.isdisjoint(around) else 1


def _invocation(source: Source, line: int) -> list[Token]:
    """Return a macro invocation at file scope: a name and its arguments."""
    start = source.line_start(line)
    tokens = source.within(start, len(source.text))
    depth = 0
    for number, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if not depth and (token.text in (")", ";", "{")):
            return tokens[: number + 1]
    return []
