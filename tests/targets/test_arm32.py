"""The target for 32-bit Arm: the same scenarios on what its build makes of a tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from changed_tree import P2M, ChangedTree, changed

from harness.targets import TARGET, TARGETS, LoadedTarget, Run
from reference_model.events import Barrier, Msr, Store, Tlbi
from reference_model.profiles import AARCH32_PROFILES

ARM32 = TARGETS["xen-arm32-p2m"]
V7 = AARCH32_PROFILES["a32-v7ve"]


@pytest.fixture(scope="module")
def target(base_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedTarget:
    return ARM32.load(ChangedTree(base_tree), tmp_path_factory.mktemp("generated"))


def ran(target: LoadedTarget, name: str) -> Run:
    (scenario,) = [s for s in target.scenarios() if s.name == name]
    return target.run(scenario, V7)


def test_every_scenario_runs(
    target: LoadedTarget, base_tree: Path, tmp_path: Path
) -> None:
    other = TARGET.load(ChangedTree(base_tree), tmp_path)
    names = [s.name for s in target.scenarios()]
    assert names == [s.name for s in other.scenarios()]
    for name in names:
        result = ran(target, name)
        assert result.complete, (name, result.fault, result.unsupported)
        assert result.functional == (), name
        assert result.events


def test_an_unmap_writes_the_entry_at_once_and_flushes(target: LoadedTarget) -> None:
    result = ran(target, "unmap-4k/own-vttbr/1-pcpu")
    said = [e for e in result.events if isinstance(e, Store | Tlbi | Barrier)]
    (store,) = [e for e in said if isinstance(e, Store)]
    assert store.value == 0
    tlbi = said.index(next(e for e in said if isinstance(e, Tlbi)))
    names = [e.op if isinstance(e, Tlbi) else type(e).__name__ for e in said]
    assert names[tlbi] == "TLBIALLIS"
    assert names[tlbi - 1] == names[tlbi + 1] == "Barrier"
    assert tlbi > said.index(store)


def test_tables_are_those_of_40_bits(target: LoadedTarget) -> None:
    result = ran(target, "vcpu-switch-other-domain")
    start = result.initial_registers[0]
    assert start["VTCR_EL2"] & 0xFF == 0x18 | 1 << 6  # T0SZ -8 with its sign, level 1
    assert start["HCR_EL2"] >> 32 == 0
    vttbr = [e.value for e in result.events if isinstance(e, Msr)]
    assert all(value < 1 << 56 for value in vttbr)
    high = ran(target, "invalidate-root-second-page/own-vttbr/1-pcpu")
    assert any(isinstance(e, Store) for e in high.events)


SET_ENTRY = "static int __p2m_set_entry("


def at_the_end_of(function: str, root: Path) -> tuple[str, str]:
    """Return the last unmap_domain_page() of a function with what is around it."""
    text = (root / P2M).read_text()
    body = text[text.index(function) :]
    body = body[: body.index("\n}\n")]
    start = body.rindex("    unmap_domain_page(table);\n")
    return body[start - 60 : start + 60], "    unmap_domain_page(table);\n"


def test_a_page_that_stays_mapped(base_tree: Path, tmp_path: Path) -> None:
    around, line = at_the_end_of(SET_ENTRY, base_tree)
    view = changed(base_tree, tmp_path / "tree", around, around.replace(line, ""))
    result = ran(ARM32.load(view, tmp_path / "work"), "unmap-4k/own-vttbr/1-pcpu")
    (mismatch,) = result.functional
    assert mismatch.note.endswith("of map_domain_page() are never unmapped")
    # All is mapped on arm64: nothing is wrong there.
    other = TARGET.load(view, tmp_path / "work64")
    (scenario,) = [s for s in other.scenarios() if s.name == result.scenario]
    assert other.run(scenario, V7).functional == ()


def test_a_page_used_after_it_was_unmapped(base_tree: Path, tmp_path: Path) -> None:
    text = (base_tree / P2M).read_text()
    start = text.index("static lpae_t *p2m_get_root_pointer(")
    body = text[start : text.index("\n}\n", start)]
    old = body[body.rindex("    return ") :]
    value = old.removeprefix("    return ").rstrip(";")
    new = (
        f"    {{ lpae_t *early = {value};\n"
        "      unmap_domain_page(early);\n      return early; }"
    )
    view = changed(base_tree, tmp_path / "tree", old, new)
    result = ran(ARM32.load(view, tmp_path / "work"), "unmap-4k/own-vttbr/1-pcpu")
    assert result.fault is not None
    assert result.fault.kind in ("out-of-bounds", "bad-call")


def test_a_table_is_not_in_the_direct_map(base_tree: Path, tmp_path: Path) -> None:
    file = "xen/include/xen/domain_page.h"
    view = changed(
        base_tree,
        tmp_path / "tree",
        "#define __map_domain_page(pg)   map_domain_page(page_to_mfn(pg))\n",
        "#define __map_domain_page(pg)   page_to_virt(pg)\n",
        file,
    )
    result = ran(ARM32.load(view, tmp_path / "work"), "unmap-4k/own-vttbr/1-pcpu")
    assert result.fault is not None
    assert "is_xen_heap_mfn" in result.fault.what


@pytest.mark.parametrize("version", ["4.17.5", "4.20.3"])
def test_real_trees(
    version: str, xen_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    loaded = ARM32.load(ChangedTree(xen_tree(version)), tmp_path)
    wrong = {}
    for scenario in loaded.scenarios():
        result = loaded.run(scenario, V7)
        assert result.complete, (scenario.name, result.fault, result.unsupported)
        if result.functional:
            wrong[scenario.name.split("/")[0]] = result.functional[0].allowed
    # Upstream clears P2M_ROOT_LEVEL pages of the root, and there are two.
    assert wrong == {"invalidate-root-second-page": True}
