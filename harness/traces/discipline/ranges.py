"""Sets of addresses, as ranges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

__all__ = ["Ranges"]


class Ranges:
    """Disjoint ranges of addresses; neighbours are joined."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __contains__(self, address: int) -> bool:
        position = bisect_right(self._starts, address) - 1
        return position >= 0 and address < self._ends[position]

    def add(self, start: int, end: int) -> None:
        """Add the addresses from ``start`` up to ``end``."""
        if start >= end:
            return
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def remove(self, start: int, end: int) -> None:
        """Take the addresses from ``start`` up to ``end`` away."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        if first >= last or start >= end:
            return
        left = (self._starts[first], start)
        right = (end, self._ends[last - 1])
        kept = [piece for piece in (left, right) if piece[0] < piece[1]]
        self._starts[first:last] = [piece[0] for piece in kept]
        self._ends[first:last] = [piece[1] for piece in kept]
