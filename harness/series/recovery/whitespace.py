"""List what an added line may have been before a mailer changed its white space."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.series.recovery.quoting import plain
from harness.series.recovery.reading import Step

__all__ = ["MODES", "spellings"]

Mode = Callable[[bytes], bytes]

_LEADING = re.compile(rb"[ \t]+")
_CONTINUED = re.compile(rb"(.*?\S)?([ \t]*)\\$")
_TAB = 8
_ALIGNMENTS = 3


def _tabs(text: bytes) -> bytes:
    found = _LEADING.match(text)
    if found is None:
        return text
    width = len(found[0].expandtabs(_TAB))
    tabs, blanks = divmod(width, _TAB)
    return b"\t" * tabs + b" " * blanks + text[found.end() :]


def _stuffed(text: bytes) -> bytes:
    return text.removeprefix(b" ")


def _no_trailing(text: bytes) -> bytes:
    return text.rstrip(b" \t")


# What a mailer does, it does to every line. In the order of how often it happens.
MODES: tuple[Mode, ...] = (
    plain,
    lambda text: _no_trailing(plain(text)),
    lambda text: _tabs(plain(text)),
    lambda text: _tabs(_no_trailing(plain(text))),
    lambda text: _stuffed(plain(text)),
    lambda text: _stuffed(_no_trailing(plain(text))),
    lambda text: text,
)


def spellings(step: Step, around: list[bytes]) -> tuple[bytes, ...]:
    """Return what an added line may be; ``around`` are lines that stand near it.

    Only a line that was joined or wrapped has several: blanks before a backslash
    at its end may have shrunk, and then those of the lines around tell.
    """
    found = list(step.texts)
    if step.how not in ("joined", "wrapped"):
        return tuple(found)
    columns: dict[int, None] = {}
    for line in around:
        if line.endswith(b"\\"):
            columns[len(line.expandtabs(_TAB)) - 1] = None
    for text in step.texts:
        ended = _CONTINUED.match(text)
        if ended is None or ended[1] is None:
            continue
        for column in list(columns)[:_ALIGNMENTS]:
            gap = column - len(ended[1])
            if gap > 0:
                found.append(ended[1] + b" " * gap + b"\\")
    return tuple(dict.fromkeys(found))
