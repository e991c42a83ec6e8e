"""The target "xen-arm64-p2m": Xen's stage-2 tables for arm64 guests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.errors import BoundError, TreeError, Unsupported
from harness.execution.fault import Fault
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.frontend import parse_unit
from harness.ir.nodes import Call, Unit
from harness.targets.construction import (
    ERRATA,
    PES,
    ProfileFeatures,
    ProfileInputs,
    build,
    fork,
)
from harness.targets.names import Names, locate
from harness.targets.run import Run
from harness.targets.scenarios import SCENARIOS, Scenario, prepare_mappings
from harness.targets.world import World, register_file
from reference_model.coordinates import Coord

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
        unit = parse_unit(view, self.files(view), generated, tuple(ERRATA.values()))
        return LoadedTarget(unit, view.touched)


@dataclass
class LoadedTarget:
    """The code of one tree, ready to run under any profile."""

    unit: Unit
    touched: Callable[[str, int], bool]
    names: Names = field(init=False)
    program: Program = field(init=False)
    _worlds: dict[tuple[object, ...], World] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = locate(self.unit)
        self.program = Program(self.unit)
        self.capabilities = {
            erratum: self.unit.constants[f"__harness_{macro}"]
            for erratum, macro in ERRATA.items()
            if f"__harness_{macro}" in self.unit.constants
        }

    def scenarios(self) -> tuple[Scenario, ...]:
        """Return the scenarios that this tree can run."""
        return SCENARIOS

    def run(self, scenario: Scenario, inputs: ProfileInputs) -> Run:
        """Run a scenario under a profile; what goes wrong is returned as data."""
        recorder = Recorder(touched=self._touched)
        setup = Recorder(touched=self._touched)
        world = None
        return Run()

    def _touched(self, coord: Coord) -> bool:
        return self.touched(coord.file, coord.line)
