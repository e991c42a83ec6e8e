"""Bars in pairs with logarithmic lengths, as SVG that needs no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Bar", "BarChart", "BarGroup", "bar_chart"]

_WIDTH = 640
_LEFT, _MOST = 70, 200  # where bars begin, and how long they are at most
_TOP, _GROUP, _ROW = 34, 24, 17
_COLOURS = ("#1f6feb", "#b35900")


class Bar(NamedTuple):
    """One bar: whose it is, its value, and what stands after it."""

    name: str
    value: int
    text: str


class BarGroup(NamedTuple):
    """Bars to compare with each other, under one heading."""

    name: str
    bars: Sequence[Bar]


class BarChart(NamedTuple):
    """Groups below each other; bars of one place in their groups look alike."""

    title: str
    groups: Sequence[BarGroup]


def bar_chart(chart: BarChart) -> str:
    """Draw a chart; an empty bar is 0."""
    most = max(bar.value for group in chart.groups for bar in group.bars)
    parts, y = [_label(0, 18, chart.title, "bold")], _TOP
    for group in chart.groups:
        parts.append(_label(0, y + 12, group.name))
        y += 18
        for number, bar in enumerate(group.bars):
            parts.append(_bar(bar, number % len(_COLOURS), y, most))
            y += _ROW
        y += _GROUP - 18
    return "\n".join(
        [
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" '
            f'height="{y}" role="img" aria-label="{escape(_told(chart))}">',
            *parts,
            "</svg>",
        ]
    )


def _bar(bar: Bar, number: int, y: int, most: int) -> str:
    length = _length(bar.value, most)
    return (
        f'<g class="series{number}" color="{_COLOURS[number]}">'
        + _label(12, y + 12, bar.name)
        + f'<rect x="{_LEFT}" y="{y + 2}" width="{length:.1f}" height="{_ROW - 5}" '
        'fill="currentColor"/></g>' + _label(_LEFT + length + 6, y + 12, bar.text)
    )


def _length(value: int, most: int) -> float:
    """Give 1 a length that is seen, and what is ten times as much one step more."""
    if not value:
        return 0.0
    return _MOST * (1 + math.log10(value)) / (1 + math.log10(most))


def _told(chart: BarChart) -> str:
    """Say in words what the chart shows."""
    groups = (
        f"{group.name}: {', '.join(f'{bar.name} {bar.text}' for bar in group.bars)}"
        for group in chart.groups
    )
    return "; ".join([chart.title, *groups])


def _label(x: float, y: float, text: str, weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" font-size="12" font-weight="{weight}" '
        f'fill="currentColor">{escape(text)}</text>'
    )
