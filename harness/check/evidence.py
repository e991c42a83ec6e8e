"""Evidence: the trace that a diagnosis was made from, enough to make it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.check.timeline import Replay
from reference_model.coordinates import Origin
from reference_model.events import Event, Repeat

__all__ = ["Evidence", "Line", "chain", "places"]

Line = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The events up to the violation, and what the patch touched of their source.

    ``lines`` are files with line numbers, ``functions`` the names of those that
    the patch touched somewhere.
    """

    replay: Replay
    events: tuple[Event, ...]
    scenario: str
    lines: frozenset[Line]
    functions: frozenset[str]


def places(event: Event) -> Iterator[tuple[Line, str]]:
    """Yield each place that an event comes from, with the function around it."""
    if isinstance(event, Repeat):
        for part in event.body:
            yield from places(part)
    if event.origin is not None:
        yield from chain(event.origin)


def chain(origin: Origin) -> Iterator[tuple[Line, str]]:
    """Yield a place and its callers, innermost first."""
    yield (origin.coord.file, origin.coord.line), origin.function
    callers = [frame.function for frame in origin.stack[1:]]
    for frame, caller in zip(origin.stack, callers, strict=False):
        yield (frame.call.file, frame.call.line), caller
