"""Writing a trace file of the harness."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from harness.traces.event_lines import encode_event
from harness.traces.header import Header, encode_header
from reference_model.events import Event

__all__ = ["event_line", "header_line", "trace_lines"]


def trace_lines(header: Header, events: Iterable[Event]) -> Iterator[str]:
    """Yield the lines of a trace file, each with its newline."""
    yield header_line(header)
    yield from map(event_line, events)


def header_line(header: Header) -> str:
    """Return the first line."""
    return _line(encode_header(header))


def event_line(event: Event) -> str:
    """Return the line of an event."""
    return _line(encode_event(event))


def _line(data: dict[str, object]) -> str:
    return json.dumps(data, separators=(",", ":")) + "\n"
