"""Read one hunk of a unified diff and map its lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import PatchError
from reference_model.coordinates import Coord

__all__ = ["HUNK_START", "DamagedError", "Hunk", "read_hunk"]

HUNK_START = b"@@ -"
_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)")
_NO_NEWLINE = b"\\"
_NO_CODE = re.compile(rb"(?:/\*.*|\*(?:[ \t].*|/)?|//.*)?", re.DOTALL)


class DamagedError(PatchError):
    """There is a diff, but not one that git would take as it stands.

    Such a text may be a review, or a mail that a client has wrapped: the patch
    in it can perhaps be recovered.
    """


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk: ranges as written, and its lines with their origin character.

    ``lines`` holds ``(origin, text)`` with origin one of `` ``, ``+``, ``-``;
    the text keeps its newline unless the file ends without one there.
    """

    coord: Coord
    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: str
    lines: tuple[tuple[str, bytes], ...]

    def _first(self, offset: int) -> int:
        # An empty range names the line before it: @@ -5,2 +4,0 @@.
        return self.new_start + offset + (1 if self.new_count == 0 else 0)

    def added(self, offset: int = 0) -> tuple[int, ...]:
        """Return the post-image line numbers of the ``+`` lines."""
        found, line = [], self._first(offset)
        for origin, _ in self.lines:
            if origin == "+":
                found.append(line)
            line += origin != "-"
        return tuple(found)

    def removed(self) -> tuple[int, ...]:
        """Return the pre-image line numbers of the ``-`` lines, as written."""
        found = []
        line = self.old_start + (1 if self.old_count == 0 else 0)
        for origin, _ in self.lines:
            if origin == "-":
                found.append(line)
            line += origin != "+"
        return tuple(found)

    def touched(self, offset: int = 0) -> tuple[int, ...]:
        """Return the added lines and each line right after a pure deletion."""
        found, line = [], self._first(offset)
        deleted = added = False
        for origin, _ in (*self.lines, (" ", b"")):
            if origin == " ":
                if deleted and not added:
                    found.append(line)
                deleted = added = False
            elif origin == "+":
                found.append(line)
                added = True
            else:
                deleted = True
            line += origin != "-"
        return tuple(found)

    def deletions(self, offset: int = 0) -> tuple[tuple[int, int], ...]:
        """Return (first, behind) of the lines left where code was deleted.

        They are those added in its place; with none, ``behind`` is ``first``.
        Blank lines and comments are no code.
        """
        found, line = [], self._first(offset)
        first, deleted = line, False
        for origin, text in (*self.lines, (" ", b"")):
            if origin == " ":
                if deleted:
                    found.append((first, line))
                first, deleted = line + 1, False
            elif origin == "-":
                deleted = deleted or _NO_CODE.fullmatch(text.strip()) is None
            line += origin != "-"
        return tuple(found)

    def post_image(self) -> tuple[bytes, ...]:
        """Return the lines the hunk leaves behind."""
        return tuple(text for origin, text in self.lines if origin != "-")

    def post_index(self, offset: int = 0) -> int:
        """Return where, counted from 0, ``post_image`` starts in the new file."""
        return self._first(offset) - 1


def _header(line: bytes, coord: Coord) -> Hunk:
    found = _HUNK.match(line)
    if found is None:
        raise DamagedError("hunk header is damaged", coord)
    old, old_count, new, new_count, section = found.groups()
    return Hunk(
        coord,
        int(old),
        1 if old_count is None else int(old_count),
        int(new),
        1 if new_count is None else int(new_count),
        section.strip().decode("utf-8", "surrogateescape"),
        (),
    )


def read_hunk(
    lines: list[bytes], at: int, name: str, first: int = 1
) -> tuple[Hunk, int]:
    """Read the hunk at index ``at``; return it and the index behind it.

    ``first`` is the number of the first line, for messages.
    """
    head = _header(lines[at], Coord(name, at + first))
    old, new = head.old_count, head.new_count
    if not old and not new:
        raise DamagedError("hunk is empty", head.coord)
    body: list[tuple[str, bytes]] = []
    at += 1
    while old or new:
        if at >= len(lines):
            raise DamagedError("patch ends in the middle of a hunk", head.coord)
        line = lines[at]
        if line[:1] == _NO_NEWLINE and body:
            _check_mark(line, Coord(name, at + first))
            _drop_newline(body)
            at += 1
            continue
        # A mailer may strip the one blank of an empty context line.
        origin = " " if line in (b"\n", b"\r\n") else chr(line[0])
        if origin not in " +-":
            raise DamagedError(
                "line inside a hunk starts with none of ' ', '+', '-': "
                "the patch was wrapped or cut",
                Coord(name, at + first),
            )
        old -= origin != "+"
        new -= origin != "-"
        if old < 0 or new < 0:
            raise DamagedError("hunk does not match its line counts", head.coord)
        body.append((origin, line if line in (b"\n", b"\r\n") else line[1:]))
        at += 1
    if at < len(lines) and lines[at][:1] == _NO_NEWLINE:
        _check_mark(lines[at], Coord(name, at + first))
        _drop_newline(body)
        at += 1
    if all(origin == " " for origin, _ in body):
        raise DamagedError("hunk changes nothing", head.coord)
    return _with_lines(head, body), at


def _check_mark(line: bytes, coord: Coord) -> None:
    # What git asks of "\\ No newline at end of file", which may be translated.
    if not line.startswith(b"\\ ") or len(line) <= 12:
        raise DamagedError("the mark of a missing newline is damaged", coord)


def _drop_newline(body: list[tuple[str, bytes]]) -> None:
    origin, text = body[-1]
    body[-1] = (origin, text.removesuffix(b"\n"))


def _with_lines(head: Hunk, body: list[tuple[str, bytes]]) -> Hunk:
    return Hunk(
        head.coord,
        head.old_start,
        head.old_count,
        head.new_start,
        head.new_count,
        head.section,
        tuple(body),
    )
