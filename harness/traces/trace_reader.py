"""Reading a trace file of the harness, event by event.

Memory does not grow with the number of events.  A line read before gives the
same event again: events do not change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NoReturn

from harness.errors import ParseError
from harness.traces.event_lines import Malformed, decode_event
from harness.traces.header import Header, decode_header
from harness.traces.limits import MAX_EVENTS, MAX_LINE
from reference_model.coordinates import Coord
from reference_model.events import Event

__all__ = ["TraceReader", "bounded_lines"]

_KEPT = 1 << 14  # lines whose events are remembered


def bounded_lines(stream: Iterable[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """Yield lines with their numbers; raises ParseError for one too long.

    A file opened in binary mode is read in pieces of at most MAX_LINE bytes.
    """
    readline = getattr(stream, "readline", None)
    lines = iter(lambda: readline(MAX_LINE + 1), b"") if readline else iter(stream)
    for line_number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise ParseError(
                f"the line is longer than {MAX_LINE} bytes: is this a trace?",
                Coord(name, line_number),
            )
        yield line_number, line


class TraceReader:
    """The header of a trace file, and an iterator over its events.

    ``stream`` gives lines of bytes, as a file opened in binary mode.  Raises
    ParseError, with file and line, for whatever is not as the format says.
    A file without a header goes on where another one stopped: ``before`` is
    that one's header.
    """

    def __init__(
        self, stream: Iterable[bytes], name: str, before: Header | None = None
    ) -> None:
        self._name = name
        self._lines = bounded_lines(stream, name)
        self.line = 0
        self._known: dict[bytes, Event] = {}
        self.count = 0  # events read; ``line`` is the number of the last line
        self.header = before or self._header()

    def _header(self) -> Header:
        self.line, line = next(self._lines, (1, b""))
        if not line.strip():
            self._refuse("the file is empty, or starts with an empty line")
        try:
            return decode_header(self._json(line))
        except Malformed as malformed:
            self._refuse(str(malformed))

    def __iter__(self) -> Iterator[Event]:
        known, lines = self._known, self._lines
        for self.line, line in lines:
            event = known.get(line)
            if event is None:
                if not line.strip():
                    continue
                event = self._event(line)
                if len(known) >= _KEPT:
                    known.clear()
                known[line] = event
            self.count += 1
            if self.count > MAX_EVENTS:
                self._refuse(f"more than {MAX_EVENTS} events: split the trace")
            yield event

    def _event(self, line: bytes) -> Event:
        data = self._json(line)
        if not isinstance(data, dict):
            self._refuse("an event must be an object")
        try:
            event = decode_event(data)
        except Malformed as malformed:
            self._refuse(str(malformed))
        if event.pe >= self.header.start.pes:
            self._refuse(
                f"'pe' is {event.pe}: the header has {self.header.start.pes} PEs"
            )
        return event

    def _json(self, line: bytes) -> object:
        try:
            return json.loads(line)
        except json.JSONDecodeError as error:
            self._refuse(f"not JSON at column {error.colno}: {error.msg.lower()}")
        except (UnicodeDecodeError, RecursionError, ValueError):
            self._refuse("not JSON in UTF-8")

    def _refuse(self, message: str) -> NoReturn:
        raise ParseError(message, Coord(self._name, self.line))
