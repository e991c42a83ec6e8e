"""Tell how deep a line of a mail is quoted, and compare lines without white space."""

from __future__ import annotations

import re

__all__ = ["expected_in", "plain", "squash", "unquote"]

_LEVEL = re.compile(rb" ?[>|]")
_WHITE = b" \t\r\n\v\f"
_NO_BREAK = (b"\xc2\xa0", b"\xa0")
_MASK = re.compile(rb"@x{2,}|\[emailprotected\]|\[email\\xc2\\xa0protected\]")


def unquote(raw: bytes, levels: int | None = None) -> tuple[int, bytes]:
    """Return how many quoting marks start a line (at most ``levels``), and the rest.

    The one blank that most mailers put behind the marks goes with them.
    """
    found, at = 0, 0
    while levels is None or found < levels:
        mark = _LEVEL.match(raw, at)
        # A blank and a bar may well be text; before a further mark it is quoting.
        if mark is None or (found == 0 and mark[0][:1] == b" "):
            break
        found, at = found + 1, mark.end()
    rest = raw[at:]
    return found, rest.removeprefix(b" ") if found else rest


def plain(text: bytes) -> bytes:
    """Turn the no-break spaces that mailers put in for blanks back into blanks."""
    if text.isascii():
        return text
    text = text.replace(_NO_BREAK[0], b" ")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.replace(_NO_BREAK[1], b" ")
    return text


def squash(text: bytes) -> bytes:
    """Drop all white space, which mailers change, wrap at, and lose."""
    return plain(text).translate(None, _WHITE)


def expected_in(key: bytes, base: bytes) -> bool:
    """Tell whether a squashed line of a mail is this squashed line of the file.

    Archives mask addresses: ``@xxxxxxx`` stands for anything behind the at sign.
    """
    if key == base:
        return True
    if b"@" not in base or not _MASK.search(key):
        return False
    rough = rb""
    at = 0
    for mask in _MASK.finditer(key):
        wild = rb"@[\w.-]+" if mask[0][:1] == b"@" else rb"[\w.+-]+@[\w.-]+"
        rough += re.escape(key[at : mask.start()]) + wild
        at = mask.end()
    return re.fullmatch(rough + re.escape(key[at:]), base) is not None
