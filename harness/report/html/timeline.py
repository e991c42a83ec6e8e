"""The timeline of a counterexample as SVG: time runs down.

To the left a life line for each pCPU with its numbered events; to the right a
column for the tables and for each TLB, with a bar for as long as the same holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from harness.check.finding import Finding, State, Step
from harness.report.names import counted, short_names
from harness.report.terminal import columns, harmless, wrap

__all__ = ["timeline"]

_LEFT = 34
_CHARACTER = 7.3  # the width of one at 12 px
_LINE = 15
_ABOVE, _BELOW = 9, 9  # round the text of a row
_LANE_LEAST = 14
_LANE_MOST = {1: 46, 2: 31}  # characters, by the number of lanes
_LANE_MANY = 24
_LANE_QUIET = (2, 20)  # events up to which a lane among others is narrower: how much
_BAR_CHARACTERS = 20
_BAR = _BAR_CHARACTERS * _CHARACTER + 14
_GAP = 10
_NARROW = 672  # below it, a picture is never made smaller


class _Column(NamedTuple):
    x: float
    width: float


class _Label(NamedTuple):
    text: str
    look: str


class _Run(NamedTuple):
    """A state that holds for ``steps`` steps from the step ``first`` on."""

    first: int
    steps: int
    state: State
    lines: list[str]


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
        self.most = {pe: self._most(pe) for pe in self.pes}
        self.labels = [list(self._labels(step)) for step in self.steps]
        self.lanes = self._lanes()
        self.states = [state.name for state in self.steps[-1].states]
        self.runs = {name: list(_runs(self.steps, name)) for name in self.states}
        last = self.lanes[self.pes[-1]]
        at = last.x + last.width + 2 * _GAP
        self.bars = {
            name: _Column(at + n * (_BAR + _GAP), _BAR)
            for n, name in enumerate(self.states)
        }
        self.width = at + len(self.states) * (_BAR + _GAP)
        self.heads = {name: wrap(name, _BAR_CHARACTERS) for name in self.states}
        self.tops = self._tops()
        self.height = self.tops[-1] + 8

    def _most(self, pe: int) -> int:
        """Return how many characters a lane may be wide."""
        events, narrow = _LANE_QUIET
        if len(self.pes) > 1 and sum(step.pe == pe for step in self.steps) <= events:
            return narrow
        return _LANE_MOST.get(len(self.pes), _LANE_MANY)

    def _labels(self, step: Step) -> Iterator[_Label]:
        """Yield the lines beside an event: itself, where it is, what it does."""
        most = self.most[step.pe]
        if step is self.steps[-1]:
            yield _Label("violated here", "violated")
        for line in wrap(harmless(step.event), most):
            yield _Label(line, "named")
        if step.file:
            place = f"{self.names[step.file]}:{step.line} {step.function}"
            for line in wrap(harmless(place), most):
                yield _Label(line, "place")
        if step.effect:
            for line in wrap(harmless(step.effect), most):
                yield _Label(line, "effect")

    def _lanes(self) -> dict[int, _Column]:
        lanes = {}
        x = float(_LEFT)
        for pe in self.pes:
            longest = max(
                columns(label.text)
                for step, labels in zip(self.steps, self.labels, strict=True)
                if step.pe == pe
                for label in labels
            )
            width = max(longest, _LANE_LEAST) * _CHARACTER + 26
            lanes[pe] = _Column(x, width)
            x += width + _GAP
        return lanes

    def _tops(self) -> list[int]:
        """Return where each row begins, and where the last one ends.

        A row has room for its event, a run of rows for what its bar says.
        """
        rows = [len(labels) for labels in self.labels]
        for runs in self.runs.values():
            for run in runs:
                last = run.first + run.steps - 1
                rows[last] += max(0, len(run.lines) - sum(rows[run.first : last + 1]))
        tops = [16 + _LINE * max(map(len, [[""], *self.heads.values()]))]
        for row in rows:
            tops.append(tops[-1] + _ABOVE + _BELOW + _LINE * row)
        return tops

    def parts(self) -> Iterator[str]:
        """Yield the elements, what lies behind first."""
        looks = "timeline narrow" if self.width < _NARROW else "timeline"
        yield (
            f'<svg class="{looks}" role="img" viewBox="0 0 {self.width:.0f} '
            f'{self.height}" width="{self.width:.0f}" height="{self.height}" '
            f'aria-label="{escape(self._told(), quote=True)}">'
        )
        yield from self._rows()
        yield from self._heads()
        for pe in self.pes:
            yield from self._lane(pe)
        for name in self.states:
            yield from self._bars(name)
        y = self.tops[-2]
        yield f'<line class="across" x1="0" x2="{self.width:.0f}" y1="{y}" y2="{y}"/>'
        yield "</svg>"

    def _told(self) -> str:
        last = self.steps[-1]
        what = ": ".join(filter(None, (last.event, last.effect)))
        return (
            f"timeline of {counted(len(self.steps), 'step')} on "
            f"{counted(len(self.pes), 'pCPU')}; the rule is broken by the last: "
            f"{harmless(what)}; the table of the steps says all of it"
        )

    def _rows(self) -> Iterator[str]:
        for number, step in enumerate(self.steps):
            names = "row" if number < len(self.steps) - 1 else "row violation"
            top, bottom = self.tops[number : number + 2]
            yield (
                f'<rect class="{names}" data-step="{step.step}" x="1" y="{top}" '
                f'width="{self.width - 2:.0f}" height="{bottom - top}"/>'
            )
            yield _text(8, top + _ABOVE + 11, str(step.step), "number")

    def _heads(self) -> Iterator[str]:
        for pe, lane in self.lanes.items():
            yield _text(lane.x + 2, 16, f"pCPU{pe}", "head")
        for name, lines in self.heads.items():
            for n, line in enumerate(lines):
                yield _text(self.bars[name].x, 16 + n * _LINE, harmless(line), "head")

    def _lane(self, pe: int) -> Iterator[str]:
        x = self.lanes[pe].x + 6
        yield (
            f'<line class="life" x1="{x:.1f}" x2="{x:.1f}" y1="{self.tops[0] - 6}" '
            f'y2="{self.tops[-1]}"/>'
        )
        for number, step in enumerate(self.steps):
            if step.pe != pe:
                continue
            y = self.tops[number] + _ABOVE
            yield self._mark(number, x, y + 7)
            for n, label in enumerate(self.labels[number]):
                yield _text(x + 13, y + 11 + n * _LINE, label.text, label.look)

    def _mark(self, number: int, x: float, y: float) -> str:
        """Draw an event; a cross where the rule is broken."""
        if number == len(self.steps) - 1:
            return (
                f'<path class="broken" d="M{x - 5:.1f} {y - 5}l10 10'
                f'M{x - 5:.1f} {y + 5}l10 -10"/>'
            )
        names = "event blamed" if self.steps[number].blamed else "event"
        return f'<circle class="{names}" cx="{x:.1f}" cy="{y}" r="4.5"/>'

    def _bars(self, name: str) -> Iterator[str]:
        bar = self.bars[name]
        first = self.runs[name][0].state.text
        for run in self.runs[name]:
            y = self.tops[run.first] + 3
            height = self.tops[run.first + run.steps] - y - 3
            yield (
                f'<rect class="bar {_look(run.state, first)}" x="{bar.x:.1f}" '
                f'y="{y}" width="{bar.width:.1f}" height="{height}" rx="3"/>'
            )
            for n, line in enumerate(run.lines):
                yield _text(bar.x + 7, y + 17 + n * _LINE, line, "held")


def _runs(steps: Sequence[Step], name: str) -> Iterator[_Run]:
    first, held = 0, _state(steps[0], name)
    for number, step in enumerate(steps[1:], 1):
        now = _state(step, name)
        if now != held:
            yield _run(first, number - first, held)
            first, held = number, now
    yield _run(first, len(steps) - first, held)


def _run(first: int, count: int, state: State) -> _Run:
    return _Run(first, count, state, wrap(harmless(state.text), _BAR_CHARACTERS))


def _state(step: Step, name: str) -> State:
    return next(
        (state for state in step.states if state.name == name), State(name, "", False)
    )


def _look(state: State, first: str) -> str:
    """Name the look of a bar: what was there from the first step on is not new."""
    if state.stale:
        return "stale"
    if not state.text or state.text == "invalid" or state.text.startswith("nothing"):
        return "empty"
    return "current" if state.text == first else "new"


def _text(x: float, y: float, text: str, look: str) -> str:
    return f'<text class="{look}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
