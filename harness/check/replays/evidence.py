"""Evidence: the trace that a diagnosis was made from, enough to make it again."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from harness import assumptions as readings
from harness.check.causes.timeline import Replay
from harness.traces.event_lines import Malformed
from harness.traces.header import Header
from harness.traces.packing import pack, unpack
from reference_model.coordinates import Origin
from reference_model.cores import PROFILES
from reference_model.events import Event, Repeat

__all__ = ["Evidence", "Line", "chain", "kept_evidence", "places"]

Line = tuple[str, int]


_LIMIT = 1 << 22  # bytes of one that is kept; a token holds far less


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

    @classmethod
    def of(cls, header: Header, events: tuple[Event, ...]) -> Evidence:
        """Return the evidence that a trace is."""
        settings = readings.read(header.assumptions)
        return cls(
            Replay(header.start, PROFILES[header.profiles[0]], settings),
            events,
            header.scenario,
            frozenset(header.touched),
            frozenset(header.functions),
        )

    def header(self, rule: str = "") -> Header:
        """Return the header of the trace, for a finding of a rule."""
        return Header(
            self.replay.start,
            "",
            (self.replay.profile.name,),
            readings.changed(self.replay.assumptions),
            self.scenario,
            tuple(sorted(self.lines)),
            tuple(sorted(self.functions)),
            rule,
        )

    def kept(self) -> bytes:
        """Return it as bytes, empty where they cannot hold it."""
        try:
            packed = pack(self.header(), self.events)
        except ValueError:  # IOMMUs, or names that are no text
            return b""
        return zlib.compress(packed) if len(packed) <= _LIMIT else b""


def kept_evidence(data: bytes) -> Evidence:
    """Return the evidence that was kept; raises Malformed for anything else."""
    try:
        inflate = zlib.decompressobj()
        packed = inflate.decompress(data, _LIMIT)
    except zlib.error:
        raise Malformed("it cannot be unpacked") from None
    header, events = unpack(packed, _LIMIT)
    if len(header.profiles) != 1 or header.profiles[0] not in PROFILES:
        raise Malformed("it names no CPU profile")
    return Evidence.of(header, events)


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
