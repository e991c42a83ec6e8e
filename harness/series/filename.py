"""Read file names as git writes them in a patch."""

from __future__ import annotations

import re

from harness.errors import PatchError
from reference_model.coordinates import Coord

__all__ = [
    "check_name",
    "header_names",
    "marker_name",
    "printable",
    "strip_prefix",
    "unquote",
]

_DEV_NULL = "/dev/null"
_ESCAPES = {
    "a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92,
}  # fmt: skip
_ESCAPE = re.compile(r'\\([0-3][0-7]{2}|[abtnvfr"\\])')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
# GNU diff and Subversion put a date behind a tab; GNU diff of old used spaces.
_DATE = re.compile(r"\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [-+]\d{4})?$")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    """Return a name or subject with all that a terminal would act on escaped."""
    return "".join(
        c
        if c.isprintable()
        else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in text
    )


def unquote(word: str) -> str:
    """Undo git's C-style quoting of a name given with its double quotes."""
    raw = bytearray()
    at = 1
    for escape in _ESCAPE.finditer(word):
        raw += word[at : escape.start()].encode("utf-8", "surrogateescape")
        body = escape[1]
        raw.append(int(body, 8) if body.isdigit() else _ESCAPES[body])
        at = escape.end()
    raw += word[at:-1].encode("utf-8", "surrogateescape")
    return _text(bytes(raw))


def marker_name(line: bytes) -> str | None:
    """Return the name on a ``---``, ``+++``, rename or copy line; None: no file."""
    word = _text(line)
    if quoted := _QUOTED.match(word):
        return unquote(quoted[0])
    word = _DATE.sub("", word.split("\t", 1)[0])
    return None if word == _DEV_NULL else word


def header_names(line: bytes) -> tuple[str, str] | None:
    """Split ``diff --git OLD NEW`` where it can be split in one way only."""
    rest = _text(line)[len("diff --git ") :]
    quoted = _QUOTED.match(rest)
    if quoted and rest[quoted.end() : quoted.end() + 1] == " ":
        old, new = quoted[0], rest[quoted.end() + 1 :]
        return unquote(old), unquote(new) if _QUOTED.fullmatch(new) else new
    if (at := rest.find(' "')) > 0 and _QUOTED.fullmatch(rest[at + 1 :]):
        return rest[:at], unquote(rest[at + 1 :])
    # Without quotes a name may hold spaces: both halves must then be alike.
    half, odd = divmod(len(rest), 2)
    old, new = rest[:half], rest[half + 1 :]
    same = old == new or strip_prefix(old, 1) == strip_prefix(new, 1)
    return (old, new) if odd and rest[half] == " " and same else None


def strip_prefix(name: str, strip: int) -> str:
    """Drop the first ``strip`` components, as ``git apply -p`` does."""
    for _ in range(strip):
        name = name.partition("/")[2]
    return name


def check_name(name: str, coord: Coord) -> None:
    """Refuse a name that is not a plain path below the top of the tree."""
    plain = name.encode("ascii", "backslashreplace").decode()
    if "\0" in name:
        raise PatchError("file name holds a NUL byte", coord)
    if any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise PatchError("file name holds a control character", coord)
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise PatchError(f"patch names '{plain}', outside the tree", coord)
    if "" in parts or "." in parts:
        raise PatchError(f"patch names '{plain}', which is not a plain path", coord)
    if any(part.lower() == ".git" for part in parts):
        raise PatchError(f"patch names '{plain}', inside git's own directory", coord)
