"""Saving the traces of findings as files that ``harness replay`` runs.

An analysis does not keep its traces: the scenario of each finding is run once
more.  A finding may show in several scenarios and on several profiles; the
first one whose file, replayed, gives the same finding is taken.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from harness.assumptions import changed
from harness.check.finding import Finding, Status
from harness.check.intake import opened, stepped
from harness.check.replays.exported import written
from harness.check.replays.replayed import ReplayRequest, replay
from harness.check.replays.starting import start_of
from harness.check.request import CheckRequest
from harness.check.result import Result
from harness.errors import UsageError
from harness.series import View
from harness.targets import (
    TARGETS,
    LoadedTarget,
    Run,
    Scenario,
    XenArm64,
    target_of,
)
from harness.traces.header import Header
from harness.traces.trace_writer import trace_lines
from reference_model.coordinates import Coord
from reference_model.cores import PROFILES
from reference_model.events import Event, Repeat

__all__ = ["save_traces"]

_TRIED = 8  # scenario and profile pairs for one finding


def save_traces(
    request: CheckRequest, result: Result, directory: Path, model: str
) -> Result:
    """Write the trace of each new finding; the result says how to replay it.

    ``model`` names the model that the findings rest on.
    """
    wanted = [f for f in result.findings if f.status is Status.NEW and f.fingerprint]
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make '{directory}': {error.strerror}") from error
    if not wanted:
        return result
    replays: dict[tuple[int, str], str] = {}
    audit = result.command == "audit"
    with opened(request, audit=audit) as intake, stepped(intake) as steps:
        views = {step.number: step.after for step in steps}
        if audit:
            views[0] = View.of(intake.base.tree)
        for number, view in views.items():
            chosen = [f for f in wanted if f.patch == number]
            if not chosen:
                continue
            for target in TARGETS.values():
                mine = [f for f in chosen if _target_of(f) is target]
                if not mine:
                    continue
                with tempfile.TemporaryDirectory(prefix="harness-") as work:
                    loaded = target.load(view, Path(work), request.config)
                    saving = _Saving(
                        loaded, request, _folder(directory, number, result), model
                    )
                    replays |= {(number, f.fingerprint): saving.save(f) for f in mine}
    findings = (
        replace(f, trace_file=replays.get((f.patch, f.fingerprint), ""))
        for f in result.findings
    )
    return replace(result, findings=tuple(findings))


def _folder(directory: Path, number: int, result: Result) -> Path:
    """Return the directory itself, or in it one for each patch of a series."""
    if len(result.patches) < 2:
        return directory
    folder = directory / f"{number:04}"
    folder.mkdir(exist_ok=True)
    return folder


def _target_of(finding: Finding) -> XenArm64 | None:
    """Return the target that a finding was first seen on; None if nothing ran."""
    if finding.rule == "c-does-not-build":
        return None
    return target_of(PROFILES[finding.profiles[0]])


class _Saving:
    """Runs scenarios of one loaded tree again."""

    def __init__(
        self, target: LoadedTarget, request: CheckRequest, directory: Path, model: str
    ) -> None:
        self._target = target
        self._request = request
        self._directory = directory
        self._model = model
        self._scenarios = {s.name: s for s in target.scenarios()}
        self._runs: dict[tuple[str, str], Run] = {}

    def save(self, finding: Finding) -> str:
        """Write the trace of a finding; returns the file if that shows it again."""
        path = self._directory / f"{finding.fingerprint}.jsonl"
        for scenario, profile in islice(self._places(finding), _TRIED):
            self._write(path, finding, scenario, profile)
            if self._shown(path, finding):
                return str(path)
        # Not a finding of the machine: about the C, or the tree as a whole.
        scenario, profile = next(self._places(finding))
        self._write(path, finding, scenario, profile)
        return ""

    def _places(self, finding: Finding) -> Iterator[tuple[Scenario, str]]:
        others = [name for name in finding.scenarios if name != finding.scenario]
        for name in (finding.scenario, *others):
            for profile in self._profiles(finding):
                if name in self._scenarios:
                    yield self._scenarios[name], profile

    def _profiles(self, finding: Finding) -> list[str]:
        """Return the profiles of this architecture."""
        aarch32 = self._target.platform.aarch32
        return [n for n in finding.profiles if PROFILES[n].aarch32 is aarch32]

    def _shown(self, path: Path, finding: Finding) -> bool:
        replayed = replay(ReplayRequest((path,)))
        return any(f.fingerprint == finding.fingerprint for f in replayed.findings)

    def _run(self, scenario: Scenario, profile: str) -> Run:
        key = (scenario.name, profile)
        if key not in self._runs:
            self._runs[key] = self._target.run(scenario, PROFILES[profile])
        return self._runs[key]

    def _write(
        self, path: Path, finding: Finding, scenario: Scenario, profile: str
    ) -> None:
        run = self._run(scenario, profile)
        coords, functions = _sources(run.events)
        touched = self._target.touched
        header = Header(
            start_of(run),
            self._model,
            tuple(
                name
                for name in self._profiles(finding)
                if name == profile or self._target.same_path(run, PROFILES[name])
            ),
            changed(self._request.assumptions),
            scenario.name,
            tuple(c for c in sorted(coords) if touched(*c)),
            tuple(sorted(self._target.touched_functions() & functions)),
            finding.rule,
            finding.fingerprint,
        )
        lines = trace_lines(header, run.events)
        written(path, lambda stream: stream.writelines(lines))


def _sources(events: tuple[Event, ...]) -> tuple[set[tuple[str, int]], set[str]]:
    """Return the lines and the functions that events come from."""
    coords: set[Coord] = set()
    functions: set[str] = set()
    for event in events:
        for part in (event, *(event.body if isinstance(event, Repeat) else ())):
            if part.origin is None:
                continue
            coords.add(part.origin.coord)
            functions.add(part.origin.function)
            for frame in part.origin.stack:
                coords.add(frame.call)
                functions.add(frame.function)
    return {(coord.file, coord.line) for coord in coords}, functions
