"""Every scenario on compiled code: the same events, memory and results."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from compare import compare_events, compare_memory
from worlds import Source, build_pair

from harness.targets.run import Run
from harness.targets.xen_arm64 import _Base
from reference_model.profiles import ARCHITECTURE_PROFILES as PROFILES

# None of the capabilities that the code asks for, and each of the two.
CAPABILITIES = ("P0-v8.0", "P4-at-spec", "P1-repeat")


def test_the_profiles_have_different_capabilities() -> None:
    assert len({PROFILES[name].workarounds for name in CAPABILITIES}) == 3


@pytest.mark.parametrize(
    "version, flags, profiles",
    [
        ("4.20.3", "plain", CAPABILITIES),
        ("4.20.3", "xen", CAPABILITIES),
        ("4.17.5", "plain", CAPABILITIES[:1]),
        ("4.17.5", "xen", CAPABILITIES[1:2]),
        ("embedded", "plain", CAPABILITIES[:1]),
        ("embedded", "xen", CAPABILITIES[1:2]),
    ],
)
def test_every_scenario_is_the_same_on_compiled_code(
    version: str,
    flags: str,
    profiles: tuple[str, ...],
    source: Callable[[str], Source],
) -> None:
    tree = source(version)
    image = tree.image(flags)
    assert len(image.alternatives) > 5
    counts = {}
    for name in profiles:
        pair = build_pair(tree, image, PROFILES[name])
        compare_memory(pair, "boot")
        ours, theirs = _Base(pair.ir), _Base(pair.machine)
        counts[name] = 0
        for scenario in tree.target.scenarios():
            runs = []
            for base in (ours, theirs):
                base.prepare(scenario)
                runs.append(base.run(scenario))
            where = f"{scenario.name} on {name}"
            counts[name] += compare_runs(runs[0], runs[1], where)
            assert compare_memory(pair, where) > 100_000
    # The alternatives add instructions.
    assert len(set(counts.values())) == len(profiles)
    assert min(counts.values()) > 10_000


def compare_runs(ours: Run, theirs: Run, where: str) -> int:
    """Compare all that a run of a scenario yields."""
    assert ours.complete, (where, ours.fault, ours.unsupported, ours.bound)
    assert theirs.complete, (where, theirs.fault, theirs.unsupported, theirs.bound)
    assert ours.initial_memory == theirs.initial_memory, where
    assert ours.initial_registers == theirs.initial_registers, where
    assert ours.functional == theirs.functional, where
    count = compare_events(ours.setup, theirs.setup, f"{where}, setup")
    return count + compare_events(ours.events, theirs.events, where)
