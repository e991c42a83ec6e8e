"""What the execution makes of real Xen source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.execution.asm import build
from harness.execution.cpu import Cpu
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution
from harness.frontend.unit import load_unit
from harness.ir import nodes as ir
from harness.ir.walk import walk
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Isb,
    Tlbi,
)


@pytest.fixture(scope="module", params=["4.20.3", "4.17.5"])
def program(
    request: pytest.FixtureRequest,
    xen_tree: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Program:
    root = xen_tree(request.param)
    names = ("xen/arch/arm/mmu/p2m.c", "xen/arch/arm/p2m.c")
    files = [name for name in names if (root / name).is_file()]
    return Program(load_unit(root, files, work_dir=tmp_path_factory.mktemp("work")))


class Profile:
    """A profile with at most one capability."""

    def __init__(self, feature: int | None) -> None:
        self.feature = feature

    def alternative(self, feature: int) -> bool:
        return feature == self.feature

    def register(self, pe: int, name: str) -> int | None:
        return None


def events(program: Program, function: str, feature: int | None = None) -> list[Event]:
    run = Execution(program, Memory(), Cpu(Profile(feature)), Recorder(), {})
    run.call(function)
    return run.recorder.events


def test_every_function_compiles(program: Program) -> None:
    for name in program.unit.functions:
        program.function(name)


def asms(program: Program) -> Iterator[ir.Asm]:
    for function in program.unit.functions.values():
        for statement in walk(function.body):
            if isinstance(statement, ir.Asm):
                yield statement


def test_every_asm_is_understood(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown: list[str] = []

    def note(instruction: object, coord: object) -> None:
        unknown.append(f"{coord}: {instruction}")

    monkeypatch.setattr("harness.execution.asm._unknown", note)
    monkeypatch.setattr("harness.execution.asm._refuse", unknown.append)
    seen = 0
    for feature in (None, *range(20)):
        cpu = Cpu(Profile(feature))
        run = Execution(program, Memory(), cpu, Recorder(), {})
        for asm in asms(program):
            build(run, asm)
            seen += 1
    assert not unknown
    assert seen > 20 * 50


REPEAT_TLBI = 11  # ARM64_WORKAROUND_REPEAT_TLBI of both trees


def test_guest_flush_and_its_repeat(program: Program) -> None:
    before: list[Event] = [
        Barrier(0, BarrierKind.DSB, Domain.ISH, Access.ST),
        Tlbi(0, "VMALLS12E1IS"),
    ]
    after: list[Event] = [Barrier(0, BarrierKind.DSB, Domain.ISH), Isb(0)]
    assert events(program, "flush_guest_tlb") == before + after
    found = events(program, "flush_guest_tlb", REPEAT_TLBI)
    assert found[:3] == before + after[:1]
    assert isinstance(found[3], Tlbi)
    assert found[3].op in ("VALE2IS", "VMALLS12E1IS")
    assert found[4:] == after


def test_predicates_on_a_struct_passed_by_value(program: Program) -> None:
    run = Execution(program, Memory(), Cpu(), Recorder(), {})
    base = run.memory.add(8, "table", zero=True).base
    run.memory.poke(base, 8, 0x0060_0000_4321_07FF)
    entry = run.memory.peek(base, 8)
    assert run.call("lpae_is_valid", entry) == 1
    assert run.call("lpae_is_mapping", entry, 3) == 1
    assert run.call("lpae_is_superpage", entry, 2) == 0
