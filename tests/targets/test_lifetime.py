"""Domains that die, and guests that maintain caches by set and way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from changed_tree import ChangedTree

from harness.targets import TARGET, LoadedTarget, Run
from reference_model.events import CacheOp, TableFree, Tlbi
from reference_model.profiles import ARCHITECTURE_PROFILES

P0 = ARCHITECTURE_PROFILES["P0-v8.0"]
VERSIONS = ("4.17.5", "4.20.3")

XenTree = Callable[[str], Path]


@pytest.fixture(scope="module", params=VERSIONS)
def target(
    request: pytest.FixtureRequest,
    xen_tree: XenTree,
    tmp_path_factory: pytest.TempPathFactory,
) -> LoadedTarget:
    view = ChangedTree(xen_tree(request.param))
    return TARGET.load(view, tmp_path_factory.mktemp("work"))


def run(target: LoadedTarget, name: str) -> Run:
    (scenario,) = [s for s in target.scenarios() if s.name == name]
    result = target.run(scenario, P0)
    assert result.complete, (result.fault, result.unsupported)
    assert not result.functional
    return result


def test_all_pages_of_a_destroyed_domain_come_back(target: LoadedTarget) -> None:
    result = run(target, "destroy-domain")
    freed = {event.pa for event in result.events if isinstance(event, TableFree)}
    # Its tables of levels 2 and 3 and the unused pages of the pool; and the root.
    assert len(freed) == 16 + 1
    vmids = [e for e in result.events if isinstance(e, Tlbi) and e.op == "VMALLS12E1IS"]
    assert len(vmids) >= 2  # for the mappings, and for the root


def test_references_to_foreign_pages_are_dropped(target: LoadedTarget) -> None:
    names = [type(e).__name__ for e in run(target, "destroy-domain-foreign").events]
    assert "PageRelease" in names
    assert names.index("PageRelease") > names.index("Lock")


def test_vmid_of_a_destroyed_domain_is_flushed_for_the_next(
    target: LoadedTarget,
) -> None:
    result = run(target, "destroy-domain-create-domain")
    assert sum(isinstance(event, Tlbi) for event in result.events) >= 3


@pytest.mark.parametrize("what", ["set-way", "cache-off"])
def test_set_way_cleans_and_invalidates(target: LoadedTarget, what: str) -> None:
    events = run(target, f"{what}/2-pcpus").events
    cleaned = [e for e in events if isinstance(e, CacheOp) and e.op == "DC CIVAC"]
    assert len(cleaned) == 2 * 4096 // 64  # two pages
    assert any(isinstance(event, Tlbi) for event in events)
