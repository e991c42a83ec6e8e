"""The target "xen-arm64-p2m": Xen's stage-2 tables for arm64 guests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from harness.errors import BoundError, TreeError, Unsupported
from harness.execution.fault import Fault
from harness.execution.program import Program
from harness.execution.recorder import Query, Recorder
from harness.frontend.preprocess import PROBE_PREFIX
from harness.frontend.unit import load_unit
from harness.ir.nodes import Unit
from harness.targets.answers import Answers
from harness.targets.boundary_locks import OVERRIDDEN
from harness.targets.construction import build, model_names
from harness.targets.coverage import Executed
from harness.targets.features import (
    ERRATA,
    ProfileFeatures,
    ProfileInputs,
    cpuinfo_places,
)
from harness.targets.names import ENTRY_POINTS, locate
from harness.targets.operations import prepare_mappings
from harness.targets.physical import PES
from harness.targets.reachable import touched_override, unmodelled
from harness.targets.run import Run
from harness.targets.scenarios import SCENARIOS, Scenario
from harness.targets.world import Checkpoint, World, register_file
from reference_model.coordinates import Coord
from reference_model.events import Event

__all__ = ["LoadedTarget", "TreeView", "XenArm64"]

NAME = "xen-arm64-p2m"

# Up to 4.18 all of it is in one file.
_MMU_FILE = "xen/arch/arm/mmu/p2m.c"
_FILE = "xen/arch/arm/p2m.c"


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


@dataclass(slots=True)
class _Outcome:
    """Why a run stopped early, if it did."""

    fault: Fault | None = None
    bound: BoundError | None = None
    unsupported: Unsupported | None = None


@dataclass(frozen=True, slots=True)
class XenArm64:
    """Knows which files hold the code and how to run it."""

    name: str = NAME
    summary: str = "stage-2 tables and their TLB maintenance in Xen for arm64"

    def files(self, view: TreeView) -> tuple[str, ...]:
        """Return the source files that are run, relative to the tree's top."""
        present = tuple(f for f in (_MMU_FILE, _FILE) if (view.root / f).is_file())
        if not present:
            raise TreeError(f"no '{_MMU_FILE}' and no '{_FILE}' in the tree")
        return present

    def load(self, view: TreeView, generated: Path) -> LoadedTarget:
        """Parse the code of a tree; ``generated`` is a directory to work in."""
        unit = load_unit(
            view.root,
            self.files(view),
            work_dir=generated,
            roots=view.roots,
            probes=tuple(ERRATA.values()),
        )
        return LoadedTarget(unit, unit.files, view.touched)


class LoadedTarget:
    """The code of one tree, ready to run under any profile."""

    def __init__(
        self,
        unit: Unit,
        files: tuple[str, ...],
        touched: Callable[[str, int], bool],
    ) -> None:
        self.unit = unit
        self.touched = touched
        self.names = locate(unit)
        self.program = Program(unit)
        self.capabilities = {
            erratum: unit.constants[PROBE_PREFIX + macro]
            for erratum, macro in ERRATA.items()
            if PROBE_PREFIX + macro in unit.constants
        }
        self._files = frozenset(files)
        self._executed = Executed(self.program, touched)
        self._replaced = touched_override(unit, OVERRIDDEN, touched)
        self._bases: dict[_Key, _Base] = {}
        self._places = cpuinfo_places(unit)

    def scenarios(self) -> tuple[Scenario, ...]:
        """Return the scenarios that this tree can run."""
        return tuple(
            scenario
            for scenario in SCENARIOS
            if all(
                any(name in self.unit.functions for name in group)
                for group in scenario.needs
            )
        )

    def run(self, scenario: Scenario, inputs: ProfileInputs) -> Run:
        """Run a scenario under a profile; what goes wrong is returned as data."""
        if self._replaced is not None:
            name, coord = self._replaced
            what = f"a change of '{name}', for which a model stands in"
            return Run(scenario.name, unsupported=Unsupported(coord, what))
        try:
            base = self._base(inputs)
            base.prepare(scenario)
        except Fault as fault:
            return Run(scenario.name, fault=fault)
        except BoundError as bound:
            return Run(scenario.name, bound=bound)
        except Unsupported as unsupported:
            return Run(scenario.name, unsupported=unsupported)
        return base.run(scenario)

    def same_path(self, run: Run, inputs: ProfileInputs) -> bool:
        """Tell whether a profile gives every answer that a run was given.

        If so, the scenario does the same under it.
        """
        answers = Answers(ProfileFeatures(inputs, self.capabilities), self._places)
        return all(answers.agrees(query) for query in run.queries)

    def unmodelled(self) -> list[str]:
        """List functions that a run could call and that would stop it."""
        return unmodelled(self.unit, ENTRY_POINTS, model_names())

    def files_read(self) -> frozenset[str]:
        """Return the files that the code comes from, headers included."""
        return self._files

    def touched_functions(self) -> frozenset[str]:
        """Return the functions with a line that the patch touches."""
        return self._executed.functions

    def unexecuted_touched(self) -> tuple[tuple[str, str, int], ...]:
        """List (function, file, line) of touched lines that no run executed."""
        return self._executed.missing()

    def _base(self, inputs: ProfileInputs) -> _Base:
        key = (tuple(sorted(inputs.id_registers.items())), inputs.errata)
        base = self._bases.get(key)
        if base is None:
            recorder = Recorder(self._in_patch)
            features = ProfileFeatures(inputs, self.capabilities)
            base = _Base(build(self.program, self.names, features, recorder))
            self._bases[key] = base
        return base

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
        before, log = self._mapped(scenario.mappings)
        self.world.restore(before)
        self.recorder.forget()
        scenario.start(self.world)
        self.log = log.then(self._take())

    def run(self, scenario: Scenario) -> Run:
        """Run a scenario that is prepared."""
        world, log = self.world, self.log
        memory = tuple(world.table_words())
        registers = tuple(
            register_file(world.execution.cpu.registers, pe) for pe in range(PES)
        )
        outcome = _Outcome()
        try:
            scenario.run(world)
        except Fault as fault:
            outcome.fault = fault
        except BoundError as bound:
            outcome.bound = bound
        except Unsupported as unsupported:
            outcome.unsupported = unsupported
        done = self._take()
        return Run(
            scenario=scenario.name,
            initial_memory=memory,
            initial_registers=registers,
            setup=log.events,
            events=done.events,
            queries=(*log.queries, *done.queries),
            fault=outcome.fault,
            bound=outcome.bound,
            unsupported=outcome.unsupported,
            functional=tuple(world.mismatches()),
        )

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
