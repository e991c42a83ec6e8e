"""Exporting a trace: a trace file as a casemate log, and the other way round.

What a token holds becomes a trace file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from harness import assumptions as readings
from harness.check.replays.replay_sources import CasemateSource, JsonSource
from harness.check.replays.token_source import TokenSource
from harness.errors import UsageError
from harness.traces.casemate_writer import casemate_lines
from harness.traces.header import Header
from harness.traces.trace_reader import TraceReader
from harness.traces.trace_writer import event_line, header_line, trace_lines
from reference_model.cores import PROFILES
from reference_model.events import Event
from reference_model.unmodelled import Unmodelled

__all__ = ["export", "written"]


def export(files: tuple[Path, ...], form: str, target: Path, token: str = "") -> None:
    """Write the trace in ``files``, of the given format, in the other one."""
    if token:
        held = TokenSource(token)
        lines = trace_lines(held.header, held.events)
        written(target, lambda stream: stream.writelines(lines))
    elif form == "jsonl":
        source = JsonSource(files)
        lines = casemate_lines(source.header.start, lambda: _events(source))
        written(target, lambda stream: stream.writelines(lines))
    else:
        written(target, lambda stream: _imported(CasemateSource(files), stream))


def written(target: Path, write: Callable[[TextIO], None]) -> None:
    """Write a file whole or not at all."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                write(stream)
            os.chmod(name, 0o644)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(f"cannot write '{target}': {error.strerror}") from error


def _events(source: JsonSource) -> Iterable[Event]:
    header = source.header
    for number, file in enumerate(source.files):
        with file.open("rb") as stream:
            yield from TraceReader(stream, str(file), header if number else None)


class _Sink:
    """Takes the events of a run that may start over."""

    def __init__(self, stream: TextIO, source: CasemateSource) -> None:
        self._stream = stream
        self._source = source
        self._empty = True

    def append(self, event: Event) -> None:
        """Write an event; before the first one, the header."""
        if self._empty:
            start = self._source.start(single_pe=False)
            profiles, settings = self._source.profiles, self._source.assumptions
            header = Header(start, profiles=profiles, assumptions=settings)
            self._stream.write(header_line(header))
            self._empty = False
        self._stream.write(event_line(event))

    def clear(self) -> None:
        """Start over."""
        self._stream.seek(0)
        self._stream.truncate()
        self._empty = True


def _imported(source: CasemateSource, stream: TextIO) -> None:
    profile = PROFILES[source.profiles[0]]
    settings = readings.read(source.assumptions)
    run = source.run(profile, settings, lambda _: None, _Sink(stream, source))
    try:
        run.go(None)
    except Unmodelled as unmodelled:
        raise UsageError(
            f"{run.place()}: not modelled, and cannot be exported: {unmodelled.what}"
        ) from None
