"""Read one mail with ``git mailinfo``: who wrote it, its message, its patch."""

from __future__ import annotations

import email.errors
import email.header
import email.utils
import re
import tempfile
from email.message import Message
from pathlib import Path
from typing import NamedTuple

from harness.errors import PatchError
from harness.series.outside import run_outside
from reference_model.coordinates import Coord

__all__ = [
    "Mail",
    "Tag",
    "header_subject",
    "iso_date",
    "read_mail",
    "read_tag",
    "unix_lines",
]

_FIELD = re.compile(rb"^(Author|Email|Subject|Date): ([^\n]*)$", re.M)
# Lines of a diff that never end in CR by themselves, whatever the files hold.
_FRAME = re.compile(rb"^(?:diff --git |\+\+\+ |--- )[^\n]*\n", re.M)
_REPLY = re.compile(r"\s*(?:re|aw|antw|sv|fwd?)(?:\[\d+\])?:", re.I)
_BRACKETS = re.compile(r"\s*\[([^\[\]]*)\]")
_NUMBER = re.compile(r"(?<![\w./])(\d{1,4})\s*/\s*(\d{1,4})(?![\w./])")
_VERSION = re.compile(r"(?:\b|(?<=patch)|(?<=rfc))v(\d{1,4})\b", re.I)


class Tag(NamedTuple):
    """What the brackets before a subject say: ``[PATCH v2 1/3]``."""

    subject: str
    number: int = 0
    total: int = 0
    version: int = 1
    reply: bool = False
    numbered: bool = False


class Mail(NamedTuple):
    """A mail as git reads it; ``patch`` starts where its message ends."""

    message: bytes
    patch: bytes
    subject: str
    author: str
    date: str


def unix_lines(data: bytes) -> bytes:
    """Drop the CR of every line where a mailer has put one on each of them.

    A CR that belongs to a file stands on content lines, not on the frame.
    """
    frame = _FRAME.findall(data)
    if frame and all(line.endswith(b"\r\n") for line in frame):
        return data.replace(b"\r\n", b"\n")
    if not frame and b"\r\n" in data:
        return data.replace(b"\r\n", b"\n")
    return data


def read_mail(raw: bytes, coord: Coord, *, as_it_is: bool = False) -> Mail:
    """Split a mail of one part; ``as_it_is`` keeps text before a scissors line."""
    options = ["-n", "--no-scissors"] if as_it_is else ["--encoding=UTF-8"]
    if not as_it_is:
        options.append("--scissors")
    with tempfile.TemporaryDirectory(prefix="harness-") as place:
        directory = Path(place).resolve()
        files = [str(directory / "message"), str(directory / "patch")]
        try:
            told = run_outside(directory, "mailinfo", "-k", *options, *files, given=raw)
        except PatchError as error:
            raise PatchError(error.message, coord) from error
        message, patch = (Path(file).read_bytes() for file in files)
    fields: dict[bytes, str] = {}
    for field in _FIELD.finditer(told):  # git may print an empty one as well
        fields.setdefault(field[1], field[2].decode("utf-8", "replace"))
    author = fields.get(b"Author", "")
    if address := fields.get(b"Email", ""):
        author = f"{author} <{address}>".strip()
    subject = " ".join(fields.get(b"Subject", "").split())
    return Mail(message, patch, subject, author, iso_date(fields.get(b"Date", "")))


def header_subject(head: Message) -> str:
    """Return the subject in a mail's header; the message may give another."""
    try:
        parts = email.header.decode_header(str(head.get("Subject", ""))[:8192])
    except email.errors.HeaderParseError:
        return ""
    words = []
    for raw, charset in parts:
        if isinstance(raw, str):
            words.append(raw)
            continue
        try:
            words.append(raw.decode(charset or "utf-8", "replace"))
        except LookupError:  # a charset that Python does not know
            words.append(raw.decode("latin-1"))
    return " ".join("".join(words).split())


def iso_date(text: str) -> str:
    """Return a mail's date as ISO 8601, "" if it is none."""
    try:
        return email.utils.parsedate_to_datetime(text).isoformat()
    except (TypeError, ValueError, OverflowError, IndexError):
        return ""


def read_tag(subject: str) -> Tag:
    """Take the brackets off a subject and read number and version in them."""
    subject = subject[:2048]
    number = version = None
    reply = tagged = False
    while True:
        if found := _REPLY.match(subject):
            reply |= not tagged  # "[PATCH] Re: x" is a patch, "[list] Re: x" is none
        elif found := _BRACKETS.match(subject):
            tagged |= "patch" in found[1].lower()
            number = number or _NUMBER.search(found[1])
            version = version or _VERSION.search(found[1])
        else:
            break
        subject = subject[found.end() :]
    return Tag(
        " ".join(subject.split()),
        int(number[1]) if number else 0,
        int(number[2]) if number else 0,
        int(version[1]) if version else 1,
        reply,
        number is not None,
    )
