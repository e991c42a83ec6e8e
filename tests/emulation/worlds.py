"""Two worlds for one tree: in one the IR runs, in the other compiled code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compiler import FLAGS, compile_text
from machine import Machine, PlacedExecution
from object_file import Image, load
from shared_memory import PlacedMemory

from harness.errors import TreeError
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Limits
from harness.frontend.build import build_of
from harness.frontend.preprocess import preprocess
from harness.frontend.unit import lower_text
from harness.ir.layout import size_of
from harness.ir.nodes import Unit
from harness.targets import TARGET, versions
from harness.targets.boundary_locks import WATCHED
from harness.targets.construction import Builder
from harness.targets.context_switch import stage1_comes_first
from harness.targets.features import ERRATA, ProfileFeatures, ProfileInputs
from harness.targets.world import World
from harness.targets.xen_arm64 import LoadedTarget, TreeView

__all__ = [
    "Pair",
    "Source",
    "build_ir",
    "build_machine",
    "build_pair",
    "read_source",
]

# What a world calls; the compiler may do with all others what it likes.
_CALLED = (
    *versions.ENTRY_POINTS,
    *versions.INVALIDATE_ROOT,
    *("p2m_write_lock", "p2m_write_unlock"),
    *(versions.SET_ALLOCATION, versions.VMID_ALLOCATOR, versions.SET_ENTRY),
    *(versions.RESOLVE_FAULT, versions.SET_WAY, versions.TOGGLE_CACHE),
    *(versions.FLUSH_VM, versions.RELINQUISH, versions.CLEAR_ROOT),
    *(versions.FLUSH_ALL_GUESTS, versions.FLUSH_ALL_GUESTS_LOCAL),
    *(versions.FLUSH_XEN_LOCAL, versions.FLUSH_XEN_RANGE),
    versions.FLUSH_XEN_RANGE_LOCAL,
    *(versions.TEARDOWN, versions.TEARDOWN_POOL, versions.FINAL_TEARDOWN),
)


@dataclass(frozen=True, slots=True)
class Source:
    """One tree: its preprocessed text, and the target made of that."""

    text: str
    target: LoadedTarget
    place: Path
    standard: str  # of C, as in "gnu99"
    stage1_first: bool

    @property
    def unit(self) -> Unit:
        return self.target.unit

    def image(self, flags: str, *, everything: bool = False) -> Image:
        """Compile the text and lay it out."""
        functions = self.unit.functions
        wanted = functions if everything else _CALLED
        kept = [n for n in wanted if n in functions and n not in WATCHED]
        place = self.place / f"{flags}{'-all' if everything else ''}"
        options = (f"-std={self.standard}", *FLAGS[flags])
        path = compile_text(self.text, place, options, watched=WATCHED, callable_=kept)
        return load(path, extern_sizes(self.unit))


def extern_sizes(unit: Unit) -> dict[str, int]:
    """Return the sizes of variables that are defined elsewhere."""
    sizes = {}
    for name, variable in unit.globals.items():
        if not variable.defined:
            try:
                sizes[name] = size_of(variable.type)
            except TreeError:
                sizes[name] = 4096  # an array whose size is not declared
    return sizes


def read_source(view: TreeView, place: Path) -> Source:
    """Preprocess and lower a tree, once for both sides."""
    files = TARGET.files(view)
    build = build_of(view.root, files[0], roots=view.roots, config=None)
    result = preprocess(
        view.root,
        files,
        generated=place / "generated",
        roots=view.roots,
        probes=tuple(ERRATA.values()),
        build=build,
    )
    unit = lower_text(result.text, files[0])
    stage1_first = stage1_comes_first(view.root)
    target = LoadedTarget(unit, result.files, view.touched, stage1_first=stage1_first)
    return Source(result.text, target, place, build.flags.standard, stage1_first)


class _PlacedBuilder(Builder):
    """Builds the world in which the IR runs."""

    def __init__(
        self,
        source: Source,
        image: Image,
        inputs: ProfileInputs,
        limits: Limits,
        program: Program | None = None,
    ) -> None:
        target = source.target
        self.image = image
        self.limits = limits
        features = ProfileFeatures(inputs, target.capabilities)
        super().__init__(
            program or target.program,
            target.names,
            features,
            Recorder(),
            source.stage1_first,
        )
        execution = self.make_execution()
        self.execution = self.world.execution = execution
        self.memory = execution.memory

    def make_execution(self) -> PlacedExecution:
        memory = PlacedMemory(self.image, frozenset(self.unit.globals))
        old = self.execution
        return PlacedExecution(
            self.image,
            old.program,
            memory,
            self.cpu,
            old.recorder,
            old.boundary,
            self.limits,
            override=WATCHED,
        )


class _MachineBuilder(_PlacedBuilder):
    """Builds the world in which compiled code runs."""

    def make_execution(self) -> PlacedExecution:
        old = self.execution
        return Machine(
            self.image,
            old.program,
            self.cpu,
            old.recorder,
            old.boundary,
            names=frozenset(self.unit.globals),
            on=self.features.numbers(),
            override=WATCHED,
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """The two worlds."""

    ir: World
    machine: World


def build_ir(
    source: Source,
    image: Image,
    inputs: ProfileInputs,
    limits: Limits | None = None,
    program: Program | None = None,
) -> World:
    """Boot the world in which the IR runs, perhaps another one than the source's."""
    return _PlacedBuilder(source, image, inputs, limits or Limits(), program).build()


def build_machine(
    source: Source, image: Image, inputs: ProfileInputs, limits: Limits | None = None
) -> World:
    """Boot the world in which compiled code runs."""
    return _MachineBuilder(source, image, inputs, limits or Limits()).build()


def build_pair(
    source: Source, image: Image, inputs: ProfileInputs, limits: Limits | None = None
) -> Pair:
    """Boot both worlds for one profile."""
    ir = build_ir(source, image, inputs, limits)
    return Pair(ir, build_machine(source, image, inputs, limits))
