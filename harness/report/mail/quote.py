"""The lines of a hunk that a reply quotes, as people quote them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from harness.report.terminal import harmless

__all__ = ["numbered", "quoted"]

_HEAD = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)")
_LINES = 20  # quoted of one hunk, besides its first line
_AROUND = 5
_LONGEST = 200  # columns
_LEFT_OUT = "> [...]"


def quoted(hunk: str, wanted: Collection[int]) -> list[str]:
    """Quote a hunk near some lines of the patched file.

    Lines are whole, however long.  Where none of them is in the hunk, what is
    near its first change is quoted.
    """
    lines = hunk.split("\n") if hunk else []
    while lines and not lines[-1].strip():
        lines.pop()
    if len(lines) <= _LINES:
        return [_quoted(line) for line in lines]
    kept = _kept(lines, _places(lines, wanted))
    result = [_quoted(lines[0])]
    before = 0
    for number in kept:
        if number != before + 1:
            result.append(_LEFT_OUT)
        result.append(_quoted(lines[number]))
        before = number
    return [*result, _LEFT_OUT] if before != len(lines) - 1 else result


def _quoted(line: str) -> str:
    text = harmless(line)
    # Servers take no line of more than 998 bytes.
    return f"> {text if len(text) <= _LONGEST else f'{text[:_LONGEST]}[...]'}".rstrip()


def _places(lines: list[str], wanted: Collection[int]) -> list[int]:
    """Return where in the hunk the wanted lines are, else its first change."""
    found = [index for number, index in _numbers(lines) if number in wanted]
    first = next((n for n, line in enumerate(lines) if n and line[:1] in "+-"), 1)
    return found or [first]


def numbered(hunk: str) -> dict[int, str]:
    """Return the lines of the patched file that a hunk shows, by number."""
    lines = hunk.split("\n")
    return {number: lines[index][1:] for number, index in _numbers(lines)}


def _numbers(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield each line of the patched file with its place in the hunk."""
    head = _HEAD.match(lines[0])
    number = int(head[1]) if head else 0
    for index, line in enumerate(lines[1:], 1):
        if line[:1] != "-":
            yield number, index
            number += 1


def _kept(lines: list[str], places: list[int]) -> list[int]:
    """Return as much around each place as there is room for."""
    for around in range(_AROUND, -1, -1):
        near = {
            n
            for place in places
            for n in range(place - around, place + around // 2 + 1)
            if 0 < n < len(lines)
        }
        joined = _joined(sorted(near))
        if len(joined) <= _LINES:
            return joined
    return sorted(places)[:_LINES]


def _joined(numbers: list[int]) -> list[int]:
    """Fill gaps that are no longer than what would stand for them."""
    filled: list[int] = []
    for number in numbers:
        if filled and number - filled[-1] == 2:
            filled.append(number - 1)
        filled.append(number)
    return filled
