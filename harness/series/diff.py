"""Read a diff: what it does to each file, and the bytes that say so.

The reader follows ``git apply``'s idea of where a file's part begins. What is
handed to git later is exactly the parts read here, so that git finds no file or
hunk in the text around them that was not seen.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from harness.errors import PatchError
from harness.series.damage import why_no_diff
from harness.series.file_part import FilePart, common_strip, finish
from harness.series.filename import (
    header_names,
    marker_name,
    printable,
    strip_prefix,
)
from harness.series.hunk import HUNK_START, DamagedError, read_hunk
from harness.series.patch import SIZE_LIMIT, FilePatch
from reference_model.coordinates import Coord

__all__ = ["Diff", "read_diff"]

_GIT = b"diff --git "
_MERGE = (b"diff --cc ", b"diff --combined ", b"@@@ -")
_BINARY = re.compile(rb"Binary files (.+) and (.+) differ$")
_BINARY_DATA = re.compile(rb"(?:literal|delta) \d{1,12}\r?\n")
_BASE85 = re.compile(rb"[A-Za-z](?:[!-~]{5}){1,13}\r?\n")
_QUOTED_HUNK = re.compile(rb"^[>|][>| ]{0,32}@@ -\d")
_INDEX = re.compile(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]+))?")
_EXTENDED = re.compile(
    rb"(old mode|new mode|deleted file mode|new file mode|copy from|copy to|"
    rb"rename from|rename to|rename old|rename new|similarity index|"
    rb"dissimilarity index) (.*)"
)
_MODE = re.compile(rb"(?:old|new|new file|deleted file) mode [0-7]{6}")
# Bounds that no patch of a person comes near: the third is of names.
_LINES, _FILES, _LINE = 500_000, 4096, 8192
_COPIES = 64  # each may be as large as the largest file
_OTHER_ARCHITECTURE = re.compile(r"xen/arch/(?!arm/)[^/]+/.")
_LINK, _SUBMODULE = "120000", "160000"
_REGULAR = ("100644", "100755", "100664")


class Diff(NamedTuple):
    """A diff: ``data`` is what git gets, ``notes`` what was left out of it."""

    data: bytes
    files: tuple[FilePatch, ...]
    strip: int
    notes: tuple[str, ...]
    skipped: int = 0  # files left out
    quoted: int = 0  # hunks quoted before the diff: what is answered


def read_diff(text: bytes, name: str, first: int = 1) -> Diff:
    """Parse the diff in a text whose first line has the number ``first``."""
    top = Coord(name, first)
    if len(text) > SIZE_LIMIT:
        raise PatchError(f"patch is larger than {SIZE_LIMIT >> 20} MiB", top)
    body = text if text.endswith(b"\n") else text + b"\n"
    reader = _Reader(body, name, first)
    reader.read()
    if not reader.parts and not reader.notes:
        raise why_no_diff(body, top)
    quoted = reader.quoted_before()
    strip = common_strip(reader.parts, top)
    files = tuple(finish(part, strip) for part in reader.parts)
    _check_distinct(files)
    notes = (*reader.notes, *reader.remarks)
    return Diff(reader.data(), files, strip, notes, len(reader.notes), quoted)


class _Reader:
    """Split the lines of a patch into one part for each file."""

    def __init__(self, body: bytes, name: str, first: int) -> None:
        if body.count(b"\n") > _LINES:
            raise PatchError(
                f"patch of more than {_LINES} lines", Coord(name, first + _LINES)
            )
        self.lines = [line + b"\n" for line in body.split(b"\n")[:-1]]
        self.name = name
        self.first = first
        self.at = 0
        self.parts: list[FilePart] = []
        self.notes: list[str] = []  # one for each file left out
        self.remarks: list[str] = []
        self.ended = 0  # behind the last part, one that is left out included
        self.began: int | None = None
        self.copies = 0

    def _coord(self) -> Coord:
        return Coord(self.name, self.at + self.first)

    def _starts(self, ahead: int, prefix: bytes | tuple[bytes, ...]) -> bool:
        at = self.at + ahead
        return at < len(self.lines) and self.lines[at].startswith(prefix)

    def data(self) -> bytes:
        """Return the parts, an empty line where something stood between two."""
        found: list[bytes] = []
        end = 0
        for part in self.parts:
            if found and part.start != end:
                found.append(b"\n")  # or one would go on in the next one's lines
            found += self.lines[part.start : part.end]
            end = part.end
        return b"".join(found)

    def read(self) -> None:
        """Find each part; text between parts is a message or a signature."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if len(line) > _LINE:
                # Only a text may have such lines, or a hunk, read in one go.
                self._refuse_long_name(line)
            if line.startswith(_MERGE):
                raise PatchError(
                    "combined diff of a merge: give the diff against one parent",
                    self._coord(),
                )
            if line.startswith(_GIT):
                self._git_part()
            elif self._is_plain_part():
                self._plain_part()
            elif line.startswith(b"Binary files ") and (binary := _BINARY.match(line)):
                self._skip_plain_binary(binary)
            elif line.startswith(HUNK_START) and b" @@" in line:
                raise DamagedError("hunk without a file name before it", self._coord())
            elif self._is_lost_header(line):
                raise DamagedError(
                    "header line of a diff without its 'diff --git' line: "
                    "that one was wrapped or lost",
                    self._coord(),
                )
            else:
                self.at += 1

    def _refuse_long_name(self, line: bytes) -> None:
        if line.startswith((_GIT, b"--- ", b"+++ ", b"Binary files ", b"index ")):
            raise PatchError(f"line of {len(line)} bytes with a name", self._coord())

    def _is_lost_header(self, line: bytes) -> bool:
        if _INDEX.fullmatch(line.rstrip(b"\r\n")):
            return True
        if _MODE.fullmatch(line.rstrip(b"\r\n")):
            return True
        return line.startswith(b"rename from ") and self._starts(1, b"rename to ")

    def quoted_before(self) -> int:
        """Count the quoted hunks before the diff; refuse any behind its start."""
        count = 0
        for number, line in enumerate(self.lines):
            # No line of a part starts so: each has its origin before the text.
            if not _QUOTED_HUNK.match(line):
                continue
            if self.began is not None and number > self.began:
                raise DamagedError(
                    "quoted hunk behind others that are not quoted: "
                    "give the mail that is answered",
                    Coord(self.name, number + self.first),
                )
            count += 1
        return count

    def _is_plain_part(self) -> bool:
        return (
            self._starts(0, b"--- ")
            and self._starts(1, b"+++ ")
            and self._starts(2, HUNK_START)
        )

    def _skip(self, coord: Coord, what: str, names: list[str], refusal: str) -> None:
        """Leave a part out, unless it may change what the hypervisor is."""
        if not names or any(_is_hypervisor(name) for name in names):
            raise PatchError(refusal, coord)
        shown = printable(names[-1])
        self.notes.append(f"{what} {shown} at line {coord.line} is not checked")
        self.ended = self.at

    def _skip_plain_binary(self, found: re.Match[bytes]) -> None:
        coord = self._coord()
        self.at += 1
        marked = [marker_name(found[1]), marker_name(found[2])]
        names = [strip_prefix(name, 1) for name in marked if name is not None]
        shown = printable(names[-1]) if names else "?"
        self._skip(
            coord, "binary file", names, f"binary patch for {shown}: cannot be checked"
        )

    def _markers(self) -> tuple[str | None, str | None]:
        for ahead in (0, 1):
            if len(line := self.lines[self.at + ahead]) > _LINE:
                self._refuse_long_name(line)
        old = marker_name(self.lines[self.at][4:].rstrip(b"\r\n"))
        new = marker_name(self.lines[self.at + 1][4:].rstrip(b"\r\n"))
        self.at += 2
        return old, new

    def _hunks(self, part: FilePart) -> None:
        while self._starts(0, HUNK_START):
            hunk, self.at = read_hunk(self.lines, self.at, self.name, self.first)
            part.hunks.append(hunk)
        # git apply would drop such a line without a word.
        if part.hunks and self._starts(0, (b"+", b"-", b" ")):
            line = self.lines[self.at]
            if line.rstrip() != b"--" and not line.startswith(b"--- "):
                raise DamagedError("hunk is longer than its header says", self._coord())

    def _keep(self, part: FilePart, start: int) -> None:
        self.copies += part.copied
        if len(self.parts) >= _FILES or self.copies > _COPIES:
            raise PatchError(
                f"patch of more than {_FILES} files or {_COPIES} copies", part.coord
            )
        part.start, part.end = start, self.at
        self.ended = self.at
        if self.began is None:
            self.began = start
        self.parts.append(part)

    def _plain_part(self) -> None:
        coord, start = self._coord(), self.at
        before = self.lines[start - 1] if start > self.ended else b""
        if _EXTENDED.match(before):
            raise DamagedError(
                "header line of a diff without its 'diff --git' line: "
                "that one was wrapped or lost",
                coord,
            )
        old, new = self._markers()
        part = FilePart(coord, old, new, False)
        part.created, part.deleted = old is None, new is None
        if old == new and old is not None and not old.startswith(("a/", "b/")):
            part.strip = 0
        self._hunks(part)
        if part.hunks[0].old_count == 0 and part.hunks[0].old_start == 0:
            part.created = True  # GNU diff -N writes a date of 1970, not /dev/null
        if part.hunks[0].new_count == 0 and part.hunks[0].new_start == 0:
            part.deleted = True
        self._keep(part, start)

    def _git_part(self) -> None:
        coord, start = self._coord(), self.at
        names = header_names(self.lines[self.at].rstrip(b"\r\n"))
        old, new = names or (None, None)
        part = FilePart(coord, old, new, True)
        if names and old == new and not names[0].startswith(("a/", "b/")):
            part.strip = 0
        self.at += 1
        while self.at < len(self.lines) and self._extended(part):
            self.at += 1
        extended = self.at > start + 1
        if self._starts(0, (b"GIT binary patch", b"Binary files ")):
            self._skip_git_binary(part)
            return
        if self._starts(0, b"--- ") and self._starts(1, b"+++ "):
            marked = self._markers()
            if names and not all(
                m in (None, n) for m, n in zip(marked, names, strict=True)
            ):
                raise DamagedError("header of a diff names two files", coord)
            part.old = marked[0] if marked[0] is not None else part.old
            part.new = marked[1] if marked[1] is not None else part.new
            part.created |= marked[0] is None
            part.deleted |= marked[1] is None
            if not self._starts(0, HUNK_START):
                raise DamagedError("no hunk follows the file names", coord)
        elif not extended:
            # A message may quote the first line of a diff.
            shown = printable(part.new or "?")
            self.remarks.append(
                f"no diff follows 'diff --git ... {shown}' in line {coord.line}"
            )
            return
        part.learn_strip()
        self._hunks(part)
        if part.special:
            self._skip_special(part)
            return
        if not part.hunks and (part.changes_content or not part.changes_metadata):
            raise DamagedError("no hunk follows the header of a diff", coord)
        self._keep(part, start)

    def _skip_git_binary(self, part: FilePart) -> None:
        coord = self._coord()
        data = self._starts(0, b"GIT binary patch")
        self.at += 1
        while data and self.at < len(self.lines):
            if not _BINARY_DATA.fullmatch(self.lines[self.at]):
                break
            self.at += 1
            while self.at < len(self.lines) and _BASE85.fullmatch(self.lines[self.at]):
                self.at += 1
            self.at += self._starts(0, (b"\n", b"\r\n"))
        names = part.plain_names
        shown = printable(names[-1]) if names else "?"
        self._skip(
            coord, "binary file", names, f"binary patch for {shown}: cannot be checked"
        )

    def _skip_special(self, part: FilePart) -> None:
        names = part.plain_names
        shown = printable(names[-1]) if names else "?"
        if part.special == _LINK:
            what, verb = "symbolic link", "makes or changes"
        else:
            what, verb = "submodule", "changes"
        assert part.special_coord is not None
        self._skip(
            part.special_coord, what, names, f"patch {verb} the {what} {shown}: refused"
        )

    def _extended(self, part: FilePart) -> bool:
        line = self.lines[self.at].rstrip(b"\r\n")
        if len(line) > _LINE:
            return False
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
            part.copied = key == "copy from"
            part.renamed_from = marker_name(value)
        elif key in ("rename to", "rename new", "copy to"):
            part.renamed_to = marker_name(value)
        return True

    def _mode(self, part: FilePart, key: str, mode: str) -> None:
        if mode in (_LINK, _SUBMODULE):
            part.special = mode
            part.special_coord = part.special_coord or self._coord()
        elif mode not in _REGULAR:
            shown = printable(mode[:16])
            raise PatchError(f"file mode '{shown}' is not one of git's", self._coord())
        part.created |= key == "new file mode"
        part.deleted |= key == "deleted file mode"
        if key in ("old mode", "deleted file mode", "index mode"):
            part.old_mode = mode
        if key in ("new mode", "new file mode", "index mode"):
            part.new_mode = mode


def _is_hypervisor(name: str) -> bool:
    """Tell whether a file may be read by the compiler of the hypervisor."""
    variants = (name, name.partition("/")[2])
    if any(v == "xen" or v.startswith("xen/") for v in variants):
        return _OTHER_ARCHITECTURE.match(name) is None
    return name.lower().endswith((".c", ".h", ".s", ".inc", ".lds"))


def _check_distinct(files: tuple[FilePatch, ...]) -> None:
    seen: dict[str, Coord] = {}
    for part in files:
        if first := seen.get(part.path):
            raise DamagedError(
                f"'{printable(part.path)}' is patched twice "
                f"(first at line {first.line}): "
                "give the patches of a series one at a time",
                part.coord,
            )
        seen[part.path] = part.coord
