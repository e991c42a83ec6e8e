"""What a run did: architectural events, and questions about the profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.execution.memory import Memory, Region
from harness.execution.repeat import Fold, Folding
from reference_model.coordinates import Coord
from reference_model.events import Event

__all__ = ["Query", "Recorder"]


@dataclass(frozen=True, slots=True)
class Query:
    """One thing the run asked about the machine, with the answer it got.

    ``kind`` and ``subject`` are "alternative", (number,); "register", (pe,
    name); or "memory", (name, byte offset, bit offset, width).  A profile that
    gives the same answers takes the same path.
    """

    kind: str
    subject: tuple[int | str, ...]
    answer: int


def _untouched(coord: Coord) -> bool:  # noqa: ARG001 - fixed signature
    return False


class Recorder:
    """Collects the events of a run, long loops folded into ``Repeat``."""

    def __init__(self, touched: Callable[[Coord], bool] = _untouched) -> None:
        self.touched = touched
        self.warnings: list[Coord] = []  # WARN() statements reached
        self._folding = Folding()
        self._queries: dict[Query, None] = {}
        self._waiting: list[tuple[int, int, str]] = []
        self._memory: Memory | None = None
        self.add: Callable[[Event], None] = self._folding.add
        self.repeats = self._folding.repeats
        self.part = 0  # grows with every forget()

    @property
    def events(self) -> list[Event]:
        """Return the events so far."""
        self._folding.settle()
        return self._folding.events

    @property
    def fold(self) -> Fold | None:
        """Return the loop that is being folded now, if any."""
        return self._folding.fold

    @property
    def queries(self) -> list[Query]:
        """Return what was asked, each question once, in order."""
        return list(self._queries)

    def forget(self) -> None:
        """Drop events, queries and warnings, as after setting up a world."""
        self._folding.clear()
        self._queries.clear()
        self.warnings.clear()
        self.part += 1

    def query(self, kind: str, subject: tuple[int | str, ...], answer: int) -> None:
        """Note a question about the profile."""
        self._queries[Query(kind, subject, answer)] = None

    def watch(self, place: Region | tuple[int, int], name: str) -> None:
        """Note reads of a region or (address, size) as "memory" queries."""
        start, size = place if isinstance(place, tuple) else (place.base, place.size)
        if self._memory is None:
            self._waiting.append((start, size, name))
        else:
            self._memory.watch(start, size, name, self._read)

    def attach(self, memory: Memory) -> None:
        """Start to watch ``memory``."""
        self._memory = memory
        for start, size, name in self._waiting:
            memory.watch(start, size, name, self._read)
        self._waiting.clear()

    def _read(self, name: str, offset: int, bit: int, width: int, value: int) -> None:
        self.query("memory", (name, offset, bit, width), value)
