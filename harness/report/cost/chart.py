"""Line charts with logarithmic scales, as SVG that needs no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Chart", "Line", "Mark", "line_chart"]

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 130, 34, 44
_LABEL = 14  # how far the names of lines are apart, at least
_COLOURS = ("#1f6feb", "#b35900", "#1a7f37", "#8250df")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")


class Line(NamedTuple):
    """One line: its name and its points, in the order of the chart's places."""

    name: str
    values: Sequence[float]


class Mark(NamedTuple):
    """A point on the chart, with bounds to its sides; places count from 0."""

    low: float
    place: float
    high: float
    value: float
    name: str


class Chart(NamedTuple):
    """What is drawn: values above 0 over named places, equally far apart."""

    title: str
    places_title: str
    places: Sequence[str]
    lines: Sequence[Line]
    text: Callable[[float], str]  # how a value is written
    marks: Sequence[Mark] = ()


def line_chart(chart: Chart, y: int = 0) -> str:
    """Draw a chart as a group whose top is at ``y``."""
    values = [value for line in chart.lines for value in line.values]
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values))))
    parts = [
        f'<g transform="translate(0 {y})" role="img" '
        f'aria-label="{escape(_told(chart), quote=True)}">',
        _label(_LEFT, 18, chart.title, weight="bold"),
    ]
    for decade in range(low, high + 1):
        at = _height(10.0**decade, low, high)
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
            'stroke="currentColor" stroke-opacity="0.15"/>'
        )
        parts.append(_label(_LEFT - 6, at + 4, chart.text(10.0**decade), anchor="end"))
    for number, place in enumerate(chart.places):
        x = _across(number, len(chart.places))
        parts.append(_label(x, HEIGHT - _BOTTOM + 18, place, anchor="middle"))
    parts.append(
        _label((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 8, chart.places_title, "middle")
    )
    parts += [
        _line(line, number, low, high, label)
        for number, (line, label) in enumerate(
            zip(chart.lines, _labels(chart.lines, low, high), strict=True)
        )
    ]
    parts += [_mark(mark, len(chart.places), low, high) for mark in chart.marks]
    return "\n".join([*parts, "</g>"])


def _mark(mark: Mark, places: int, low: int, high: int) -> str:
    """Draw a ring, a bar as wide as it is uncertain, and its name to the left."""
    y = _height(mark.value, low, high)
    ends = (min(max(0.0, place), places - 1) for place in (mark.low, mark.high))
    left, right = (_across(place, places) for place in ends)
    x = _across(mark.place, places)
    return (
        f'<path d="M{left:.1f} {y - 4:.1f}v8m0 -4H{right:.1f}m0 -4v8" fill="none" '
        'stroke="currentColor" stroke-width="1.5" stroke-opacity="0.6"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="none" '
        'stroke="currentColor" stroke-width="2"/>'
        + _label(x - 8, y - 9, mark.name, "end", weight="bold")
    )


def _line(line: Line, number: int, low: int, high: int, label: float) -> str:
    """Draw a line in its own colour, which a page may override by class."""
    colour, dash = _COLOURS[number % 4], _DASHES[number % 4]
    places = len(line.values)
    points = [
        (_across(n, places), _height(value, low, high))
        for n, value in enumerate(line.values)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="currentColor"/>'
        for x, y in points
    )
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<g class="series{number % 4}" color="{colour}">'
        f'<polyline points="{path}" fill="none" stroke="currentColor" '
        f'stroke-width="2"{dashed}/>{dots}'
        + _label(points[-1][0] + 8, label, line.name)
        + "</g>"
    )


def _labels(lines: Sequence[Line], low: int, high: int) -> list[float]:
    """Return how high each line's name stands: beside its end, none on another."""
    heights = [_height(line.values[-1], low, high) + 4 for line in lines]
    order = sorted(range(len(lines)), key=lambda n: -heights[n])
    free = float(HEIGHT)
    for n in order:  # from the lowest up
        heights[n] = min(heights[n], free)
        free = heights[n] - _LABEL
    return heights


def _told(chart: Chart) -> str:
    """Say in words what the chart shows."""
    told = [
        f"{line.name}: {chart.text(line.values[0])} to {chart.text(line.values[-1])}"
        for line in chart.lines
    ]
    told += [mark.name for mark in chart.marks]
    places = f"{chart.places_title} {chart.places[0]} to {chart.places[-1]}"
    return f"{chart.title}; {places}; {', '.join(told)}"


def _across(number: float, places: int) -> float:
    return _LEFT + number * (WIDTH - _LEFT - _RIGHT) / max(1, places - 1)


def _height(value: float, low: int, high: int) -> float:
    share = (math.log10(value) - low) / (high - low)
    return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _label(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    *,
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="currentColor">{escape(text)}</text>'
    )
