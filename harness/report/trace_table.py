"""The counterexample as a table: one column per pCPU, one row per step."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.finding import Step
from harness.report.names import short_names
from harness.report.terminal import WIDTH, Colour, Style, columns, harmless, wrap

__all__ = ["trace_table"]

_INDENT = "  "
_GAP = "  "
_EVENT_MAX = 24
_EVENT_MIN = 8
_PLACE_MAX = 26
_PLACE_MIN = 12
_EFFECT_MIN = 24
_BLAMED = ">"


def trace_table(
    trace: Sequence[Step], style: Style, room: int, *, functions: bool = False
) -> list[str]:
    """Render the steps in about ``room`` lines.

    Steps in the middle that the repair does not touch are folded until they
    fit; with ``functions`` the C function stands below each file and line.
    """
    table = _Table(trace, style, functions)
    blocks = [table.row(step) for step in trace]
    lines = [table.header()]
    for block, folded in _folded(trace, blocks, room - 1):
        lines += [table.fold(folded)] if folded else block
    return lines


class _Table:
    """Column widths of one trace, and its rows."""

    def __init__(self, trace: Sequence[Step], style: Style, functions: bool) -> None:
        self._style = style
        self._functions = functions
        self._pes = sorted({step.pe for step in trace})
        self._names = short_names(step.file for step in trace if step.file)
        self._number = max(len(str(step.step)) for step in trace)
        self._events = [
            min(
                _EVENT_MAX,
                max(
                    [len(f"pCPU{pe}")]
                    + [columns(harmless(s.event)) for s in trace if s.pe == pe]
                ),
            )
            for pe in self._pes
        ]
        places = [line for step in trace for line in self._place(step)]
        self._places = min(_PLACE_MAX, max([2, *map(columns, places)]))
        left = len(_INDENT) + 2 + self._number + len(_GAP) * (len(self._pes) + 2)
        self._effect = WIDTH - left - sum(self._events) - self._places
        while self._effect < _EFFECT_MIN and max(self._events) > _EVENT_MIN:
            # The widest column of events can be broken with the least harm.
            self._events[self._events.index(max(self._events))] -= 1
            self._effect += 1
        spare = min(_EFFECT_MIN - self._effect, self._places - _PLACE_MIN)
        if spare > 0:
            self._places -= spare
            self._effect += spare

    def header(self) -> str:
        """Return the line of column titles."""
        cells = [f"pCPU{pe}" for pe in self._pes]
        line = self._line("#", " ", cells, "at", "effect")
        return self._style.paint(line, Colour.DIM)

    def row(self, step: Step) -> list[str]:
        """Return the lines of one step."""
        column = self._pes.index(step.pe)
        event = wrap(harmless(step.event), self._events[column])
        place = [
            piece for line in self._place(step) for piece in wrap(line, self._places)
        ]
        effect = wrap(harmless(step.effect), self._effect)
        lines = []
        for n in range(max(len(event), len(place), len(effect))):
            cells = ["." if n == 0 else ""] * len(self._pes)
            cells[column] = event[n] if n < len(event) else ""
            lines.append(
                self._line(
                    str(step.step) if n == 0 else "",
                    _BLAMED if step.blamed and n == 0 else " ",
                    cells,
                    place[n] if n < len(place) else "",
                    effect[n] if n < len(effect) else "",
                )
            )
        if step.blamed:
            lines = [self._style.paint(line, Colour.ERROR) for line in lines]
        return lines

    def fold(self, count: int) -> str:
        """Return the line that stands for steps left out."""
        text = f"... {count} steps not shown (-v shows them) ..."
        return self._style.paint(f"{_INDENT}{text}", Colour.DIM)

    def _place(self, step: Step) -> list[str]:
        if not step.file:
            return ["-"]
        place = [f"{harmless(self._names[step.file])}:{step.line}"]
        if self._functions and step.function:
            place.append(harmless(step.function))
        return place

    def _line(
        self, number: str, mark: str, events: list[str], place: str, effect: str
    ) -> str:
        cells = [f"{mark} {number:>{self._number}}"]
        cells += [
            _pad(cell, width) for cell, width in zip(events, self._events, strict=True)
        ]
        cells += [_pad(place, self._places), effect]
        return f"{_INDENT}{_GAP.join(cells)}".rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * max(0, width - columns(text))


def _folded(
    trace: Sequence[Step], blocks: list[list[str]], room: int
) -> list[tuple[list[str], int]]:
    """Leave out a run of steps so that the rest fits, and say how many.

    The first two and the last two steps stay: how the entry came about and
    where it counts.  So does what the repair changes.
    """
    total = sum(map(len, blocks))
    if total <= room:
        return [(block, 0) for block in blocks]
    keep = {0, 1, len(trace) - 2, len(trace) - 1}
    keep |= {n for n, step in enumerate(trace) if step.blamed}
    for n in range(len(blocks)):
        if n in keep:
            continue
        gone = [m for m in range(n, len(blocks)) if m not in keep]
        rest = total
        for count, m in enumerate(gone, 1):
            rest -= len(blocks[m])
            if rest + _runs(gone[:count]) <= room or count == len(gone):
                return _without(blocks, gone[:count])
    return [(block, 0) for block in blocks]


def _runs(numbers: list[int]) -> int:
    return sum(1 for n, m in enumerate(numbers) if n == 0 or numbers[n - 1] != m - 1)


def _without(blocks: list[list[str]], gone: list[int]) -> list[tuple[list[str], int]]:
    rows: list[tuple[list[str], int]] = []
    for n, block in enumerate(blocks):
        if n not in gone:
            rows.append((block, 0))
        elif rows and rows[-1][1]:
            rows[-1] = ([], rows[-1][1] + 1)
        else:
            rows.append(([], 1))
    return rows
