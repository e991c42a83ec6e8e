"""Where a replay takes its events from: a trace file, or a casemate log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.errors import UsageError
from harness.traces.casemate_import import start_of
from harness.traces.casemate_reader import CasemateReader
from harness.traces.casemate_records import Record
from harness.traces.casemate_run import CasemateRun
from harness.traces.discipline.breach import Breach
from harness.traces.header import Header
from harness.traces.trace_reader import TraceReader
from reference_model.assumptions import Assumptions
from reference_model.coordinates import Coord, Origin
from reference_model.events import Event, Repeat
from reference_model.machine import Machine, Start
from reference_model.profiles import ARCHITECTURE_PROFILES, Profile
from reference_model.violations import Violation

__all__ = [
    "CasemateSource",
    "Found",
    "JsonSource",
    "Progress",
    "Run",
    "Sink",
    "Source",
]


class Sink(Protocol):
    """Takes events; a run that starts over clears it."""

    def append(self, event: Event, /) -> None:
        """Take an event."""

    def clear(self) -> None:
        """Forget the events taken so far."""


Found = Callable[[Violation], None]
Progress = Callable[[int], None]

_STEP = 1 << 15  # events between two words on progress
_HELD = 4096  # violations of one run
_AHEAD = 4096  # records of a log that are looked at before it runs


class Run(ABC):
    """One run of a trace on one machine; ``events`` counts what it took."""

    def __init__(self) -> None:
        self.events = 0

    @property
    @abstractmethod
    def start(self) -> Start:
        """Return where the run starts."""

    @property
    def breaches(self) -> tuple[Breach, ...]:
        """Return the breaches of casemate's discipline so far."""
        return ()

    @abstractmethod
    def go(self, progress: Progress | None, limit: int | None = None) -> None:
        """Run to the end, or to about ``limit`` events; raises Unmodelled."""

    @abstractmethod
    def place(self) -> str:
        """Return "file:line" of where the run is."""

    def placed(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Return the events of the run, with places if the trace has none."""
        return tuple(events)


class Source(ABC):
    """A trace that can be run any number of times."""

    profiles: tuple[str, ...]
    assumptions: tuple[str, ...] = ()
    scenario: str = "trace"
    touched: tuple[tuple[str, int], ...] = ()
    functions: tuple[str, ...] = ()
    claim: str | None = None
    no_stage1 = False

    @abstractmethod
    def run(
        self,
        profile: Profile,
        assumptions: Assumptions,
        found: Found,
        events: Sink | None = None,
    ) -> Run:
        """Return a run from the start; it adds its events to ``events``."""

    def note(self, *, single_pe: bool) -> str:  # noqa: ARG002 - for casemate's logs
        """Return what the PEs stand for, if that is not plain."""
        return ""


@contextmanager
def _opened(files: tuple[Path, ...]) -> Iterator[list[BinaryIO]]:
    with ExitStack() as stack:
        try:
            yield [stack.enter_context(file.open("rb")) for file in files]
        except OSError as error:
            raise UsageError(
                f"cannot read '{error.filename}': {error.strerror}"
            ) from error


# ---------------------------------------------------------------- trace files


class JsonSource(Source):
    """A trace file of the harness, in one or more parts."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files
        with _opened(files[:1]) as streams:
            self.header: Header = TraceReader(streams[0], str(files[0])).header
        self.profiles = self.header.profiles or tuple(ARCHITECTURE_PROFILES)
        self.assumptions = self.header.assumptions
        self.scenario = self.header.scenario or "trace"
        self.touched = self.header.touched
        self.functions = self.header.functions

    def run(
        self,
        profile: Profile,
        assumptions: Assumptions,
        found: Found,
        events: Sink | None = None,
    ) -> Run:
        """Return a run from the start."""
        machine = Machine(profile, self.header.start, assumptions)
        return _JsonRun(self, machine, found, events)


class _JsonRun(Run):
    """A run of a trace file."""

    def __init__(
        self,
        source: JsonSource,
        machine: Machine,
        found: Found,
        events: Sink | None,
    ) -> None:
        super().__init__()
        self._start = source.header.start
        self._files = source.files
        self._machine = machine
        self._found = found
        self._kept = events
        self._reader: TraceReader | None = None
        self._name = ""
        self._places: list[Coord] = []

    @property
    def start(self) -> Start:
        """Return where the run starts."""
        return self._start

    def go(self, progress: Progress | None, limit: int | None = None) -> None:
        """Run to the end or the limit."""
        with _opened(self._files) as streams:
            header = None
            for file, stream in zip(self._files, streams, strict=True):
                self._name = str(file)
                reader = self._reader = TraceReader(stream, self._name, header)
                header = reader.header
                if self._part(reader, progress, limit):
                    return

    def _part(
        self, reader: TraceReader, progress: Progress | None, limit: int | None
    ) -> bool:
        machine = self._machine
        violations, step = machine.violations, machine.step
        for event in reader:
            if self._kept is not None:
                self._kept.append(event)
                self._places.append(Coord(self._name, reader.line))
            self.events += 1
            step(event)
            if violations:
                for violation in violations:
                    self._found(violation)
                violations.clear()
            if progress is not None and not self.events % _STEP:
                progress(self.events)
            if self.events == limit:
                return True
        return False

    def place(self) -> str:
        """Return where the run is."""
        return f"{self._name}:{self._reader.line}" if self._reader else self._name

    def placed(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """Return the events, named by their lines if none has a place."""
        found = tuple(events)
        if any(part.origin for event in found for part in (event, *_body(event))):
            return found
        return tuple(
            replace(event, origin=Origin(place))
            for event, place in zip(found, self._places, strict=False)
        )


def _body(event: Event) -> tuple[Event, ...]:
    return event.body if isinstance(event, Repeat) else ()


# -------------------------------------------------------------- casemate logs


class _MoreThreads(Exception):  # noqa: N818 - starts the run once more
    """A log has a thread that its machine has no PE for."""


class CasemateSource(Source):
    """A log in casemate's format, in one or more parts.

    It runs on profiles without errata: what the workarounds rest on is not in
    the log.  No allocator is known that flushes TLBs.
    """

    profiles = ("P0-v8.0", "P2-v8.4", "P3-bbml2")
    assumptions = ("alloc-flushes-tlb=off",)
    no_stage1 = True

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files
        with _opened(files) as streams:
            ahead = [
                record.tid
                for record, _ in zip(self.records(streams), range(_AHEAD), strict=False)
            ]
        self.threads = 1 + max(ahead, default=0)
        self.readers: list[CasemateReader] = []

    def start(self, *, single_pe: bool) -> Start:
        """Return where a run starts, as far as the threads are known."""
        return start_of(self.threads, beside=not single_pe)

    def records(self, streams: Iterable[BinaryIO]) -> Iterator[Record]:
        """Yield the records of all parts."""
        self.readers = []
        for file, stream in zip(self.files, streams, strict=True):
            self.readers.append(CasemateReader(stream, str(file)))
            yield from self.readers[-1]
            self.claim = self.readers[-1].claim

    def run(
        self,
        profile: Profile,
        assumptions: Assumptions,
        found: Found,
        events: Sink | None = None,
    ) -> Run:
        """Return a run from the start."""
        return _CasemateRun(self, profile, assumptions, found, events)

    def note(self, *, single_pe: bool) -> str:
        """Return what the PEs stand for."""
        if single_pe:
            return "guests run where their VTTBR_EL2 is loaded only"
        first, last = self.threads, 2 * self.threads - 1
        names = f"pCPU{first}" if first == last else f"pCPU{first} to pCPU{last}"
        others = "another CPU that runs" if first == last else "other CPUs that run"
        each = "thread 0 has" if first == last else "each thread has"
        return f"{names}: {others} the guest that {each} loaded"


class _CasemateRun(Run):
    """A run of a log."""

    def __init__(
        self,
        source: CasemateSource,
        profile: Profile,
        assumptions: Assumptions,
        found: Found,
        events: Sink | None,
    ) -> None:
        super().__init__()
        self._source = source
        self._profile = profile
        self._assumptions = assumptions
        self._found = found
        self._kept = events
        self._run: CasemateRun | None = None

    @property
    def start(self) -> Start:
        """Return where the run starts; the number of threads is known then."""
        return self._source.start(single_pe=self._assumptions.single_pe)

    @property
    def breaches(self) -> tuple[Breach, ...]:
        """Return the breaches so far."""
        return tuple(self._run.breaches) if self._run else ()

    def go(self, progress: Progress | None, limit: int | None = None) -> None:
        """Run to the end or the limit."""
        while True:
            try:
                self._once(progress, limit)
            except _MoreThreads:
                if self._kept is not None:
                    self._kept.clear()
                continue
            return

    def _once(self, progress: Progress | None, limit: int | None) -> None:
        held: list[Violation] = []

        def hold(violation: Violation) -> None:
            if len(held) < _HELD:
                held.append(violation)

        threads = self._source.threads
        run = self._run = CasemateRun(
            self._profile,
            self._assumptions,
            threads,
            hold,
            self._kept.append if self._kept is not None else None,
        )
        self.events = 0
        take = run.take
        with _opened(self._source.files) as streams:
            for record in self._source.records(streams):
                if record.tid >= threads:
                    self._source.threads = record.tid + 1
                    raise _MoreThreads
                self.events += 1
                take(record)
                if progress is not None and not self.events % _STEP:
                    progress(self.events)
                if limit is not None and run.machine.index >= limit:
                    break
            else:
                run.finish()
        for violation in held:
            self._found(violation)

    def place(self) -> str:
        """Return where the run is."""
        reader = self._source.readers[-1] if self._source.readers else None
        return f"{self._source.files[-1]}:{reader.line}" if reader else ""
