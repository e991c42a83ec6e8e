"""The target "xen-arm64-p2m": Xen's stage-2 tables for arm64 guests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from harness.errors import BoundError, Unsupported
from harness.execution.fault import Fault
from harness.execution.program import Program
from harness.execution.recorder import Query, Recorder
from harness.frontend.build import Build, build_of
from harness.frontend.compiled_lines import Rows, compiled_rows
from harness.frontend.preprocess import PROBE_PREFIX, preprocess
from harness.frontend.unit import digest_of, load_unit
from harness.ir.nodes import Unit
from harness.targets.answers import Answers
from harness.targets.construction import build, model_names
from harness.targets.context_switch import stage1_comes_first
from harness.targets.coverage import Executed, Touched, Way, functions_with
from harness.targets.features import (
    ERRATA,
    ProfileFeatures,
    ProfileInputs,
    cpuinfo_places,
)
from harness.targets.names import locate
from harness.targets.operations import prepare_mappings
from harness.targets.physical import PES
from harness.targets.physmap import ADD_ENTRY, REMOVE_PAGE
from harness.targets.platform import ARM64_PLATFORM, Platform
from harness.targets.reachable import unmodelled
from harness.targets.run import Run
from harness.targets.scenarios import SCENARIOS, Scenario
from harness.targets.seams import Seam, Watch, with_anchors
from harness.targets.versions import (
    ENTRY_POINTS,
    SET_ENTRY,
    WRITE_LOCK,
    WRITE_UNLOCK,
    version_of,
)
from harness.targets.world import Checkpoint, World, register_file
from reference_model.coordinates import Coord
from reference_model.events import Event

__all__ = ["Code", "LoadedTarget", "TreeView", "XenArm64"]

NAME = "xen-arm64-p2m"


class TreeView(Protocol):
    """A source tree, perhaps with a patch applied."""

    @property
    def root(self) -> Path:
        """Return the top directory."""

    @property
    def roots(self) -> tuple[Path, ...]:
        """Return the directories that files may really lie in."""

    def touched(self, file: str, line: int) -> bool:
        """Tell whether the patch touched this line."""


_Key = tuple[tuple[tuple[str, int], ...], frozenset[str]]


class _Log(NamedTuple):
    """Events and questions of one part of a run."""

    events: tuple[Event, ...]
    queries: tuple[Query, ...]

    def then(self, other: _Log) -> _Log:
        return _Log(self.events + other.events, self.queries + other.queries)


def _stopped(run: Run, problem: Fault | BoundError | Unsupported) -> Run:
    match problem:
        case Fault():
            return replace(run, fault=problem)
        case BoundError():
            return replace(run, bound=problem)
        case _:
            return replace(run, unsupported=problem)


@dataclass(frozen=True, slots=True)
class XenArm64:
    """Knows which files hold the code and how to run it."""

    name: str = NAME
    summary: str = "stage-2 tables and their TLB maintenance in Xen for arm64"
    platform: Platform = ARM64_PLATFORM
    # Fault status 0x30 is none that Xen's guest abort handlers know.
    conflict_aborts_handled: bool = False

    def files(self, view: TreeView) -> tuple[str, ...]:
        """Return the source files that are run, relative to the tree's top."""
        return version_of(view.root).sources

    def code(self, view: TreeView, generated: Path, config: Path | None = None) -> Code:
        """Preprocess the code of a tree, as ``load`` does, and no more."""
        files = self.files(view)
        build = self._build(view, files[0], config)
        result = preprocess(
            view.root,
            files,
            generated=generated,
            roots=view.roots,
            probes=tuple(ERRATA.values()),
            build=build,
            architecture=self.platform.architecture,
        )
        read = frozenset((*result.files, *result.inputs))
        rows = compiled_rows(result.text)
        return Code(digest_of(result.text), read, build.name, rows)

    def load(
        self,
        view: TreeView,
        generated: Path,
        config: Path | None = None,
        *,
        watched: Touched | None = None,
        seams: Sequence[Seam] = (),
    ) -> LoadedTarget:
        """Parse the code of a tree; ``generated`` is a directory to work in.

        ``config`` is a ``.config`` to use, or the directory of a build outside
        the tree; without it, that of the tree if it was built.  ``watched``
        tells the lines that have to run, without it those that are touched;
        ``seams`` are where code was deleted.
        """
        files = self.files(view)
        build = self._build(view, files[0], config)
        unit = load_unit(
            view.root,
            files,
            work_dir=generated,
            roots=view.roots,
            probes=tuple(ERRATA.values()),
            build=build,
            architecture=self.platform.architecture,
        )
        watch = with_anchors(unit, view.root, seams, watched or view.touched)
        return LoadedTarget(
            unit,
            unit.files,
            view.touched,
            build.name,
            stage1_first=stage1_comes_first(view.root),
            platform=self.platform,
            watch=watch,
        )

    def _build(self, view: TreeView, file: str, config: Path | None) -> Build:
        """Find out how the tree is built; a build for another architecture is none."""
        return build_of(
            view.root,
            file,
            roots=view.roots,
            config=config,
            architecture=self.platform.architecture,
        )


@dataclass(frozen=True, slots=True)
class Code:
    """What tells the code of trees apart, and the files that it comes from.

    ``configuration`` says in words how it is configured, ``rows`` is what the
    lines of its files come to.
    """

    digest: str
    files: frozenset[str]
    configuration: str
    rows: Rows = field(default_factory=dict)


class LoadedTarget:
    """The code of one tree, ready to run under any profile."""

    def __init__(
        self,
        unit: Unit,
        files: tuple[str, ...],
        touched: Touched,
        configuration: str = "",
        *,
        stage1_first: bool = True,
        platform: Platform = ARM64_PLATFORM,
        watch: Watch | None = None,
    ) -> None:
        self.platform = platform
        self.unit = unit
        self.configuration = configuration  # where it comes from, in words
        self.touched = touched
        self._stage1_first = stage1_first
        self.names = locate(unit)
        self.program = Program(unit)
        self.capabilities = {
            erratum: unit.constants[PROBE_PREFIX + macro]
            for erratum, macro in ERRATA.items()
            if PROBE_PREFIX + macro in unit.constants
        }
        self._files = frozenset(files)
        self._watch = watch or Watch(touched)
        self._executed = Executed(self.program, self._watch.lines, self._watch.only_run)
        self._touched_functions = functions_with(self.program, touched)
        self._bases: dict[_Key, _Base] = {}
        self._places = cpuinfo_places(unit, platform.cpuinfo)

    def scenarios(self) -> tuple[Scenario, ...]:
        """Return the scenarios that this tree can run."""
        return tuple(
            scenario
            for scenario in SCENARIOS
            if self.unit.functions.keys().isdisjoint(scenario.without)
            and all(
                any(name in self.unit.functions for name in group)
                for group in scenario.needs
            )
        )

    def run(self, scenario: Scenario, inputs: ProfileInputs) -> Run:
        """Run a scenario under a profile; what goes wrong is returned as data."""
        key = (tuple(sorted(inputs.id_registers.items())), inputs.workarounds)
        recorder = Recorder(self._in_patch)
        base = self._bases.get(key)
        try:
            if base is None:
                features = ProfileFeatures(inputs, self.capabilities)
                world = build(
                    self.program,
                    self.names,
                    features,
                    recorder,
                    stage1_first=self._stage1_first,
                    platform=self.platform,
                )
                base = self._bases[key] = _Base(world)
            base.prepare(scenario)
        except (Fault, BoundError, Unsupported) as problem:
            # What was asked so far tells for which profiles this is so.
            asked = base.asked() if base is not None else tuple(recorder.queries)
            return _stopped(Run(scenario.name, queries=asked), problem)
        return base.run(scenario)

    def same_path(self, run: Run, inputs: ProfileInputs) -> bool:
        """Tell whether a profile gives every answer that a run was given.

        If so, the scenario does the same under it.
        """
        answers = Answers(ProfileFeatures(inputs, self.capabilities), self._places)
        return all(answers.agrees(query) for query in run.queries)

    def unmodelled(self) -> list[str]:
        """List functions that a run could call and that would stop it."""
        changes = (SET_ENTRY, WRITE_LOCK, WRITE_UNLOCK, ADD_ENTRY, REMOVE_PAGE)
        entries = [n for n in (*ENTRY_POINTS, *changes) if n in self.unit.functions]
        return unmodelled(self.unit, entries, model_names())

    def files_read(self) -> frozenset[str]:
        """Return the files that the code comes from, headers included."""
        return self._files

    def touched_functions(self) -> frozenset[str]:
        """Return the functions with a line that the patch touches."""
        return self._touched_functions

    def unexecuted_touched(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of watched lines that no run executed."""
        return self._executed.missing() + self._watch.unseen

    def executed_touched(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of watched lines that a run executed."""
        return self._executed.executed()

    def ways(self, *, taken: bool) -> tuple[Way, ...]:
        """List ways that conditions of watched lines go or never go."""
        return self._executed.ways(taken=taken)

    def _in_patch(self, coord: Coord) -> bool:
        return self.touched(coord.file, coord.line)


class _Base:
    """A world that was set up once, with its state before each kind of mapping."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.recorder = world.execution.recorder
        self.setup = self._take()
        self.empty = world.save()
        self.log = self.setup
        self.mapped: dict[str, tuple[Checkpoint, _Log]] = {}

    def prepare(self, scenario: Scenario) -> None:
        """Put the world to where the scenario's events begin."""
        self.log = self.setup
        before, self.log = self._mapped(scenario.mappings)
        self.world.restore(before)
        self.recorder.forget()
        scenario.start(self.world)
        self.log = self.log.then(self._take())

    def asked(self) -> tuple[Query, ...]:
        """Return what has been asked on the way to the scenario's events."""
        return (*self.log.queries, *self.recorder.queries)

    def run(self, scenario: Scenario) -> Run:
        """Run a scenario that is prepared."""
        world, log = self.world, self.log
        registers = tuple(
            register_file(world.execution.cpu.registers, pe) for pe in range(PES)
        )
        start = Run(scenario.name, tuple(world.table_words()), registers, log.events)
        problem: Fault | BoundError | Unsupported | None = None
        try:
            scenario.run(world)
        except (Fault, BoundError, Unsupported) as stopped:
            problem = stopped
        done = self._take()
        result = replace(
            start,
            events=done.events,
            queries=(*log.queries, *done.queries),
        )
        if problem is not None:  # the tables may be anything in between
            return _stopped(result, problem)
        return replace(result, functional=tuple(world.mismatches()))

    def _mapped(self, which: str) -> tuple[Checkpoint, _Log]:
        known = self.mapped.get(which)
        if known is None:
            self.world.restore(self.empty)
            self.recorder.forget()
            prepare_mappings(self.world, which)
            known = (self.world.save(), self.setup.then(self._take()))
            self.mapped[which] = known
        return known

    def _take(self) -> _Log:
        log = _Log(tuple(self.recorder.events), tuple(self.recorder.queries))
        self.recorder.forget()
        return log
