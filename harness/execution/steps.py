"""The bound on how long a run may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat

__all__ = ["Exhausted", "Limits", "Steps"]

_GRAIN = 4096  # steps between two looks at the clock


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run: loop passes and calls, call depth, seconds."""

    steps: int = 20_000_000
    depth: int = 200
    seconds: float = 60.0


class Exhausted(Exception):  # noqa: N818 - becomes a BoundError with a place
    """A bound on steps or seconds was reached."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Steps:
    """A supply of steps that generated code draws from one by one.

    Drawing costs no Python call: the supply is a C-level iterator that comes
    back here only once in a few thousand steps.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = 0
        self._deadline = 0.0
        self.supply: Iterator[None] = iter(())

    def start(self) -> None:
        """Begin a run with the full bound."""
        self._left = self._limits.steps
        self._deadline = time.monotonic() + self._limits.seconds
        self.supply = chain.from_iterable(self._grants())

    def _grants(self) -> Iterator[Iterator[None]]:
        while True:
            if self._left <= 0:
                raise Exhausted(f"{self._limits.steps} steps")
            if time.monotonic() > self._deadline:
                raise Exhausted(f"{self._limits.seconds:g} seconds")
            grant = min(_GRAIN, self._left)
            self._left -= grant
            yield repeat(None, grant)
