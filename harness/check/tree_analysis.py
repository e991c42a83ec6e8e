"""Analyse one tree: run its scenarios, replay them on every profile."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.check import store
from harness.check.absent import absent
from harness.check.alike import shared, trace_of, traits_of
from harness.check.alternatives import hidden_by_alternative, plain_profile
from harness.check.causes.timeline import Replay
from harness.check.coverage.coverage import Coverage, coverage_of
from harness.check.coverage.effects import Lines
from harness.check.coverage.macros import Macro
from harness.check.dependence import resting
from harness.check.diagnosis import Diagnosis, Diagnostician, PatchedSource
from harness.check.failures import failure_diagnoses
from harness.check.performance.needs import Needs, needs_of
from harness.check.performance.savings import Saving, Savings, renamed
from harness.check.performance.spared import NESTED
from harness.check.performance.trial import Subject, warned
from harness.check.replays.starting import start_of
from harness.cost.counts import Counts, count
from harness.errors import TreeError, Unsupported, UsageError
from harness.series import View
from harness.targets import TARGET, TARGETS, Code, LoadedTarget, Run, Scenario, Seam
from harness.targets.scenarios import SCENARIOS
from harness.targets.workarounds import Workarounds
from reference_model.assumptions import Assumptions
from reference_model.cores import PROFILES
from reference_model.events import Event
from reference_model.profiles import REPEAT_TLBI, Profile
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

__all__ = ["BLOCKS", "Progress", "Reached", "TreeAnalysis", "TreeJob", "analyse"]

BLOCKS = 8  # parts of the scenarios, each analysed as if there were no other

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TreeJob:
    """One tree to analyse: the base, or with the last patch to look at.

    ``code`` is what it comes to, under the ``config`` that the user names,
    ``affected`` the lines that the patch changes without touching them and
    ``macros`` those that it defines.
    """

    view: View
    code: Code
    profiles: tuple[str, ...]
    scenarios: tuple[str, ...] | None  # names or families; None = all
    blocks: tuple[int, ...] = tuple(range(BLOCKS))
    assumptions: Assumptions = field(default_factory=Assumptions)
    config: Path | None = None
    target: str = TARGET.name
    affected: Lines = field(default_factory=dict)
    macros: tuple[Macro, ...] = ()
    savings: bool = True  # find out what could be spared

    @property
    def key(self) -> str:
        """Name everything that the analysis of all blocks depends on."""
        return store.key_of(
            self.target,
            self.code.digest,
            [(name, sorted(lines)) for name, lines in self.touched()],
            self.seams(),
            sorted((name, sorted(lines)) for name, lines in self.affected.items()),
            self.macros,
            [(p.name, sorted(p.unhandled)) for p in self.seen_profiles()],
            self.assumptions,
            self.scenarios,
            self.savings,
        )

    def touched(self) -> list[tuple[str, frozenset[int]]]:
        """Return the lines that the patch touches in files that are read."""
        lines = self.view.lines.items()
        return sorted((name, each) for name, each in lines if name in self.code.files)

    def seams(self) -> tuple[Seam, ...]:
        """Return where the patch deletes code of files that are read."""
        found = (Seam(*each) for each in self.view.deletions())
        return tuple(sorted(s for s in found if s.file in self.code.files))

    def watched(self, file: str, line: int) -> bool:
        """Tell whether a line has to run: it is touched, or comes to other text."""
        if self.view.touched(file, line):
            return True
        return line in self.affected.get(self.view.name(file), ())

    def seen_profiles(self) -> list[Profile]:
        """Return the profiles with the errata that the tree knows of."""
        workarounds = Workarounds(self.view.root)
        return [workarounds.on(PROFILES[name]) for name in self.profiles]


@dataclass(frozen=True, slots=True)
class Reached:
    """Something not modelled that a run reached."""

    what: str
    file: str
    line: int
    scenario: str
    profile: str


@dataclass(slots=True)
class TreeAnalysis:
    """What one tree does: diagnoses and everything that limits them."""

    diagnoses: list[Diagnosis] = field(default_factory=list)
    reached: list[Reached] = field(default_factory=list)
    costs: dict[tuple[str, str], Counts] = field(default_factory=dict)
    scenarios: tuple[str, ...] = ()
    complete: set[str] = field(default_factory=set)  # ran to their ends
    executions: int = 0
    events: int = 0
    exhausted: bool = True
    coverage: Coverage = field(default_factory=Coverage)
    savings: list[Saving] = field(default_factory=list)
    needs: Needs = field(default_factory=list)
    # (erratum, core): it has the erratum, and the tree does not know.
    unhandled: tuple[tuple[str, str], ...] = ()


def analyse(job: TreeJob, progress: Progress | None = None) -> dict[int, TreeAnalysis]:
    """Analyse blocks of a tree; those after one that reached a bound are left out.

    Raises HarnessError where the tree cannot be read or parsed.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as work:
        target = TARGETS[job.target].load(
            job.view, Path(work), job.config, watched=job.watched, seams=job.seams()
        )
        if target.unit.digest != job.code.digest:
            raise TreeError("the tree was changed while it was read: try again")
        return _TreeRun(job, target, progress).analyses()


class _TreeRun:
    """The analysis of one loaded tree."""

    def __init__(
        self,
        job: TreeJob,
        target: LoadedTarget,
        progress: Progress | None,
    ) -> None:
        self._job = job
        self._profiles = job.seen_profiles()
        self._target = target
        self._progress = progress
        self._source = PatchedSource(target.touched, target.touched_functions())
        self._start()

    def _start(self) -> None:
        """Forget everything that was found."""
        self._result = TreeAnalysis()
        self._diagnoses: list[Diagnosis] = []
        self._diagnostician = Diagnostician(self._source)
        self._savings = Savings(self._source.touched, self._source.functions)

    def analyses(self) -> dict[int, TreeAnalysis]:
        """Run everything, block by block."""
        every = chosen(self._target.scenarios(), self._job.scenarios)
        blocks = _blocks(every)
        total = sum(len(blocks[number]) for number in self._job.blocks)
        done: dict[int, TreeAnalysis] = {}
        ran = 0
        for number in self._job.blocks:
            self._start()
            self._result.scenarios = tuple(s.name for s in every)
            for scenario in blocks[number]:
                ran += 1
                if self._progress is not None:
                    self._progress(f"{ran}/{total} {scenario.name}")
                if self._result.exhausted:  # one loop that does not end is enough
                    self._result.complete.add(scenario.name)
                    self._scenario(scenario)
            done[number] = self._finished()
            if not self._result.exhausted:
                break
        return done

    def _finished(self) -> TreeAnalysis:
        self._result.diagnoses = self._diagnoses
        self._result.unhandled = tuple(
            dict.fromkeys(
                (e, p.core) for p in self._profiles for e in sorted(p.unhandled)
            )
        )
        touched = [name for name, _ in self._job.touched()]
        root = self._job.view.root
        # What ran in blocks before this one counts as well: it ran.
        self._result.coverage = coverage_of(
            self._target, touched, root, self._job.macros
        )
        return self._result

    def _scenario(self, scenario: Scenario) -> None:
        runs: list[Run] = []
        self._saved: dict[tuple[object, ...], list[Saving]] = {}
        distinct: dict[object, Run] = {}
        same: dict[int, Run] = {}
        pairs: list[tuple[Profile, Run]] = []
        counts: dict[int, Counts] = {}
        for profile in self._profiles:
            run = self._run(scenario, profile, runs)
            if id(run) not in same:
                same[id(run)] = distinct.setdefault(trace_of(run), run)
            if profile.core:
                run = same[id(run)]
            pairs.append((profile, run))
            if not run.complete:
                self._result.complete.discard(scenario.name)
            if id(run) not in counts:
                counts[id(run)] = count(run.events)
            self._result.costs[scenario.name, profile.name] = counts[id(run)]
            self._result.events += len(run.events)
            if run.bound is not None:
                self._result.exhausted = False
                break
        found: dict[int, list[Diagnosis]] = {}
        for number, first in enumerate(shared(pairs, self._outcome)):
            profile, run = pairs[number]
            if first not in found:
                here = self._diagnosed(scenario, profile, run, runs)
                hidden = self._hidden(scenario, profile, run, runs, here)
                found[first] = here + hidden
            # Profiles that the trace cannot tell apart share the outcome.
            self._diagnoses.extend(_renamed(found[first], profile.name))
            if self._job.savings:
                self._save(scenario, profile, run, found[first], runs)

    def _save(
        self,
        scenario: Scenario,
        profile: Profile,
        run: Run,
        diagnoses: list[Diagnosis],
        runs: list[Run],
    ) -> None:
        """Try what a run could do without; the same trace on the same CPU once."""
        key = (id(run), profile.name == NESTED, *traits_of(run).behaviour(profile))
        if key not in self._saved:
            plain = None
            if REPEAT_TLBI in profile.errata:
                without = replace(profile, errata=frozenset[str]())
                plain = self._run(scenario, without, runs).events
            subject = Subject(
                self._replay(profile, run),
                run.events,
                warned(diagnoses),
                run.complete and not run.functional,
                plain,
            )
            self._saved[key] = self._savings.of(subject, scenario.name)
            self._result.needs += needs_of(subject, scenario.name)
        self._result.savings += renamed(self._saved[key], profile.name)

    def _run(self, scenario: Scenario, profile: Profile, runs: list[Run]) -> Run:
        for run in runs:
            if self._target.same_path(run, profile):
                return run
        run = self._target.run(scenario, profile)
        self._result.executions += 1
        runs.append(run)
        return run

    def _diagnosed(
        self, scenario: Scenario, profile: Profile, run: Run, runs: list[Run]
    ) -> list[Diagnosis]:
        found = failure_diagnoses(run, profile.name, self._source)
        if run.unsupported is not None:
            self._unsupported(run.unsupported, scenario, profile)
        violations, replay = self._violations(scenario, profile, run)

        def counterpart() -> tuple[Event, ...] | None:
            if not profile.ntlbpa:
                return None
            return self._run(scenario, profile.without_ntlbpa(), runs).events

        diagnoses = self._diagnostician.diagnose(
            replay, run.events, scenario.name, violations, counterpart
        )
        return found + resting(diagnoses, replay, run.events)

    def _hidden(
        self,
        scenario: Scenario,
        profile: Profile,
        run: Run,
        runs: list[Run],
        here: list[Diagnosis],
    ) -> list[Diagnosis]:
        """Diagnose what only a workaround for an erratum mends."""
        plain = plain_profile(profile, self._profiles)
        if plain is None:
            return []
        other = self._run(scenario, plain, runs)
        if other is run:
            return []
        violations, replay = self._violations(scenario, plain, other)
        diagnoses = self._diagnostician.diagnose(
            replay, other.events, scenario.name, violations, lambda: None
        )
        return hidden_by_alternative(here, diagnoses)

    def _outcome(self, profile: Profile, run: Run) -> frozenset[object]:
        """Return what tells the outcome of a run from another one's."""
        machine = self._replay(profile, run).machine()
        limits = []
        try:
            machine.run(run.events)
        except Unmodelled as unmodelled:
            limits.append((unmodelled.what, machine.index))
        return frozenset([*(v.key for v in machine.violations), *limits])

    def _replay(self, profile: Profile, run: Run) -> Replay:
        return Replay(start_of(run), profile, self._job.assumptions)

    def _violations(
        self, scenario: Scenario, profile: Profile, run: Run
    ) -> tuple[list[Violation], Replay]:
        replay = self._replay(profile, run)
        machine = replay.machine()
        try:
            machine.run(run.events)
        except Unmodelled as unmodelled:
            origin = run.events[machine.index].origin
            coord = origin.coord if origin else None
            self._unsupported(Unsupported(coord, unmodelled.what), scenario, profile)
        for missing in absent(run.events, profile):
            self._unsupported(missing, scenario, profile)
        return _distinct(machine.violations), replay

    def _unsupported(
        self, unsupported: Unsupported, scenario: Scenario, profile: Profile
    ) -> None:
        coord = unsupported.coord
        self._result.reached.append(
            Reached(
                unsupported.what,
                coord.file if coord else "",
                coord.line if coord else 0,
                scenario.name,
                profile.name,
            )
        )


def _distinct(violations: list[Violation]) -> list[Violation]:
    return list(
        {violation.key: violation for violation in reversed(violations)}.values()
    )[::-1]


def _renamed(diagnoses: list[Diagnosis], profile: str) -> list[Diagnosis]:
    return [
        d if d.profile == profile else replace(d, profile=profile) for d in diagnoses
    ]


def _blocks(scenarios: list[Scenario]) -> list[list[Scenario]]:
    """Deal the scenarios out, those of one family together."""
    families = dict.fromkeys(s.name.split("/")[0] for s in scenarios)
    block = {family: number % BLOCKS for number, family in enumerate(families)}
    blocks: list[list[Scenario]] = [[] for _ in range(BLOCKS)]
    for scenario in scenarios:
        blocks[block[scenario.name.split("/")[0]]].append(scenario)
    return blocks


def chosen(
    scenarios: tuple[Scenario, ...], names: tuple[str, ...] | None
) -> list[Scenario]:
    """Return the scenarios named, by full name or by the part before a slash.

    One that only another version can run is left out.
    """
    if names is None:
        return list(scenarios)
    every = (*scenarios, *SCENARIOS)
    known = {s.name for s in every} | {s.name.split("/")[0] for s in every}
    for name in names:
        if name not in known:
            raise UsageError(f"no scenario '{name}': 'harness scenarios' lists them")
    return [s for s in scenarios if s.name in names or s.name.split("/")[0] in names]
