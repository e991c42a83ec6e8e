"""A touched line ran if all of it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from changed_tree import ChangedTree, changed

from harness.targets import TARGET, LoadedTarget
from reference_model.profiles import ARCHITECTURE_PROFILES

FILE = "xen/arch/arm/p2m.c"


def _unlock_with(base_tree: Path, place: Path, text: str) -> ChangedTree:
    call = next(
        line
        for line in (base_tree / FILE).read_text().splitlines()
        if "p2m_tlb_flush_sync(p2m)" in line
    )
    return changed(base_tree, place / "tree", call + "\n", text + "\n", FILE)


def _after_unmap(view: ChangedTree, place: Path) -> LoadedTarget:
    target = TARGET.load(view, place / "generated")
    names = {scenario.name: scenario for scenario in target.scenarios()}
    scenario = names["unmap-4k/own-vttbr/1-pcpu"]
    target.run(scenario, ARCHITECTURE_PROFILES["P0-v8.0"])
    return target


@pytest.mark.parametrize(
    "text",
    [
        "if ( p2m->vmid == 0xffff ) p2m->need_flush = true;",
        "do { if ( p2m->vmid == 0xffff ) p2m->vmid = 0; } while (0);",
        "if ( 0 ) p2m->need_flush = true;",
        "p2m->vmid = p2m->vmid == 0xffff ? p2m->vmid + 1 : p2m->vmid;",
        "p2m->need_flush = p2m->vmid == 0xffff && p2m->need_flush;",
        "if ( IS_ENABLED(CONFIG_NOT_THERE) ) do { p2m->vmid = 0; } while (0);",
        "p2m->vmid = IS_ENABLED(CONFIG_NOT_THERE) ? 7 : p2m->vmid;",
        "p2m->vmid = 1 ? p2m->vmid : p2m->vmid + 1;",
        "if ( IS_ENABLED(CONFIG_NOT_THERE) && p2m->vmid ) p2m->vmid = p2m->vmid;",
        "p2m->need_flush = p2m->need_flush && (1 || p2m->vmid);",
        "IS_ENABLED(CONFIG_NOT_THERE) ? p2m_tlb_flush_sync(p2m) : (void)0;",
        "IS_ENABLED(CONFIG_NOT_THERE) && ++p2m->vmid;",
        "p2m->vmid = p2m->vmid + (1 ?: p2m->vmid) - 1;",
    ],
)
def test_a_line_ran_only_if_all_of_it_did(
    base_tree: Path, tmp_path: Path, text: str
) -> None:
    text = f"    {text}\n    p2m_tlb_flush_sync(p2m);"
    view = _unlock_with(base_tree, tmp_path, text)
    first = min(line for _, line in view.lines)
    target = _after_unmap(view, tmp_path)
    place = ("p2m_write_unlock", FILE, first)
    assert target.unexecuted_touched() == (place,)
    assert place not in target.executed_touched()


@pytest.mark.parametrize(
    "text",
    [
        "if ( p2m->vmid != 0xffff ) p2m->need_flush = true;",
        "if ( p2m->vmid != 0xffff ) { } else p2m->need_flush = true;",
        "p2m->need_flush |= p2m->vmid != 0xffff;",
        "p2m->need_flush |= lpae_is_valid((lpae_t){ 0 }) | (p2m->vmid != 0xffff);",
        "(void)(p2m->vmid != 0xffff && (p2m->need_flush = true));",
        "while ( p2m->vmid != 0xffff ) { p2m->need_flush = true; break; }",
        "switch ( p2m->vmid ) { case 0 ... 99: p2m->need_flush = true; }",
        "switch ( p2m->vmid == 9 ) { case 0: p2m->need_flush = true; case 1: ; }",
        "if ( p2m->vmid == 0xffff ) goto out; p2m->need_flush = true; out: ;",
    ],
)
def test_a_condition_has_to_go_both_ways(
    base_tree: Path, tmp_path: Path, text: str
) -> None:
    view = _unlock_with(
        base_tree, tmp_path, f"    {text}\n    p2m_tlb_flush_sync(p2m);"
    )
    first = min(line for _, line in view.lines)
    target = _after_unmap(view, tmp_path)
    missing = [(way.function, way.file, way.line) for way in target.ways(taken=False)]
    assert ("p2m_write_unlock", FILE, first) in missing


@pytest.mark.parametrize(
    "text",
    ["p2m->need_flush |= false;", "p2m->need_flush |= true;", "if ( 1 ) { }"],
)
def test_what_is_no_condition_has_no_ways(
    base_tree: Path, tmp_path: Path, text: str
) -> None:
    view = _unlock_with(
        base_tree, tmp_path, f"    {text}\n    p2m_tlb_flush_sync(p2m);"
    )
    assert _after_unmap(view, tmp_path).ways(taken=False) == ()


@pytest.mark.parametrize(
    "text",
    [
        "if ( p2m->vmid == 0xffff ) { return; BUG(); }",
        "if ( p2m->vmid == 0xffff ) { if ( p2m->need_flush ) return; BUG(); }",
        "if ( p2m->vmid == 0xffff ) { BUG(); out: return; }",
        "if ( p2m->vmid == 0xffff ) { ASSERT(p2m->need_flush); return; }",
    ],
)
def test_what_leaves_before_it_fails_has_to_run(
    base_tree: Path, tmp_path: Path, text: str
) -> None:
    view = _unlock_with(
        base_tree, tmp_path, f"    {text}\n    p2m_tlb_flush_sync(p2m);"
    )
    first = min(line for _, line in view.lines)
    target = _after_unmap(view, tmp_path)
    assert ("p2m_write_unlock", FILE, first) in target.unexecuted_touched()


def test_an_assertion_that_holds_ran(base_tree: Path, tmp_path: Path) -> None:
    text = (
        "    ASSERT(p2m->vmid != 0xffff);\n"
        "    BUG_ON(p2m->vmid == 0xffff);\n"
        "    if ( p2m->vmid == 0xffff || !p2m->domain ) { p2m->vmid = 0; BUG(); }\n"
        "    p2m_tlb_flush_sync(p2m);"
    )
    view = _unlock_with(base_tree, tmp_path, text)
    target = _after_unmap(view, tmp_path)
    assert target.unexecuted_touched() == ()
    assert target.ways(taken=False) == ()
