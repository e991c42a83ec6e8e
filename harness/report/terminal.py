"""What a terminal can show: width, colour, and text that cannot do harm."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass
from enum import Enum

__all__ = [
    "WIDTH",
    "Colour",
    "Style",
    "columns",
    "hanging",
    "harmless",
    "outdented",
    "wrap",
]

WIDTH = 80


class Colour(Enum):
    """Select graphic rendition codes, by what they stand for."""

    ERROR = "1;31"
    WARNING = "1;33"
    PERF = "1;36"
    INFO = "1;34"
    GOOD = "1;32"
    BOLD = "1"
    DIM = "2"


@dataclass(frozen=True, slots=True)
class Style:
    """How to render text: with colour or not."""

    colour: bool = False

    def paint(self, text: str, colour: Colour) -> str:
        """Return the text in a colour, or as it is."""
        if not self.colour or not text:
            return text
        return f"\x1b[{colour.value}m{text}\x1b[0m"


def harmless(text: str) -> str:
    """Escape what a terminal would act on; subjects and names are untrusted."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def columns(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of at most ``width`` columns, at least one."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    if any(columns(line) > width for line in lines):
        lines = textwrap.wrap(text, max(1, width // 2), break_on_hyphens=False)
    return lines or [""]


def hanging(label: str, text: str, width: int = WIDTH) -> list[str]:
    """Put a text beside a label, its further lines indented below its first."""
    indent = columns(label)
    first, *rest = wrap(text, width - indent)
    return [f"{label}{first}", *(" " * indent + line for line in rest)]


def outdented(label: str, text: str) -> list[str]:
    """Start with a label; further lines are indented four columns."""
    indent = "    "
    words = wrap(f"{label.lstrip()} {text}".lstrip(), WIDTH - len(indent))
    first, *rest = words
    start = label[: len(label) - len(label.lstrip())]
    return [f"{start}{first}", *(f"{indent}{line}" for line in rest)]
