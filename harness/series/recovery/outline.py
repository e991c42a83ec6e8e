"""Find the diffs in the text of a mail: their files, hunks and the lines between."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.errors import PatchError
from harness.series.filename import strip_prefix
from harness.series.recovery.quoting import plain, unquote
from reference_model.coordinates import Coord

__all__ = ["FileText", "HunkText", "Outline", "TextLine", "outline"]

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_MIDDLE = re.compile(
    rb"(?<=\s)(?=@@ -\d{1,9}(?:,\d{1,9})? \+\d{1,9}(?:,\d{1,9})? @@)|"
    rb"(?<=\s)(?=diff --git a/)"
)
_INDEX = re.compile(rb"\bindex ([0-9a-f]{4,64})\.\. ?([0-9a-f]{4,64})(?: (\d{6}))?")
_GIT_NAMES = re.compile(rb"diff --git (\S+) (\S+)")
_OLD_NAME = re.compile(rb"(?:^| )--- (\S+)")
_NEW_NAME = re.compile(rb"(?:^| )\+\+\+ (\S+)")
_EXTENDED = re.compile(
    rb"(?:^| )((?:old mode|new mode|deleted file mode|new file mode) \d{6}|"
    rb"(?:rename|copy) (?:from|to) \S+|similarity index \d+%|"
    rb"dissimilarity index \d+%)(?= |$)"
)
_BINARY = re.compile(rb"GIT binary patch|Binary files .* differ$")
_STAT = re.compile(rb" ?(\S+)(?: => \S+)?\s+\|\s+(\d+)(?: [+-]+)?\s*$")
_STAT_END = re.compile(rb" ?(\d+) files? changed\b")
# Lines between "diff --git" and the first hunk, each perhaps wrapped.
_HEADER_LINES = 80
_LINE_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of the mail, or a part of one; ``depth`` marks of quoting before it."""

    number: int
    raw: bytes
    depth: int
    text: bytes


@dataclass(slots=True)
class HunkText:
    """A hunk's header and the lines up to whatever follows: code and comments."""

    line: int
    depth: int
    old_start: int
    old_count: int
    new_start: int
    new_count: int
    section: bytes
    lines: list[TextLine] = field(default_factory=list)

    @property
    def first(self) -> int:
        """Return the index, counted from 0, of the first old line."""
        # An empty range names the line before it.
        return self.old_start - 1 if self.old_count else self.old_start

    @property
    def shift(self) -> int:
        """Return how many lines the hunks before this one have added."""
        new = self.new_start - 1 if self.new_count else self.new_start
        return new - self.first

    @property
    def ranges(self) -> str:
        """Return the header as written, without its section."""
        return (
            f"@@ -{self.old_start},{self.old_count} "
            f"+{self.new_start},{self.new_count} @@"
        )


@dataclass(slots=True)
class FileText:
    """What a mail says of one file: names, modes and ids of its header, hunks."""

    line: int
    depth: int
    old: str | None
    new: str | None
    old_blob: str = ""
    new_blob: str = ""
    mode: str = ""
    extended: tuple[bytes, ...] = ()
    hunks: list[HunkText] = field(default_factory=list)
    # Headers of hunks that are quoted otherwise, or stand out of order.
    strangers: list[HunkText] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Return the name after the patch, or before it if the file goes."""
        return self.new or self.old or "?"


@dataclass(slots=True)
class Outline:
    """The diffs of a mail, and the sizes that its diffstat gives by file."""

    files: list[FileText]
    stat: dict[str, int]
    changed: int  # the number of files that the diffstat states; 0: no diffstat
    lines: list[TextLine]


def outline(text: bytes, name: str) -> Outline:
    """Split the text at the headers of files and hunks."""
    return _Reader(text, name).read()


def _lines(text: bytes) -> list[TextLine]:
    found = []
    for number, line in enumerate(text.split(b"\n"), 1):
        raw = line.rstrip(b"\r")
        if len(raw) > _LINE_LIMIT:
            # No line of source is so long: it can only be a comment.
            raw = raw[:_LINE_LIMIT]
        depth, rest = unquote(raw)
        at = 0
        for cut in (*(m.start() for m in _MIDDLE.finditer(rest)), len(rest)):
            if cut > at or at == cut == len(rest) == 0:
                piece = rest[at:cut]
                found.append(TextLine(number, raw if not at else piece, depth, piece))
                at = cut
    return found


class _Reader:
    def __init__(self, text: bytes, name: str) -> None:
        self.name = name
        self.lines = _lines(text)
        self.files: list[FileText] = []
        self.stat: dict[str, int] = {}
        self.changed = 0
        self.lost: str | None = None  # a file whose header could not be read
        self.at = 0

    def _error(self, message: str, line: int) -> PatchError:
        return PatchError(message, Coord(self.name, line))

    def read(self) -> Outline:
        """Walk over the mail: comments before, between and after the diffs."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            text = plain(line.text).lstrip()
            if text.startswith(b"diff --git "):
                if self._file():
                    continue
                if (names := _GIT_NAMES.match(text)) is not None:
                    self.lost = _split(names[2])
            if text.startswith(b"--- ") and self._file():
                continue
            if not self.files and (stat := _STAT.match(plain(line.text))):
                shown = stat[1].decode("utf-8", "surrogateescape")
                self.stat[shown] = int(stat[2])
            if not self.files and (end := _STAT_END.match(plain(line.text))):
                self.changed = int(end[1])
            if not self._hunk(line, text):
                self._belongs(line)
            self.at += 1
        return Outline(self.files, self.stat, self.changed, self.lines)

    def _belongs(self, line: TextLine) -> None:
        if self.files and self.files[-1].hunks:
            self.files[-1].hunks[-1].lines.append(line)

    def _hunk(self, line: TextLine, text: bytes) -> bool:
        found = _HUNK.match(text)
        if found is None:
            return False
        if not self.files or self.lost is not None:
            missing = f" ({self.lost})" if self.lost is not None else ""
            raise self._error(
                f"the header of the file of this hunk is damaged or missing{missing}",
                line.number,
            )
        part = self.files[-1]
        old, old_count, new, new_count = found.groups()
        hunk = HunkText(
            line.number,
            line.depth,
            int(old),
            1 if old_count is None else int(old_count),
            int(new),
            1 if new_count is None else int(new_count),
            text[found.end() :].strip(),
        )
        before = part.hunks and hunk.old_start < part.hunks[-1].old_start
        if line.depth != part.depth or before:
            part.strangers.append(hunk)  # most likely a reviewer quotes it
            return False
        if any(hunk.ranges == other.ranges for other in part.hunks):
            raise self._error(
                f"hunk {hunk.ranges} of {part.path} stands in the mail twice", hunk.line
            )
        part.hunks.append(hunk)
        return True

    def _file(self) -> bool:
        """Read a file's header, which may be wrapped or joined; False: it is none."""
        start = self.lines[self.at]
        words: list[bytes] = []
        at = self.at
        hunks = False
        while at < len(self.lines) and at - self.at < _HEADER_LINES:
            line = self.lines[at]
            text = plain(line.text).strip()
            if at > self.at and text.startswith(b"diff --git "):
                break
            if line.depth == start.depth:
                if _HUNK.match(text):
                    hunks = True
                    break
                words.append(text)
            at += 1
        header = b" ".join(word for word in words if word)
        part = self._header(header, start, hunks)
        if part is None:
            return False
        self.files.append(part)
        self.lost = None
        self.at = at
        return True

    def _header(self, text: bytes, start: TextLine, hunks: bool) -> FileText | None:
        names = _GIT_NAMES.match(text)
        old, new = _OLD_NAME.search(text), _NEW_NAME.search(text)
        if hunks and not (old and new):
            return None
        extended = tuple(found[1] for found in _EXTENDED.finditer(text))
        if not hunks and not extended:
            return None
        if names is None and not (old and new):
            return None
        if _BINARY.search(text):
            raise self._error("binary patch: cannot be checked", start.number)
        given = [
            _name(found) for found in ((old, new) if old and new else ()) if found
        ] or [_split(word) for word in (names.groups() if names else ())]
        moves = [w for w in extended if w.startswith((b"rename ", b"copy "))]
        renamed = {w.split(b" ", 2)[1]: w.split(b" ", 2)[2] for w in moves}
        if b"from" in renamed and b"to" in renamed:
            given = [_decode(renamed[b"from"]), _decode(renamed[b"to"])]
        index = _INDEX.search(text)
        return FileText(
            start.number,
            start.depth,
            given[0],
            given[1],
            index[1].decode() if index else "",
            index[2].decode() if index else "",
            index[3].decode() if index and index[3] else "",
            extended,
        )


def _decode(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


def _name(found: re.Match[bytes]) -> str | None:
    return None if found[1] == b"/dev/null" else _split(found[1])


def _split(word: bytes) -> str:
    name = _decode(word)
    return strip_prefix(name, 1) if name.startswith(("a/", "b/")) else name
