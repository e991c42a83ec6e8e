"""Bars on a logarithmic scale, in text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Bar", "bars", "marks"]


class Bar(NamedTuple):
    """One bar: its label, its value above 0, and the text after it."""

    label: str
    value: float
    text: str


def bars(rows: Sequence[Bar], width: int) -> list[str]:
    """Draw bars whose lengths grow with the logarithm of their values."""
    if not rows:
        return []
    label = max(len(row.label) for row in rows)
    text = max(len(row.text) for row in rows)
    room = max(4, width - label - text - 2)
    least = min(row.value for row in rows)
    scale = math.log(max(row.value for row in rows) / least) or 1.0
    return [
        f"{row.label:<{label}} {_bar(row.value / least, scale, room):<{room}} "
        f"{row.text}".rstrip()
        for row in rows
    ]


def marks(rows: Sequence[Mapping[str, float]], width: int) -> list[str]:
    """Draw each row's letters where the logarithms of their values are.

    All rows have one scale; of letters at one place the first is seen.
    """
    values = [value for row in rows for value in row.values()]
    if not values:
        return []
    scale = math.log(max(values) / min(values)) or 1.0
    lines = []
    for row in rows:
        line = [" "] * width
        for letter, value in reversed(list(row.items())):
            place = round(math.log(value / min(values)) / scale * (width - 1))
            line[place] = letter
        lines.append("".join(line))
    return lines


def _bar(ratio: float, scale: float, room: int) -> str:
    return "#" * (1 + round(math.log(ratio) / scale * (room - 1)))
