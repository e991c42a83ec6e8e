"""The counterexample as a table: one column per pCPU, one row per step."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.finding import Step
from harness.report.names import counted, short_names
from harness.report.terminal import WIDTH, Colour, Style, columns, harmless, wrap

__all__ = ["trace_table"]

_INDENT = "  "
_GAP = "  "
_BLAMED = ">"
# Columns narrower than this are hard to read.
_EVENT_MIN = 12
_EVENT_MAX = 46
_EFFECT_MIN = 14


def trace_table(
    trace: Sequence[Step], style: Style, room: int, *, functions: bool = False
) -> list[str]:
    """Render the steps in about ``room`` lines.

    File and line stand below the event, with ``functions`` the C function as
    well.  Steps in the middle that the repair does not touch are folded until
    the rest fits.
    """
    table = _shortest(trace, style, functions)
    blocks = table.rows()
    lines = [table.header()]
    for block, folded in _folded(trace, blocks, room - 1):
        lines += [table.fold(folded)] if folded else block
    return lines


def _shortest(trace: Sequence[Step], style: Style, functions: bool) -> _Table:
    """Choose the width of the pCPUs' columns that takes the fewest lines."""
    tables = [
        _Table(trace, style, functions, width)
        for width in range(_EVENT_MAX, _EVENT_MIN - 1, -1)
    ]
    return min(tables, key=lambda table: sum(map(len, table.rows())))


class _Table:
    """Column widths of one trace, and its rows."""

    def __init__(
        self, trace: Sequence[Step], style: Style, functions: bool, width: int
    ) -> None:
        self._trace = trace
        self._style = style
        self._functions = functions
        self._pes = sorted({step.pe for step in trace})
        self._names = short_names(step.file for step in trace if step.file)
        self._number = max(len(str(step.step)) for step in trace)
        pes = len(self._pes)
        left = len(_INDENT) + 2 + self._number + len(_GAP) * (pes + 1)
        most = min(width, (WIDTH - left - _EFFECT_MIN) // pes)
        self._events = []
        for pe in self._pes:
            texts = [text for s in trace if s.pe == pe for text in self._texts(s)]
            self._events.append(min(most, max(map(columns, [f"pCPU{pe}", *texts]))))
        self._effect = WIDTH - left - sum(self._events)

    def header(self) -> str:
        """Return the line of column titles."""
        line = self._line("#", " ", [f"pCPU{pe}" for pe in self._pes], "effect")
        return self._style.paint(line, Colour.DIM)

    def rows(self) -> list[list[str]]:
        """Return the lines of each step."""
        return [self._row(step) for step in self._trace]

    def _row(self, step: Step) -> list[str]:
        column = self._pes.index(step.pe)
        width = self._events[column]
        event = [line for text in self._texts(step) for line in wrap(text, width)]
        effect = wrap(harmless(step.effect), self._effect)
        lines = []
        for n in range(max(len(event), len(effect))):
            cells = ["." if n == 0 else ""] * len(self._pes)
            cells[column] = event[n] if n < len(event) else ""
            lines.append(
                self._line(
                    str(step.step) if n == 0 else "",
                    _BLAMED if step.blamed and n == 0 else " ",
                    cells,
                    effect[n] if n < len(effect) else "",
                )
            )
        if step.blamed:
            lines = [self._style.paint(line, Colour.ERROR) for line in lines]
        return lines

    def fold(self, count: int) -> str:
        """Return the line that stands for steps left out."""
        text = f"... {counted(count, 'step')} not shown (-v shows all) ..."
        return self._style.paint(f"{_INDENT}{text}", Colour.DIM)

    def _texts(self, step: Step) -> list[str]:
        """Return what stands in the column of the step's pCPU."""
        texts = [harmless(step.event)]
        if step.file:
            function = (
                f" ({step.function})" if self._functions and step.function else ""
            )
            texts.append(harmless(f"{self._names[step.file]}:{step.line}{function}"))
        return texts

    def _line(self, number: str, mark: str, events: list[str], effect: str) -> str:
        cells = [f"{mark} {number:>{self._number}}"]
        cells += [
            _pad(cell, width) for cell, width in zip(events, self._events, strict=True)
        ]
        return f"{_INDENT}{_GAP.join([*cells, effect])}".rstrip()


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
