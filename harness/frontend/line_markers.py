"""Line markers of preprocessed text: which file each line comes from.

A marker is ``# LINE "FILE" FLAGS``.  All files are checked to lie in places
that the caller allows, and are renamed relative to the tree.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from harness.errors import PreprocessError
from reference_model.coordinates import Coord

__all__ = ["MARKER", "FileNames"]

MARKER = re.compile(r'^# (\d+) "((?:[^"\\\n]|\\.)*)"([ 0-9]*)$', re.MULTILINE)


class FileNames:
    """Checks and shortens the file names of line markers."""

    def __init__(
        self, source_root: Path, generated: Path, roots: Sequence[Path]
    ) -> None:
        self._prefix = os.path.join(os.path.abspath(source_root), "")
        self._generated = os.path.join(os.path.abspath(generated), "")
        allowed = [source_root, generated, *roots]
        self._allowed = tuple(os.path.join(os.path.realpath(p), "") for p in allowed)
        self._short: dict[str, str] = {}

    @property
    def files(self) -> tuple[str, ...]:
        """The names seen so far, in order, shortened."""
        return tuple(dict.fromkeys(self._short.values()))

    def shorten(self, text: str) -> str:
        """Return ``text`` with all markers checked and renamed."""
        including = Coord("", 0)

        def rename(match: re.Match[str]) -> str:
            nonlocal including
            line, raw, flags = match[1], match[2], match[3]
            short = self._short.get(raw)
            if short is None:
                # The marker before an inclusion gives the file that includes;
                # the line is counted from there.
                place = _count_lines(text, match.start(), including)
                short = self._check(raw, place)
                self._short[raw] = short
            including = Coord(short, int(line), match.end())
            return f'# {line} "{short}"{flags}'

        return MARKER.sub(rename, text)

    def allows(self, name: str) -> bool:
        """Tell whether the file really lies in one of the allowed places."""
        full = os.path.join(self._generated, name)
        return os.path.realpath(full).startswith(self._allowed)

    def short_name(self, name: str) -> str:
        """Shorten a name in a message of the compiler, without checking it."""
        full = os.path.abspath(os.path.join(self._generated, name))
        return full.removeprefix(self._prefix)

    def _check(self, raw: str, place: Coord | None) -> str:
        if raw.startswith("<") and raw.endswith(">"):
            return raw  # <built-in>, <command-line>
        if "\\" in raw:
            raise PreprocessError("file name with a quote or backslash", place)
        full = os.path.abspath(os.path.join(self._generated, raw))
        if not self.allows(raw):
            name = raw.removeprefix(self._prefix)
            raise PreprocessError(
                f"included file '{name}' lies outside the source tree", place
            )
        for prefix, mark in ((self._generated, "<generated>/"), (self._prefix, "")):
            if full.startswith(prefix):
                return mark + full[len(prefix) :]
        raise PreprocessError(f"file '{raw}' lies outside the source tree", place)


def _count_lines(text: str, position: int, marker: Coord) -> Coord | None:
    """Tell the source line at ``position``; ``marker.column`` is an offset."""
    if not marker.file:
        return None
    lines = text.count("\n", marker.column, position)
    return Coord(marker.file, max(1, marker.line + lines - 1))
