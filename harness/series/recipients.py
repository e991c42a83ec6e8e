"""Whom a mail was sent to."""

from __future__ import annotations

import re
from email.charset import QP, Charset
from email.header import decode_header, make_header
from email.message import Message as Head
from email.utils import formataddr, getaddresses

__all__ = ["recipients_of"]

_MOST = 64
_FIELD_LIMIT = 8192  # Python reads long lists of addresses slowly
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = QP  # whatever others have set for the process
_ADDRESS = re.compile(r"[\w.+=/'~-]{1,64}@[\w.-]{1,190}", re.ASCII)


def recipients_of(head: Head) -> tuple[str, ...]:
    """List the addresses of From, To and Cc, each once and on one line."""
    fields = [str(v) for name in ("From", "To", "Cc") for v in head.get_all(name, [])]
    pairs = getaddresses([field for field in fields if len(field) <= _FIELD_LIMIT])
    found = {
        address: formataddr((_words(name), address), _UTF8)
        for name, address in pairs
        if _ADDRESS.fullmatch(address)
    }
    return tuple(found.values())[:_MOST]


def _words(name: str) -> str:
    try:
        name = str(make_header(decode_header(name)))
    except (LookupError, UnicodeError, ValueError):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())
