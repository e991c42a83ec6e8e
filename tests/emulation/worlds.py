"""Two worlds for one tree: in one the IR runs, in the other compiled code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler import FLAGS, compile_text
from machine import Machine, PlacedExecution
from object_file import Image, load
from shared_memory import PlacedMemory

from harness.errors import TreeError
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Limits
from harness.frontend.preprocess import preprocess
from harness.frontend.unit import lower_text
from harness.ir.layout import size_of
from harness.ir.nodes import Unit
from harness.targets import TARGET
from harness.targets.boundary_locks import OVERRIDDEN
from harness.targets.construction import Builder
from harness.targets.features import ERRATA, ProfileFeatures, ProfileInputs
from harness.targets.names import ENTRY_POINTS
from harness.targets.world import INVALIDATE_ROOT, World
from harness.targets.xen_arm64 import LoadedTarget

__all__ = ["Pair", "Source", "build_ir", "build_machine", "build_pair", "read_source"]

_SCENARIO_FUNCTIONS = (*ENTRY_POINTS, *INVALIDATE_ROOT)


@dataclass(frozen=True, slots=True)
class Source:
    """One tree: its preprocessed text, and the target made of that."""

    text: str
    target: LoadedTarget
    place: Path

    @property
    def unit(self) -> Unit:
        return self.target.unit

    def image(self, flags: str, *, everything: bool = False) -> Image:
        """Compile the text and lay it out."""
        functions = self.unit.functions
        wanted = functions if everything else _SCENARIO_FUNCTIONS
        kept = [n for n in wanted if n in functions and n not in OVERRIDDEN]
        place = self.place / f"{flags}{'-all' if everything else ''}"
        options = FLAGS[flags]
        path = compile_text(
            self.text, place, options, replaced=OVERRIDDEN, callable_=kept
        )
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


def read_source(view: Any, place: Path) -> Source:
    """Preprocess and lower a tree, once for both sides."""
    result = preprocess(
        view.root,
        TARGET.files(view),
        generated=place / "generated",
        roots=view.roots,
        probes=tuple(ERRATA.values()),
    )
    unit = lower_text(result.text, TARGET.files(view)[0])
    return Source(result.text, LoadedTarget(unit, result.files, view.touched), place)


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
        super().__init__(program or target.program, target.names, features, Recorder())
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
            override=OVERRIDDEN,
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
            override=OVERRIDDEN,
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
