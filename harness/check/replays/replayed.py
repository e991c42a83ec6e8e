"""Replays: a saved trace on the reference machine, and what comes of it.

A trace is run as it is read, so that its length costs no memory.  What goes
wrong near its beginning is explained by repair, which needs the events up to
there once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from harness import assumptions as readings
from harness.check.causes.reasons import unrepaired
from harness.check.causes.timeline import Replay
from harness.check.diagnosis import Diagnosis, Diagnostician, PatchedSource
from harness.check.finding import Finding, Location, Severity, Status
from harness.check.merging import findings_of
from harness.check.replays.replay_sources import CasemateSource, JsonSource, Run, Source
from harness.check.replays.token_source import TokenSource
from harness.check.result import Verdict
from harness.check.rules import RULES
from harness.errors import UsageError
from harness.traces.discipline.breach import Breach
from reference_model.cores import PROFILES
from reference_model.events import Event
from reference_model.profiles import AT_SPECULATE, Profile
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

__all__ = ["EXPLAINED", "FORMATS", "ReplayRequest", "Replayed", "replay"]

FORMATS = ("jsonl", "casemate")
EXPLAINED = 20_000  # events from the start within which causes are looked for
_KEPT = 64  # violations of one run


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What the user asked for; ``profiles`` empty: what the trace says.

    ``files`` are the parts of one trace, ``token`` is given instead of them.
    ``assume`` are settings, each "name=value", on top of those of the trace.
    """

    files: tuple[Path, ...]
    format: str = "jsonl"
    profiles: tuple[str, ...] = ()
    assume: tuple[str, ...] = ()
    progress: Callable[[str], None] | None = None
    token: str = ""

    @property
    def name(self) -> str:
        """Return what to call the trace."""
        return ", ".join(str(file) for file in self.files) or "the replay token"


@dataclass(frozen=True, slots=True)
class Stopped:
    """Something not modelled at which a replay ended."""

    what: str
    place: str
    profile: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    ``claim`` is the error that a casemate log says it shows, None if none;
    ``note`` explains what the PEs stand for.
    """

    name: str
    profiles: tuple[str, ...]
    assumptions: tuple[str, ...]
    events: int
    findings: tuple[Finding, ...]
    breaches: tuple[Breach, ...]
    stopped: tuple[Stopped, ...]
    claim: str | None = None
    note: str = ""
    patched: bool = False  # the trace says what a patch touched

    @property
    def verdict(self) -> Verdict:
        """Return the verdict; something unmodelled never counts as clean."""
        if self.breaches or any(f.severity is Severity.ERROR for f in self.findings):
            return Verdict.UNSAFE
        return Verdict.INCONCLUSIVE if self.stopped else Verdict.CLEAN


def replay(request: ReplayRequest) -> Replayed:
    """Replay a trace on each profile; raises HarnessError."""
    source = _opened(request)
    if isinstance(source, TokenSource) and not (request.profiles or request.assume):
        return _shown_again(source, request)
    names = request.profiles or source.profiles
    for name in names:
        if name not in PROFILES:
            raise UsageError(f"no profile '{name}': 'harness profiles' lists them")
    settings = _settings(source.assumptions, request.assume)
    return _Replaying(request, source, names, settings).result()


def _opened(request: ReplayRequest) -> Source:
    if request.token:
        return TokenSource(request.token)
    sources = {"jsonl": JsonSource, "casemate": CasemateSource}
    if request.format not in sources:
        raise UsageError(f"no format '{request.format}': {', '.join(sources)}")
    return sources[request.format](request.files)


def _shown_again(source: TokenSource, request: ReplayRequest) -> Replayed:
    """Return the one finding of a token."""
    return Replayed(
        request.name,
        source.profiles,
        source.assumptions,
        len(source.events),
        (source.finding(),),
        (),
        (),
        patched=bool(source.touched or source.functions),
    )


def _settings(given: tuple[str, ...], changes: tuple[str, ...]) -> tuple[str, ...]:
    changed = {setting.partition("=")[0] for setting in changes}
    kept = (setting for setting in given if setting.partition("=")[0] not in changed)
    return (*kept, *changes)


class _Replaying:
    """One trace, on all profiles that were asked for."""

    def __init__(
        self,
        request: ReplayRequest,
        source: Source,
        profiles: tuple[str, ...],
        settings: tuple[str, ...],
    ) -> None:
        self._request = request
        self._source = source
        self._profiles = profiles
        self._settings = settings
        self._assumptions = readings.read(settings)
        touched = frozenset(source.touched)
        self._diagnostician = Diagnostician(
            PatchedSource(
                lambda file, line: (file, line) in touched, frozenset(source.functions)
            )
        )
        self._stopped: list[Stopped] = []
        self._diagnoses: list[Diagnosis] = []
        self._untold: list[Finding] = []

    def result(self) -> Replayed:
        """Replay on every profile."""
        breaches: dict[Breach, None] = {}
        events = 0
        for name in self._profiles:
            run = self._run(PROFILES[name])
            breaches.update(dict.fromkeys(run.breaches))
            events = max(events, run.events)
        scenario = self._source.scenario
        found = findings_of(self._diagnoses, self._profiles, (scenario,))
        return Replayed(
            self._request.name,
            self._profiles,
            self._settings,
            events,
            (*found, *_merged(self._untold)),
            tuple(breaches),
            tuple(self._stopped),
            self._source.claim,
            self._source.note(single_pe=self._assumptions.single_pe),
            bool(self._source.touched or self._source.functions),
        )

    # ------------------------------------------------------------- one profile

    def _run(self, profile: Profile) -> Run:
        found: dict[object, Violation] = {}

        def keep(violation: Violation) -> None:
            if len(found) < _KEPT:
                found.setdefault(violation.key, violation)

        run = self._source.run(profile, self._assumptions, keep)
        if AT_SPECULATE in profile.errata and self._source.no_stage1:
            what = "AT_SPECULATE: the log has no registers of EL1"
            self._stopped.append(Stopped(what, "", profile.name))
            return run
        try:
            self._go(run, profile)
        except Unmodelled as unmodelled:
            stopped = Stopped(unmodelled.what, run.place(), profile.name)
            self._stopped.append(stopped)
        self._tell(profile, list(found.values()))
        return run

    def _go(self, run: Run, profile: Profile) -> None:
        progress = self._request.progress
        if progress is None:
            run.go(None)
            return
        tell = progress
        run.go(lambda count: tell(f"{profile.name}: {count} events"))

    def _tell(self, profile: Profile, violations: list[Violation]) -> None:
        near = [v for v in violations if v.index < EXPLAINED]
        if near:
            self._explain(profile, near)
        known = {v.key[:1] + v.key[2:] for v in near}
        for violation in violations:
            key = violation.key[:1] + violation.key[2:]
            if violation.index >= EXPLAINED and key not in known:
                known.add(key)
                self._untold.append(self._unexplained(violation, profile))

    def _explain(self, profile: Profile, violations: list[Violation]) -> None:
        last = max(violation.index for violation in violations)
        events: list[Event] = []
        found: list[Violation] = []
        run = self._source.run(profile, self._assumptions, found.append, events)
        run.go(None, last + 1)
        wanted = {violation.key for violation in violations}
        replayed = Replay(run.start, profile, self._assumptions)
        self._diagnoses += self._diagnostician.diagnose(
            replayed,
            run.placed(events[: last + 1]),
            self._source.scenario,
            list({v.key: v for v in reversed(found) if v.key in wanted}.values())[::-1],
            lambda: None,
        )

    def _unexplained(self, violation: Violation, profile: Profile) -> Finding:
        rule = unrepaired(violation)
        kind, broken = violation.kind.value, violation.broken.value
        return Finding(
            rule=rule,
            severity=RULES[rule].severity,
            status=Status.NEW,
            message=(
                f"pCPU{violation.pe} may hold {kind} entries against {broken} at event "
                f"{violation.index}; that is too far into the trace to name the cause"
            ),
            profiles=(profile.name,),
            scenario=self._source.scenario,
            scenarios=(self._source.scenario,),
            location=Location("", 0, "", False),
            witness=None,
            tlb_diff=(),
            trace=(),
            repair=None,
            arm_rules=RULES[rule].arm_rules,
            fingerprint="",
        )


def _merged(findings: list[Finding]) -> list[Finding]:
    """Join findings that differ in their profiles only."""
    merged: dict[str, Finding] = {}
    for finding in findings:
        before = merged.get(finding.message)
        profiles = (*before.profiles, *finding.profiles) if before else finding.profiles
        merged[finding.message] = replace(finding, profiles=profiles)
    return list(merged.values())
