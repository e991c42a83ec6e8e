"""The target on the embedded tree: scenarios run and show what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest
from changed_tree import P2M, ChangedTree, changed, copy_of, renamed

from harness.errors import TreeError
from harness.targets import TARGET, LoadedTarget, Run, facts_of
from reference_model.events import (
    Barrier,
    Event,
    IrqMask,
    Lock,
    Msr,
    Repeat,
    Store,
    TableFree,
    Tlbi,
    Unlock,
)
from reference_model.profiles import ARCHITECTURE_PROFILES as PROFILES

P0 = PROFILES["P0-v8.0"]


@pytest.fixture(scope="module")
def target(base_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedTarget:
    return load(ChangedTree(base_tree), tmp_path_factory.mktemp("generated"))


def load(view: ChangedTree, work: Path) -> LoadedTarget:
    return TARGET.load(view, work)


def run(target: LoadedTarget, name: str, profile: str = "P0-v8.0") -> Run:
    (scenario,) = [s for s in target.scenarios() if s.name == name]
    result = target.run(scenario, PROFILES[profile])
    assert result.complete, result.fault or result.bound or result.unsupported
    return result


def words(events: tuple[Event, ...]) -> list[str]:
    """Write events as an assembler would, to compare with a listing."""
    said = []
    for event in events:
        match event:
            case Barrier():
                said.append(
                    f"{event.kind.value} {event.domain.value}{event.access.value}"
                )
            case Tlbi():
                said.append(f"tlbi {event.op.lower()}")
            case Msr():
                said.append(f"msr {event.register}")
            case Store():
                said.append("str valid" if event.value & 1 else "str invalid")
            case _:
                said.append(type(event).__name__.lower())
    return said


@pytest.mark.parametrize("profile", ["P0-v8.0", "P1-repeat", "P2-v8.4", "P4-at-spec"])
def test_every_scenario_runs_to_its_end_with_the_right_mappings(
    target: LoadedTarget, profile: str
) -> None:
    for scenario in target.scenarios():
        result = target.run(scenario, PROFILES[profile])
        assert result.complete, (scenario.name, result.fault, result.unsupported)
        assert result.functional == (), scenario.name


def test_scenario_names_are_unique(target: LoadedTarget) -> None:
    names = [s.name for s in target.scenarios()]
    assert len(names) == len(set(names))


def test_unmap_breaks_flushes_and_returns(target: LoadedTarget) -> None:
    result = run(target, "unmap-4k/own-vttbr/1-pcpu")
    assert words(result.events) == [
        "eret",
        "exceptionentry",
        "dmb ish",
        "dmb ish",
        "lock",
        "dsb sy",
        "str invalid",
        "dsb sy",
        "dsb ishst",
        "tlbi vmalls12e1is",
        "dsb ish",
        "isb",
        "dmb ish",
        "unlock",
        "release",
        "eret",
    ]


def test_foreign_vttbr_is_switched_for_the_flush_and_back(target: LoadedTarget) -> None:
    result = run(target, "unmap-4k/foreign-vttbr/2-pcpus")
    registers = result.initial_registers
    own, foreign = registers[1]["VTTBR_EL2"], registers[0]["VTTBR_EL2"]
    assert own != foreign
    flush = next(i for i, e in enumerate(result.events) if isinstance(e, Tlbi))
    before = [e for e in result.events[:flush] if isinstance(e, Msr)]
    after = [e for e in result.events[flush:] if isinstance(e, Msr)]
    assert [e.value for e in before if e.pe == 0] == [own]
    assert [e.value for e in after] == [foreign]
    assert [e.masked for e in result.events if isinstance(e, IrqMask)] == [True, False]


def test_at_speculate_flushes_with_the_empty_root(target: LoadedTarget) -> None:
    result = run(target, "unmap-4k/foreign-vttbr/2-pcpus", "P4-at-spec")
    own = result.initial_registers[1]["VTTBR_EL2"]
    flush = next(i for i, e in enumerate(result.events) if isinstance(e, Tlbi))
    loaded = [e for e in result.events[:flush] if isinstance(e, Msr)][-1]
    assert loaded.value >> 48 == own >> 48
    assert loaded.value != own
    root = loaded.value & (1 << 48) - 1
    assert all(not root <= pa < root + 0x2000 for pa, _ in result.initial_memory)


def test_repeat_tlbi_adds_a_second_one(target: LoadedTarget) -> None:
    name = "unmap-4k/own-vttbr/1-pcpu"
    plain = facts_of(run(target, name)).events["Tlbi"]
    assert facts_of(run(target, name, "P1-repeat")).events["Tlbi"] == plain + 1


def test_vmid_bits_come_from_the_id_register(target: LoadedTarget) -> None:
    name = "unmap-4k/own-vttbr/1-pcpu"
    vs = 1 << 19
    assert not run(target, name).initial_registers[0]["VTCR_EL2"] & vs
    assert run(target, name, "P2-v8.4").initial_registers[0]["VTCR_EL2"] & vs


@pytest.mark.parametrize("variant", ["own-vttbr/1-pcpu", "foreign-vttbr/2-pcpus"])
@pytest.mark.parametrize(
    ("operation", "live", "freed", "flushes"),
    [
        ("unmap-4k", 1, 0, 1),
        ("unmap-2m", 1, 0, 1),
        ("unmap-1g", 1, 0, 1),
        ("unmap-table", 1, 1, 1),
        ("unmap-4k-in-2m", 2, 0, 2),
        ("replace-4k", 1, 0, 1),
        ("replace-2m-by-4k", 2, 0, 2),
        ("replace-4k-by-2m", 1, 1, 1),
        ("restrict-4k", 1, 0, 1),
        ("restrict-4k-mem-access", 1, 0, 1),
        ("map-new", 0, 0, 0),
        ("split-out-of-memory", 0, 1, 0),
        ("replace-out-of-memory", 2, 0, 2),
        ("invalidate-root", 1, 0, 1),
    ],
)
def test_operation_reaches_what_it_is_about(
    target: LoadedTarget,
    operation: str,
    variant: str,
    live: int,
    freed: int,
    flushes: int,
) -> None:
    facts = facts_of(run(target, f"{operation}/{variant}"))
    reached = (facts.live_stores, facts.events["TableFree"], facts.events["Tlbi"])
    assert reached == (live, freed, flushes)
    assert facts.events["Release"] == 1


def test_two_pcpus_means_the_guest_runs_on_both(target: LoadedTarget) -> None:
    for count, variant in ((1, "1-pcpu"), (2, "2-pcpus")):
        result = run(target, f"unmap-4k/own-vttbr/{variant}")
        entered = {e.pe for e in result.events[:count]}
        assert entered == set(range(count))


def test_page_references_are_dropped_under_the_lock(target: LoadedTarget) -> None:
    facts = facts_of(run(target, "unmap-foreign-2m/own-vttbr/1-pcpu"))
    assert facts.events["PageRelease"] == 512


def test_freed_table_is_the_one_that_was_linked(target: LoadedTarget) -> None:
    result = run(target, "replace-4k-by-2m/own-vttbr/1-pcpu")
    (freed,) = [e for e in result.events if isinstance(e, TableFree)]
    links = {value & 0xFFFF_FFFF_F000 for _, value in result.initial_memory}
    assert freed.pa in links
    assert freed.origin is not None and freed.origin.stack


def test_switch_to_sibling_flushes_locally_and_to_another_domain_does_not(
    target: LoadedTarget,
) -> None:
    sibling = run(target, "vcpu-switch-same-domain")
    other = run(target, "vcpu-switch-other-domain")
    assert [e.op for e in sibling.events if isinstance(e, Tlbi)] == ["VMALLS12E1"]
    assert not [e for e in other.events if isinstance(e, Tlbi)]


def test_switch_loads_the_stage_1_of_the_next_vcpu(target: LoadedTarget) -> None:
    result = run(target, "vcpu-switch-back")
    first = result.initial_registers[0]["TTBR0_EL1"]
    loaded = [
        e.value
        for e in result.events
        if isinstance(e, Msr) and e.register == "TTBR0_EL1"
    ]
    assert len(loaded) == 2
    assert loaded[0] != first
    assert loaded[1] == first


def test_new_domain_gets_the_vmid_of_the_earlier_owner(target: LoadedTarget) -> None:
    result = run(target, "create-domain")
    before = result.initial_registers[1]["VTTBR_EL2"]
    later = [
        e.value
        for e in result.events
        if isinstance(e, Msr) and e.register == "VTTBR_EL2" and e.pe == 1
    ]
    assert later[-1] >> 48 == before >> 48
    assert later[-1] != before


def test_runs_do_not_depend_on_what_ran_before(
    base_tree: Path, tmp_path: Path, target: LoadedTarget
) -> None:
    fresh = load(ChangedTree(base_tree), tmp_path)
    for name in ("restrict-4k-mem-access/own-vttbr/1-pcpu", "create-domain"):
        old, new = run(target, name), run(fresh, name)
        assert old.initial_memory == new.initial_memory
        assert old.events == new.events
        assert run(fresh, name).events == new.events


def test_variables_that_the_code_adds_start_afresh_in_each_run(
    base_tree: Path, tmp_path: Path
) -> None:
    text = (
        "    {\n"
        "        static unsigned int flushes = 7;\n"
        "        if ( p2m->need_flush )\n"
        "            BUG_ON(flushes++ != 7);\n"
        "    }\n"
        "    p2m_tlb_flush_sync(p2m);"
    )
    view = p2m_unlock_with(base_tree, tmp_path / "tree", text)
    target = load(view, tmp_path / "generated")
    for name in ("unmap-4k/own-vttbr/1-pcpu", "unmap-2m/own-vttbr/1-pcpu"):
        run(target, name)
        run(target, name)


def test_failure_of_one_profile_is_not_shared_with_others(
    base_tree: Path, tmp_path: Path
) -> None:
    text = (
        "    if ( cpus_have_cap(ARM64_WORKAROUND_AT_SPECULATE) )\n"
        "        *(volatile int *)0 = 0;\n"
        "    p2m_tlb_flush_sync(p2m);"
    )
    view = p2m_unlock_with(base_tree, tmp_path / "tree", text)
    target = load(view, tmp_path / "generated")
    broken = target.run(target.scenarios()[0], PROFILES["P4-at-spec"])
    assert broken.fault is not None and broken.events == ()
    assert not target.same_path(broken, P0)
    assert target.same_path(broken, PROFILES["P4-at-spec"])
    assert target.run(target.scenarios()[0], P0).complete


def test_locks_are_named_by_what_they_protect(target: LoadedTarget) -> None:
    result = run(target, "unmap-4k/own-vttbr/1-pcpu")
    locks = [e.name for e in result.events if isinstance(e, Lock | Unlock)]
    assert locks == ["p2m lock of d1", "p2m lock of d1"]


def test_profiles_that_answer_alike_take_the_same_path(target: LoadedTarget) -> None:
    result = run(target, "unmap-4k/own-vttbr/1-pcpu")
    assert target.same_path(result, P0)
    assert not target.same_path(result, PROFILES["P1-repeat"])
    assert not target.same_path(result, PROFILES["P2-v8.4"])  # 16-bit VMIDs
    nested = run(target, "unmap-4k/own-vttbr/1-pcpu", "P2-v8.4")
    assert target.same_path(nested, PROFILES["P5-nested"])


def test_only_unreachable_helpers_are_not_modelled(target: LoadedTarget) -> None:
    assert all(name.startswith(("__bad_", "queue_")) for name in target.unmodelled()), (
        target.unmodelled()
    )


def test_names_of_static_functions_do_not_matter(
    base_tree: Path, tmp_path: Path, target: LoadedTarget
) -> None:
    functions = target.unit.functions.values()
    static = [f.name for f in functions if f.static and f.coord.file == P2M]
    assert len(static) > 15
    view = renamed(base_tree, tmp_path / "tree", static)
    other = load(view, tmp_path / "generated")
    assert "other_" + static[0] in other.unit.functions
    for scenario in target.scenarios():
        assert other.run(scenario, P0).events == target.run(scenario, P0).events


# Without the last, a tree must not be taken for one of before September 2016.
@pytest.mark.parametrize("name", ["p2m_save_state", "p2m_write_lock", "p2m_set_entry"])
def test_missing_entry_point_is_named(
    name: str, base_tree: Path, tmp_path: Path
) -> None:
    view = copy_of(base_tree, tmp_path / "tree")
    for path in (view.root / "xen").rglob("*.[ch]"):
        path.write_text(path.read_text().replace(name, "other_name"))
    with pytest.raises(TreeError, match=f"no function '{name}'"):
        load(view, tmp_path / "generated")


def test_tree_without_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"mmu/p2m\.c"):
        load(ChangedTree(tmp_path), tmp_path / "generated")


def p2m_unlock_with(base_tree: Path, place: Path, text: str) -> ChangedTree:
    file = "xen/arch/arm/p2m.c"
    source = (base_tree / file).read_text()
    call = next(
        line for line in source.splitlines() if "p2m_tlb_flush_sync(p2m)" in line
    )
    return changed(base_tree, place, call + "\n", text + "\n", file)


def test_null_dereference_is_returned_with_the_events_so_far(
    base_tree: Path, tmp_path: Path
) -> None:
    text = "    if ( p2m->need_flush )\n        *(volatile int *)0 = 0;\n"
    view = p2m_unlock_with(base_tree, tmp_path / "tree", text)
    target = load(view, tmp_path / "generated")
    result = target.run(target.scenarios()[0], P0)
    assert result.fault is not None
    assert result.fault.kind == "null-dereference"
    assert result.fault.coord is not None
    assert result.fault.coord.file == "xen/arch/arm/p2m.c"
    assert facts_of(result).live_stores == 1


def test_fault_while_the_world_is_set_up_is_returned(
    base_tree: Path, tmp_path: Path
) -> None:
    view = p2m_unlock_with(base_tree, tmp_path / "tree", "    *(volatile int *)0 = 0;")
    target = load(view, tmp_path / "generated")
    result = target.run(target.scenarios()[0], P0)
    assert result.fault is not None and result.events == ()


def test_call_without_a_model_is_unsupported(base_tree: Path, tmp_path: Path) -> None:
    text = (
        "    { extern void unheard_of(void); if ( p2m->need_flush ) unheard_of(); }\n"
        "    p2m_tlb_flush_sync(p2m);"
    )
    view = p2m_unlock_with(base_tree, tmp_path / "tree", text)
    target = load(view, tmp_path / "generated")
    result = target.run(target.scenarios()[0], P0)
    assert result.unsupported is not None
    assert "unheard_of" in result.unsupported.what
    assert "unheard_of" in target.unmodelled()


def test_lock_held_on_return_is_a_fault_of_the_next_taker(
    base_tree: Path, tmp_path: Path
) -> None:
    text = "    p2m_tlb_flush_sync(p2m); return;"
    view = p2m_unlock_with(base_tree, tmp_path / "tree", text)
    result = load(view, tmp_path / "generated")
    outcome = result.run(result.scenarios()[0], P0)
    assert outcome.fault is not None
    assert "is taken while it is held" in outcome.fault.what


def test_wrong_mapping_is_a_mismatch(base_tree: Path, tmp_path: Path) -> None:
    view = changed(
        base_tree,
        tmp_path / "tree",
        "    case p2m_ram_ro:\n        e->p2m.write = 0;",
        "    case p2m_ram_ro:\n        e->p2m.write = 1;",
    )
    target = load(view, tmp_path / "generated")
    result = run(target, "restrict-4k/own-vttbr/1-pcpu")
    (mismatch,) = result.functional
    assert mismatch.expected is not None and mismatch.expected.access == "rx"
    assert mismatch.found is not None and mismatch.found.access == "rwx"
    assert not mismatch.allowed
    assert mismatch.function == "p2m_set_entry"
    assert mismatch.coord == target.unit.functions["p2m_set_entry"].coord


def test_touched_lines_are_marked_and_the_unexecuted_ones_listed(
    base_tree: Path, tmp_path: Path
) -> None:
    text = (
        "    if ( p2m->vmid == 0xffff )\n"
        "        p2m->need_flush = true;\n"
        "    p2m_tlb_flush_sync(p2m);"
    )
    view = p2m_unlock_with(base_tree, tmp_path / "tree", text)
    first = min(line for _, line in view.lines)
    target = load(view, tmp_path / "generated")
    result = run(target, "unmap-4k/own-vttbr/1-pcpu")
    calls = {
        frame.call.line
        for event in result.events
        if event.origin
        for frame in event.origin.stack
    }
    assert first + 2 in calls
    assert target.touched_functions() == {"p2m_write_unlock"}
    assert target.unexecuted_touched() == (
        ("p2m_write_unlock", "xen/arch/arm/p2m.c", first + 1),
    )
    assert {P2M, "xen/arch/arm/p2m.c"} <= target.files_read()


def test_bodies_of_locks_run(base_tree: Path, tmp_path: Path) -> None:
    view = changed(
        base_tree,
        tmp_path / "tree",
        "    return _QW_LOCKED | smp_processor_id();\n",
        "    return 0;\n",
        "xen/include/xen/rwlock.h",
    )
    broken = load(view, tmp_path / "generated")
    result = broken.run(broken.scenarios()[0], P0)
    assert result.fault is not None
    assert result.fault.kind == "assertion"  # that the lock is held


def test_flush_page_by_page_is_folded(base_tree: Path, tmp_path: Path) -> None:
    text = (
        "    { unsigned long i; if ( p2m->need_flush )\n"
        "      for ( i = 0; i < 5000; i++ )\n"
        '          asm volatile ("tlbi ipas2e1is, %0" : : "r" (i) : "memory"); }\n'
        "    p2m_tlb_flush_sync(p2m);"
    )
    view = p2m_unlock_with(base_tree, tmp_path / "tree", text)
    result = run(load(view, tmp_path / "generated"), "unmap-4k/own-vttbr/1-pcpu")
    (repeat,) = [e for e in result.events if isinstance(e, Repeat)]
    assert (repeat.count, repeat.strides) == (5000, (1,))
    assert facts_of(result).events["Tlbi"] == 5001
