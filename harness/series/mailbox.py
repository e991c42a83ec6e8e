"""Split a mailbox into messages with ``git mailsplit``.

Python's own mailbox module takes every line that starts with "From " for the
start of a message; git asks for a date in it, and so do mails with patches.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.errors import PatchError
from harness.series.outside import run_outside
from reference_model.coordinates import Coord

__all__ = ["Message", "head_end", "is_mail", "split_mailbox"]

_MESSAGES = 1024
_HEAD_LIMIT = 256 << 10
_FROM = re.compile(rb"^From [^\n]*", re.M)
_LORE = b"From mboxrd@z "
_HEADER = re.compile(rb"[!-9;-~]+:")
_TELLING = re.compile(rb"^(?:from|subject|date|message-id):", re.I | re.M)
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Message:
    """One mail as it stands in a file, its "From " line included.

    ``line`` is the number of its first line.
    """

    raw: bytes
    name: str
    line: int = 1

    @property
    def coord(self) -> Coord:
        """Return where the mail starts."""
        return Coord(self.name, self.line)


def _is_from_line(line: bytes) -> bool:
    """Tell whether git takes the line for the start of a mail."""
    line = line.rstrip(b"\r")
    colon = line.rfind(b":", 5, len(line) - 1)
    if len(line) < 19 or colon < 9:
        return False
    digits = (-4, -2, -1, 1, 2)
    if not all(line[colon + n : colon + n + 1].isdigit() for n in digits):
        return False
    year = re.match(rb"\s*([+-]?\d{1,9})", line[colon + 3 : colon + 40])
    return year is not None and int(year[1]) > 90


def head_end(data: bytes) -> int:
    """Return where the header of a mail ends: at its first empty line."""
    found = _EMPTY_LINE.search(data, 0, _HEAD_LIMIT + 4)
    return found.start() if found else min(len(data), _HEAD_LIMIT + 4)


def _has_header(data: bytes) -> bool:
    """Tell whether the bytes, a "From " line aside, start with a mail's header."""
    rest = data.partition(b"\n")[2] if data.startswith(b"From ") else data
    if not _HEADER.match(rest):
        return False
    return _TELLING.search(rest, 0, head_end(rest)) is not None


def is_mail(data: bytes) -> bool:
    """Tell whether this is a mail or a mailbox rather than a bare diff."""
    return _has_header(data)


def split_mailbox(data: bytes, name: str, line: int = 1) -> list[Message]:
    """Return the mails of a mailbox, or the one mail that has no "From " line.

    ``line`` is the number of the first line.
    """
    starts = [m.start() for m in _FROM.finditer(data) if _is_from_line(m[0])]
    if len(starts) > _MESSAGES:
        raise PatchError(
            f"mailbox of more than {_MESSAGES} mails: give one thread", Coord(name, 1)
        )
    if not starts or starts == [0]:
        messages = [Message(data, name, line)]
    else:
        messages = _rejoined(_split(data, name), name, line)
    for message in messages:
        if head_end(message.raw) > _HEAD_LIMIT:
            raise PatchError(
                f"mail header is larger than {_HEAD_LIMIT >> 10} KiB", message.coord
            )
    return messages


def _split(data: bytes, name: str) -> list[bytes]:
    # Lore and b4 name the one form that escapes; in the others a line ">From "
    # of a message is its author's.
    escapes = ["--mboxrd"] if data.startswith(_LORE) else []
    with tempfile.TemporaryDirectory(prefix="harness-") as place:
        directory = Path(place).resolve()
        options = ["--keep-cr", *escapes, "-b", "-d8", f"-o{directory}"]
        try:
            run_outside(directory, "mailsplit", *options, given=data)
        except PatchError as error:
            raise PatchError(error.message, Coord(name, 1)) from error
        return [path.read_bytes() for path in sorted(directory.iterdir())]


def _rejoined(pieces: list[bytes], name: str, line: int) -> list[Message]:
    """Undo splits inside a message: what starts a mail has a header."""
    found: list[Message] = []
    for piece in pieces:
        if found and not _has_header(piece):
            last = found.pop()
            found.append(Message(last.raw + piece, name, last.line))
        else:
            found.append(Message(piece, name, line))
        line += piece.count(b"\n")
    return found
