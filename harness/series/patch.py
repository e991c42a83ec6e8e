"""Read a patch: which files it changes, where, and who wrote it.

The reader follows ``git apply``'s idea of where a file's part begins, so that
what is mapped here is what git applies; the view compares the two afterwards.
"""

from __future__ import annotations

import posixpath
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.errors import PatchError
from harness.series.filename import (
    check_name,
    header_names,
    marker_name,
    strip_prefix,
)
from harness.series.hunk import HUNK_START, Hunk, read_hunk
from harness.series.mail import open_mail
from reference_model.coordinates import Coord

__all__ = [
    "SIZE_LIMIT",
    "FilePatch",
    "Patch",
    "Recovery",
    "load_patch",
    "read_patch",
]

SIZE_LIMIT = 8 << 20

_GIT = b"diff --git "
_MERGE = (b"diff --cc ", b"diff --combined ", b"@@@ -")
_BINARY = re.compile(rb"Binary files (.+) and (.+) differ$")
_CONTEXT_DIFF = re.compile(rb"\*\*\* .*\n--- .*\n\*{15}", re.M)
_QUOTED_DIFF = re.compile(rb"^[>|] ?(?:diff --git |\+\+\+ |@@ -)", re.M)
_INDEX = re.compile(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]+))?")
_EXTENDED = re.compile(
    rb"(old mode|new mode|deleted file mode|new file mode|copy from|copy to|"
    rb"rename from|rename to|rename old|rename new|similarity index|"
    rb"dissimilarity index) (.*)"
)
_REGULAR = ("100644", "100755", "100664")


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What the patch does to one file; ``old``/``new`` is None where there is none."""

    coord: Coord
    old: str | None
    new: str | None
    hunks: tuple[Hunk, ...] = ()
    old_mode: str = ""
    new_mode: str = ""
    old_blob: str = ""
    new_blob: str = ""

    @property
    def path(self) -> str:
        """Return the name after the patch, or before it if the file goes."""
        name = self.new if self.new is not None else self.old
        assert name is not None
        return name

    @property
    def names(self) -> tuple[str, ...]:
        """Return the one or two names that the patch gives the file."""
        found = [name for name in (self.old, self.new) if name is not None]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a patch was read out of a review.

    ``verified``: every post-image blob id of its index lines was reproduced.
    ``uncertain`` says what was guessed or had to be taken from the base file.
    """

    verified: bool
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch as written: line numbers are those of its own hunk headers.

    ``data`` is what ``git apply`` reads. ``number`` and ``total`` are those of
    ``[PATCH n/m]``, 0 where the mail states none; ``date`` is the author's, as
    ISO 8601, or "". ``commit`` is the object id of a patch out of a repository.
    """

    name: str
    data: bytes
    files: tuple[FilePatch, ...]
    strip: int
    subject: str = ""
    author: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    date: str = ""
    number: int = 0
    total: int = 0
    version: int = 1
    recovery: Recovery | None = None
    commit: str = ""
    notes: tuple[str, ...] = ()

    def touched(self, file: str, line: int) -> bool:
        """Tell whether a post-image line is added or follows a pure deletion."""
        name = posixpath.normpath(file)
        return any(
            line in hunk.touched()
            for part in self.files
            if part.new == name
            for hunk in part.hunks
        )


def load_patch(source: str) -> Patch:
    """Read a patch from a file, or from standard input for ``-``."""
    try:
        if source == "-":
            data = sys.stdin.buffer.read(SIZE_LIMIT + 1)
            source = "<stdin>"
        else:
            with Path(source).open("rb") as stream:
                data = stream.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise PatchError(f"cannot read patch '{source}': {error.strerror}") from error
    return read_patch(data, source)


def read_patch(data: bytes, name: str) -> Patch:
    """Parse a git diff, a plain unified diff or a mail that holds one."""
    top = Coord(name, 1)
    if len(data) > SIZE_LIMIT:
        raise PatchError(f"patch is larger than {SIZE_LIMIT >> 20} MiB", top)
    if not data.strip():
        raise PatchError("patch is empty", top)
    mail = open_mail(data, name)
    body = mail.body if mail.body.endswith(b"\n") else mail.body + b"\n"
    reader = _Reader(body, name)
    reader.read()
    if not reader.parts:
        raise PatchError(_why_no_diff(body), top)
    strip = _common_strip(reader.parts, top)
    files = tuple(_finish(part, strip) for part in reader.parts)
    _check_distinct(files)
    return Patch(name, body, files, strip, mail.subject, mail.author)


def _why_no_diff(body: bytes) -> str:
    if _CONTEXT_DIFF.search(body):
        return "context diff: make a unified one (diff -u or git diff)"
    if _QUOTED_DIFF.search(body):
        return "the diff is quoted in a reply: give the mail it answers"
    return "no diff found: expected a unified diff or the output of git format-patch"


@dataclass(slots=True)
class _Part:
    """One file's part as written: names still carry their prefix."""

    coord: Coord
    old: str | None
    new: str | None
    is_git: bool
    hunks: list[Hunk]
    strip: int = 1
    created: bool = False
    deleted: bool = False
    renamed_from: str | None = None
    renamed_to: str | None = None
    old_mode: str = ""
    new_mode: str = ""
    old_blob: str = ""
    new_blob: str = ""


class _Reader:
    """Split the lines of a patch into one part for each file."""

    def __init__(self, body: bytes, name: str) -> None:
        self.lines = [line + b"\n" for line in body.split(b"\n")[:-1]]
        self.name = name
        self.at = 0
        self.parts: list[_Part] = []

    def _coord(self) -> Coord:
        return Coord(self.name, self.at + 1)

    def _starts(self, ahead: int, prefix: bytes | tuple[bytes, ...]) -> bool:
        at = self.at + ahead
        return at < len(self.lines) and self.lines[at].startswith(prefix)

    def read(self) -> None:
        """Find each part; text between parts is a message or a signature."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.startswith(_MERGE):
                raise PatchError(
                    "combined diff of a merge: give the diff against one parent",
                    self._coord(),
                )
            if line.startswith(_GIT):
                self._git_part()
            elif self._is_plain_part():
                self._plain_part()
            elif binary := _BINARY.match(line):
                self._refuse_binary(_name_in_binary(binary))
            elif line.startswith(HUNK_START) and b" @@" in line:
                raise PatchError("hunk without a file name before it", self._coord())
            else:
                self.at += 1

    def _is_plain_part(self) -> bool:
        return (
            self._starts(0, b"--- ")
            and self._starts(1, b"+++ ")
            and self._starts(2, HUNK_START)
        )

    def _refuse_binary(self, name: str) -> None:
        raise PatchError(f"binary patch for {name}: cannot be checked", self._coord())

    def _markers(self) -> tuple[str | None, str | None]:
        old = marker_name(self.lines[self.at][4:].rstrip(b"\r\n"))
        new = marker_name(self.lines[self.at + 1][4:].rstrip(b"\r\n"))
        self.at += 2
        return old, new

    def _hunks(self, part: _Part) -> None:
        while self._starts(0, HUNK_START):
            hunk, self.at = read_hunk(self.lines, self.at, self.name)
            part.hunks.append(hunk)
        # git apply would drop such a line without a word.
        if part.hunks and self._starts(0, (b"+", b"-", b" ")):
            line = self.lines[self.at]
            if line.rstrip() != b"--" and not line.startswith(b"--- "):
                raise PatchError("hunk is longer than its header says", self._coord())

    def _plain_part(self) -> None:
        coord = self._coord()
        old, new = self._markers()
        part = _Part(coord, old, new, False, [])
        part.created, part.deleted = old is None, new is None
        if old == new and old is not None and not old.startswith(("a/", "b/")):
            part.strip = 0
        self._hunks(part)
        if part.hunks[0].old_count == 0 and part.hunks[0].old_start == 0:
            part.created = True  # GNU diff -N writes a date of 1970, not /dev/null
        if part.hunks[0].new_count == 0 and part.hunks[0].new_start == 0:
            part.deleted = True
        self.parts.append(part)

    def _git_part(self) -> None:
        coord = self._coord()
        names = header_names(self.lines[self.at].rstrip(b"\r\n"))
        old, new = names or (None, None)
        part = _Part(coord, old, new, True, [])
        if names and old == new and not names[0].startswith(("a/", "b/")):
            part.strip = 0
        self.at += 1
        start = self.at
        while self.at < len(self.lines) and self._extended(part):
            self.at += 1
        if self._starts(0, b"GIT binary patch") or self._starts(0, b"Binary files "):
            self._refuse_binary(strip_prefix(part.new or part.old or "?", part.strip))
        if self._starts(0, b"--- ") and self._starts(1, b"+++ "):
            marked = self._markers()
            part.old = marked[0] if marked[0] is not None else part.old
            part.new = marked[1] if marked[1] is not None else part.new
            part.created |= marked[0] is None
            part.deleted |= marked[1] is None
            if not self._starts(0, HUNK_START):
                raise PatchError("no hunk follows the file names", coord)
        elif self.at == start:
            return  # a message that quotes the first line of a diff
        self._hunks(part)
        self.parts.append(part)

    def _extended(self, part: _Part) -> bool:
        line = self.lines[self.at].rstrip(b"\r\n")
        if found := _INDEX.fullmatch(line):
            part.old_blob, part.new_blob = found[1].decode(), found[2].decode()
            if found[3]:
                self._mode(part, "index mode", found[3].decode())
            return True
        if not (found := _EXTENDED.fullmatch(line)):
            return False
        key, value = found[1].decode(), found[2]
        if key.endswith("mode"):
            self._mode(part, key, value.decode("ascii", "replace"))
        elif key in ("rename from", "rename old", "copy from"):
            part.renamed_from = marker_name(value)
        elif key in ("rename to", "rename new", "copy to"):
            part.renamed_to = marker_name(value)
        return True

    def _mode(self, part: _Part, key: str, mode: str) -> None:
        shown = strip_prefix(part.new or part.old or "?", part.strip)
        if mode == "120000":
            raise PatchError(
                f"patch makes or changes the symbolic link {shown}: refused",
                self._coord(),
            )
        if mode == "160000":
            raise PatchError(
                f"patch changes the submodule {shown}: refused", self._coord()
            )
        if mode not in _REGULAR:
            raise PatchError(f"file mode '{mode}' is not one of git's", self._coord())
        part.created |= key == "new file mode"
        part.deleted |= key == "deleted file mode"
        if key in ("old mode", "deleted file mode", "index mode"):
            part.old_mode = mode
        if key in ("new mode", "new file mode", "index mode"):
            part.new_mode = mode


def _name_in_binary(found: re.Match[bytes]) -> str:
    names = [marker_name(found[2]), marker_name(found[1])]
    return strip_prefix(next((n for n in names if n is not None), "?"), 1)


def _common_strip(parts: list[_Part], top: Coord) -> int:
    strips = {part.strip for part in parts}
    if len(strips) > 1:
        raise PatchError("some file names carry a/ and b/ and some do not", top)
    return strips.pop()


def _finish(part: _Part, strip: int) -> FilePatch:
    if part.renamed_from is not None or part.renamed_to is not None:
        old, new = part.renamed_from, part.renamed_to
    else:
        old = None if part.old is None else strip_prefix(part.old, strip)
        new = None if part.new is None else strip_prefix(part.new, strip)
        if not part.is_git and not part.created and not part.deleted:
            # As git apply does: the second name, but not "file.orig" for "file".
            old = new = old if old and new and new.startswith(old) else new
    if part.created:
        old = None
    if part.deleted:
        new = None
    if not old and not new:
        raise PatchError("patch names no file here", part.coord)
    for name in (old, new):
        if name is not None:
            check_name(name, part.coord)
    return FilePatch(
        part.coord,
        old,
        new,
        tuple(part.hunks),
        part.old_mode,
        part.new_mode,
        part.old_blob,
        part.new_blob,
    )


def _check_distinct(files: tuple[FilePatch, ...]) -> None:
    seen: dict[str, Coord] = {}
    for part in files:
        if first := seen.get(part.path):
            raise PatchError(
                f"'{part.path}' is patched twice (first at line {first.line}): "
                "give the patches of a series one at a time",
                part.coord,
            )
        seen[part.path] = part.coord
