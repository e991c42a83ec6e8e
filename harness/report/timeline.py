"""The timeline of a counterexample as SVG: time runs down.

To the left a life line for each pCPU with its numbered events; to the right a
column for the tables and for each TLB, with a bar for as long as the same holds.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from harness.check.finding import Finding, State, Step
from harness.report.names import short_names
from harness.report.terminal import harmless

__all__ = ["timeline"]

_ROW = 48
_HEAD = 44
_LEFT = 34
_CHARACTER = 7.3  # the width of one at 12 px
_LANE_CHARACTERS = (16, 30)  # at least, at most
_BAR_CHARACTERS = 22
_BAR = _BAR_CHARACTERS * _CHARACTER + 12
_GAP = 10
_LINE = 14


class _Column(NamedTuple):
    x: float
    width: float


def timeline(finding: Finding) -> str:
    """Draw the trace of a finding; "" where it has none."""
    if not finding.trace:
        return ""
    return "\n".join(_Drawing(finding).parts())


class _Drawing:
    def __init__(self, finding: Finding) -> None:
        self.steps = finding.trace
        self.names = short_names(step.file for step in self.steps if step.file)
        self.pes = sorted({step.pe for step in self.steps})
        self.lanes = self._lanes()
        first = self.lanes[self.pes[-1]]
        self.states = [state.name for state in self.steps[-1].states]
        at = first.x + first.width + 2 * _GAP
        self.bars = {
            name: _Column(at + n * (_BAR + _GAP), _BAR)
            for n, name in enumerate(self.states)
        }
        self.width = at + len(self.states) * (_BAR + _GAP)
        self.height = _HEAD + _ROW * len(self.steps) + 8

    def _lanes(self) -> dict[int, _Column]:
        lanes = {}
        x = float(_LEFT)
        for pe in self.pes:
            longest = max(
                (
                    len(line)
                    for s in self.steps
                    if s.pe == pe
                    for line in self._label(s)
                ),
                default=0,
            )
            least, most = _LANE_CHARACTERS
            width = min(max(longest, least), most) * _CHARACTER + 24
            lanes[pe] = _Column(x, width)
            x += width + _GAP
        return lanes

    def _label(self, step: Step) -> list[str]:
        lines = textwrap.wrap(harmless(step.event), _LANE_CHARACTERS[1])[:2]
        if step.file:
            lines.append(f"{self.names[step.file]}:{step.line}")
        return lines

    def parts(self) -> Iterator[str]:
        """Yield the elements, what lies behind first."""
        yield (
            f'<svg class="timeline" role="img" viewBox="0 0 {self.width:.0f} '
            f'{self.height}" width="{self.width:.0f}" height="{self.height}" '
            f'aria-label="{escape(self._told(), quote=True)}">'
        )
        yield from self._rows()
        yield from self._heads()
        for pe in self.pes:
            yield from self._lane(pe)
        for name in self.states:
            yield from self._bars(name)
        yield "</svg>"

    def _told(self) -> str:
        last = self.steps[-1]
        return (
            f"timeline of {len(self.steps)} steps on {len(self.pes)} pCPUs; the last: "
            f"{harmless(last.event)}: {harmless(last.effect)}; the table below says all"
        )

    def _rows(self) -> Iterator[str]:
        for number, step in enumerate(self.steps):
            last = number == len(self.steps) - 1
            names = "row violation" if last else "row"
            y = _HEAD + number * _ROW
            yield (
                f'<rect class="{names}" data-step="{step.step}" x="0" y="{y}" '
                f'width="{self.width:.0f}" height="{_ROW}"/>'
            )
            yield _text(8, y + 20, str(step.step), "number")

    def _heads(self) -> Iterator[str]:
        for pe, lane in self.lanes.items():
            yield _text(lane.x + 4, 18, f"pCPU{pe}", "head")
        for name, bar in self.bars.items():
            for n, line in enumerate(
                textwrap.wrap(harmless(name), _BAR_CHARACTERS)[:2]
            ):
                yield _text(bar.x, 18 + n * _LINE, line, "head")

    def _lane(self, pe: int) -> Iterator[str]:
        x = self.lanes[pe].x + 6
        yield (
            f'<line class="life" x1="{x:.1f}" x2="{x:.1f}" y1="{_HEAD - 6}" '
            f'y2="{self.height - 6}"/>'
        )
        for number, step in enumerate(self.steps):
            if step.pe != pe:
                continue
            y = _HEAD + number * _ROW + 16
            names = "event blamed" if step.blamed else "event"
            yield f'<circle class="{names}" cx="{x:.1f}" cy="{y}" r="4.5"/>'
            for n, line in enumerate(self._label(step)):
                place = "place" if step.file and n == len(self._label(step)) - 1 else ""
                yield _text(x + 12, y + 4 + n * _LINE, line, place)

    def _bars(self, name: str) -> Iterator[str]:
        bar = self.bars[name]
        for first, count, state in _runs(self.steps, name):
            y = _HEAD + first * _ROW + 3
            height = count * _ROW - 6
            yield (
                f'<rect class="bar {_look(state)}" x="{bar.x:.1f}" y="{y}" '
                f'width="{bar.width}" height="{height}" rx="3"/>'
            )
            room = max(1, (height - 6) // _LINE)
            lines = textwrap.wrap(harmless(state.text), _BAR_CHARACTERS)
            if len(lines) > room:
                lines = [
                    *lines[: room - 1],
                    lines[room - 1][: _BAR_CHARACTERS - 1] + "…",
                ]
            for n, line in enumerate(lines):
                yield _text(bar.x + 6, y + 15 + n * _LINE, line, "held")


def _runs(steps: Sequence[Step], name: str) -> Iterator[tuple[int, int, State]]:
    """Yield where a state begins, for how many steps it holds, and the state."""
    first, held = 0, _state(steps[0], name)
    for number, step in enumerate(steps[1:], 1):
        now = _state(step, name)
        if now != held:
            yield first, number - first, held
            first, held = number, now
    yield first, len(steps) - first, held


def _state(step: Step, name: str) -> State:
    return next(
        (state for state in step.states if state.name == name), State(name, "", False)
    )


def _look(state: State) -> str:
    if state.stale:
        return "stale"
    nothing = not state.text or state.text == "invalid"
    return "empty" if nothing or state.text.startswith("nothing") else "current"


def _text(x: float, y: float, text: str, name: str) -> str:
    named = f' class="{name}"' if name else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
