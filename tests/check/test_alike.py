"""Profiles that share an outcome have the same one by themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from harness.check.alike import shared, trace_of, traits_of
from harness.report.examples import example
from harness.series import Patch, Tree, apply, read_patch
from harness.series.base import EMBEDDED
from harness.targets import TARGET, Run
from reference_model.cores import PROFILES
from reference_model.events import Event, Msr, Repeat, Tlbi
from reference_model.machine import Machine, Start
from reference_model.profiles import Profile

pytestmark = pytest.mark.long

SCENARIOS = (
    "unmap-4k/own-vttbr/2-pcpus",
    "replace-4k-by-2m/own-vttbr/2-pcpus",
    "vcpu-switch-same-domain",
)


def _outcome(profile: Profile, run: Run) -> frozenset[object]:
    registers = run.initial_registers
    machine = Machine(
        profile, Start(len(registers), dict(run.initial_memory), registers)
    )
    machine.run(run.events)
    return frozenset(violation.key for violation in machine.violations)


def _pairs(patch: Patch) -> list[list[tuple[Profile, Run, Run]]]:
    """Run scenarios for every profile, as the analysis does."""
    tree = Tree.at(EMBEDDED)
    found = []
    with (
        apply(tree, () if patch is None else (patch,)) as view,
        tempfile.TemporaryDirectory() as work,
    ):
        target = TARGET.load(view, Path(work))
        for scenario in target.scenarios():
            if scenario.name not in SCENARIOS:
                continue
            runs: list[Run] = []
            distinct: dict[object, Run] = {}
            pairs = []
            for profile in PROFILES.values():
                same = (r for r in runs if target.same_path(r, profile))
                run = next(same, None)
                if run is None:
                    run = target.run(scenario, profile)
                    runs.append(run)
                told = distinct.setdefault(trace_of(run), run)
                pairs.append((profile, told, run))
            found.append(pairs)
    return found


@pytest.mark.parametrize(
    "name", ["bad_no_repeat_tlbi", "bad_split_without_break", "bad_vcpu_switch_no_isb"]
)
def test_a_shared_outcome_is_the_own_one(name: str) -> None:
    data, patch_name = example(name)
    for pairs in _pairs(read_patch(data, patch_name)):
        firsts = shared([(profile, told) for profile, told, _ in pairs], _outcome)
        assert len(set(firsts)) < len(pairs) / 2
        own: dict[object, frozenset[object]] = {}
        for (profile, _, run), first in zip(pairs, firsts, strict=True):
            other, told, _ = pairs[first]
            for one, its_run in ((profile, run), (other, told)):
                key = (id(its_run), one.behaviour)
                if key not in own:
                    own[key] = _outcome(one, its_run)
            mine = own[id(run), profile.behaviour]
            assert mine == own[id(told), other.behaviour], (profile.name, other.name)


def _traits(*events: Event) -> tuple[bool, bool]:
    traits = traits_of(Run("x", events=events))
    return traits.hints, traits.wide_vmids


def test_traits() -> None:
    vmid = 1 << 48
    plain = Tlbi(0, "IPAS2E1IS", 0x40203)
    assert _traits(plain) == (False, False)
    assert _traits(Tlbi(0, "IPAS2E1IS", 7 << 44)) == (True, False)
    assert _traits(Tlbi(0, "RIPAS2E1IS", 0x40203)) == (True, False)
    assert _traits(Msr(0, "VTTBR_EL2", vmid)) == (False, False)
    assert _traits(Msr(0, "VTTBR_EL2", vmid << 8)) == (False, True)
    assert _traits(Repeat(0, (plain,), 512, (1,))) == (False, False)
    assert _traits(Repeat(0, (plain,), 2, (1 << 44,))) == (True, False)
