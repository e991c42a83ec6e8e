"""The target on released Xen trees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from changed_tree import ChangedTree

from harness.targets import TARGET, facts_of
from reference_model.profiles import ARCHITECTURE_PROFILES as PROFILES

# p2m_invalidate_root() counts levels where it should count pages of the root,
# until upstream's 14c57887f3 ("xen/arm: Fix P2M root page tables invalidation").
KNOWN = "invalidate-root-second-page"

# What could be called and has neither body nor model, and why no scenario gets there.
UNMODELLED = {
    "__bad_atomic_size": "an operand of a size that there is none of: does not link",
    "__bad_cmpxchg": "the same",
    "queue_read_lock_slowpath": "another PE has the lock: the model has said so before",
    "queue_write_lock_slowpath": "the same",
    "inject_undef_exception": "the tables are shared with an IOMMU: there is none",
}


@pytest.mark.parametrize("version", ["4.20.3", "4.17.5"])
def test_what_has_no_model_is_known(
    version: str, xen_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    target = TARGET.load(ChangedTree(xen_tree(version)), tmp_path)
    assert set(target.unmodelled()) <= set(UNMODELLED)


@pytest.mark.parametrize("version", ["4.20.3", "4.17.5"])
def test_every_scenario_runs_on_a_real_tree(
    version: str, xen_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    target = TARGET.load(ChangedTree(xen_tree(version)), tmp_path)
    assert len(target.scenarios()) > 50
    flushes = 0
    for profile in ("P0-v8.0", "P4-at-spec"):
        for scenario in target.scenarios():
            result = target.run(scenario, PROFILES[profile])
            assert result.complete, (scenario.name, result.fault, result.unsupported)
            wrong = scenario.name.startswith(KNOWN)
            assert bool(result.functional) == wrong, scenario.name
            assert all(m.allowed for m in result.functional)
            flushes += facts_of(result).events["Tlbi"]
    assert flushes > 100
