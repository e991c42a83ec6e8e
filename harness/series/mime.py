"""Take the parts of a MIME mail that may hold a patch, each as a mail of its own.

Parts are found line by line, as git does it; Python's parser ends lines at a
lone CR as well, and could so be shown another patch than git.
"""

from __future__ import annotations

import binascii
import quopri
import re
from dataclasses import dataclass
from email.message import Message as Head
from email.parser import BytesHeaderParser

from harness.errors import PatchError
from harness.series.mailbox import Message, head_end, is_mail

__all__ = ["Part", "header_of", "parts_of"]

_DEPTH = 8
_PARTS = 64
_FIELD_LIMIT = 4096
_PATCH_NAME = re.compile(r".*\.(?:patch|diff|eml|mbox|mbx|txt)", re.I)
_CONTENT = re.compile(rb"^content-[!-9;-~]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.I | re.M)
_SIGNATURE = ("application/pgp-signature", "application/pkcs7-signature")


@dataclass(frozen=True, slots=True)
class Part:
    """A text of a mail: ``raw`` has the header of the whole mail before it.

    ``own`` is the decoded text of a part that is itself a mail or a mailbox.
    """

    raw: bytes
    attached: bool
    html: bool = False
    own: bytes | None = None


def header_of(raw: bytes) -> Head:
    """Return the header fields of a mail."""
    head = _head_and_body(raw)[0].replace(b"\r", b" ")
    for field in _CONTENT.finditer(head):
        if len(field[0]) > _FIELD_LIMIT:  # Python reads its parameters slowly
            raise PatchError(f"mail with a field of {len(field[0])} bytes: refused")
    return BytesHeaderParser().parsebytes(head + b"\n")


def _head_and_body(raw: bytes) -> tuple[bytes, bytes]:
    if raw.startswith(b"From "):
        raw = raw.partition(b"\n")[2]
    if raw.startswith(b"\n"):
        return b"", raw[1:]
    end = head_end(raw)
    return raw[:end] + b"\n", raw[end + 2 :]


def parts_of(message: Message) -> tuple[list[Part], list[str]]:
    """Return the texts of a mail, and the names of what it has that is no text."""
    head, _ = _head_and_body(message.raw)
    outer = _CONTENT.sub(b"", head)
    others: list[str] = []
    parts: list[Part] = []
    waiting = [(message.raw, 0)]
    while waiting:
        raw, depth = waiting.pop()
        inner = header_of(raw)
        if inner.get_content_maintype() != "multipart":
            if (part := _leaf(raw, inner, outer, depth, others)) is not None:
                parts.append(part)
            continue
        pieces = _pieces(_head_and_body(raw)[1], inner)
        total = len(parts) + len(others) + len(waiting) + len(pieces)
        if depth >= _DEPTH or total > _PARTS:
            raise PatchError(
                f"mail of more than {_PARTS} parts, or of parts in each other: "
                "save the patch alone",
                message.coord,
            )
        waiting += [(piece, depth + 1) for piece in reversed(pieces)]
    return parts, others


def _pieces(body: bytes, head: Head) -> list[bytes]:
    """Split a multipart body at the lines that hold its boundary."""
    boundary = str(head.get_boundary("")).encode("utf-8", "surrogateescape")
    if not boundary:
        return []
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t\r]*$", re.M)
    found: list[bytes] = []
    start = None
    for mark in line.finditer(body):
        if start is not None:
            # The line end before a boundary belongs to the boundary.
            found.append(body[start : mark.start()].removesuffix(b"\n"))
        start = mark.end() + 1
        if mark[1]:
            return found
    if start is not None:
        found.append(body[start:])  # a mail that was cut
    return found


def _leaf(
    raw: bytes, head: Head, outer: bytes, depth: int, others: list[str]
) -> Part | None:
    kind = head.get_content_type()
    name = str(head.get_filename("") or "")
    attached = head.get_content_disposition() == "attachment" or bool(name)
    if kind == "message/rfc822":
        return Part(raw, True, own=_head_and_body(raw)[1])
    if head.get_content_maintype() != "text" and not _PATCH_NAME.fullmatch(name):
        if kind not in _SIGNATURE:
            others.append(name or kind)
        return None
    if depth == 0:
        return Part(raw, False, kind == "text/html")
    own = None
    if attached:
        decoded = _decoded(raw, head)
        own = decoded if is_mail(decoded) else None
    fields = b"".join(m[0] for m in _CONTENT.finditer(_head_and_body(raw)[0]))
    text = outer + _as_text(fields) + b"\n" + _head_and_body(raw)[1]
    if not text.endswith(b"\n"):
        text += b"\n"
    return Part(text, attached, kind == "text/html", own)


def _as_text(fields: bytes) -> bytes:
    """Keep of a part's header what says how its text is encoded."""
    kept = (b"content-transfer-encoding:", b"content-type:")
    return b"".join(
        m[0] for m in _CONTENT.finditer(fields) if m[0].lower().startswith(kept)
    )


def _decoded(raw: bytes, head: Head) -> bytes:
    body = _head_and_body(raw)[1]
    encoding = str(head.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "quoted-printable":
        return quopri.decodestring(body)
    if encoding == "base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return b""
    return body
