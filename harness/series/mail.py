"""Take the patch out of a mail: headers, transfer encoding, CR at line ends."""

from __future__ import annotations

import email
import email.header
import re
from email.message import Message
from typing import NamedTuple

from harness.errors import PatchError
from reference_model.coordinates import Coord

__all__ = ["Mail", "open_mail"]

# git's rule for the line between two mails: "From ", anything, a time, a year.
_FROM_LINE = re.compile(rb"^From \S.* \d\d?:\d\d:\d\d \d{4}\s*$", re.M)
_HEADER = re.compile(rb"[!-9;-~]+:[ \t]?")
_DIFF_START = re.compile(rb"^(?:diff -|Index: |--- )", re.M)
# Lines of a diff that never end in CR by themselves, whatever the files hold.
_FRAME = re.compile(rb"^(?:diff --git |\+\+\+ |--- )[^\n]*\n", re.M)
_PREFIX = re.compile(r"^(?:\s*(?:\[[^\]]*\]|re:|fwd?:))+\s*", re.I)


class Mail(NamedTuple):
    """A patch and what its mail says about it ("" when it is no mail)."""

    body: bytes
    subject: str = ""
    author: str = ""


def open_mail(data: bytes, name: str) -> Mail:
    """Return the bytes that hold the diff, decoded, with the mail's headers."""
    data = _drop_carriage_returns(data.removeprefix(b"\xef\xbb\xbf"))
    data = data.lstrip(b"\n") if data[:1] == b"\n" else data
    separators = [found.start() for found in _FROM_LINE.finditer(data)]
    mails = [at for at in separators if _starts_mail(data, at)]
    if len(mails) > 1:
        raise PatchError(
            f"mailbox of {len(mails)} patches: give one patch at a time "
            "(split it with git mailsplit)",
            Coord(name, data.count(b"\n", 0, mails[1]) + 1),
        )
    bare = data.partition(b"\n")[2] if mails == [0] else data
    if not _HEADER.match(bare) or _DIFF_START.match(bare):
        return Mail(data)
    message = email.message_from_bytes(bare)
    if message.get("Subject") is None and message.get("From") is None:
        return Mail(data)
    body = data
    if message.is_multipart() or _encoded(message):
        body = _drop_carriage_returns(_decoded(message, name))
    subject = _PREFIX.sub("", _header(message, "Subject"))
    return Mail(body, subject, _header(message, "From"))


def _drop_carriage_returns(data: bytes) -> bytes:
    # Only where the mailer put a CR on every line: a CR that belongs to a file
    # stands on content lines, not on the frame of the diff.
    frame = _FRAME.findall(data)
    if frame and all(line.endswith(b"\r\n") for line in frame):
        return data.replace(b"\r\n", b"\n")
    if not frame and b"\r\n" in data:
        return data.replace(b"\r\n", b"\n")
    return data


def _starts_mail(data: bytes, at: int) -> bool:
    # A commit message may hold such a line too: a header must follow it.
    start = data.find(b"\n", at) + 1
    return start > 0 and _HEADER.match(data, start) is not None


def _encoded(message: Message) -> bool:
    encoding = str(message.get("Content-Transfer-Encoding", "")).strip().lower()
    return encoding in ("base64", "quoted-printable")


def _decoded(message: Message, name: str) -> bytes:
    parts = [p for p in message.walk() if p.get_content_maintype() == "text"]
    found = []
    for part in parts:
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes) and _DIFF_START.search(payload):
            found.append(payload)
    if len(found) > 1:
        raise PatchError("mail with several patches attached: give one", Coord(name, 1))
    return found[0] if found else b""


def _header(message: Message, field: str) -> str:
    words = []
    for raw, charset in email.header.decode_header(str(message.get(field, ""))):
        if isinstance(raw, str):
            words.append(raw)
            continue
        try:
            words.append(raw.decode(charset or "utf-8", "replace"))
        except LookupError:  # a charset that Python does not know
            words.append(raw.decode("latin-1"))
    return " ".join("".join(words).split())
