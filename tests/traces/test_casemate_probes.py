"""Sequences on which casemate and the architecture agree, and others.

Where they do not, the architecture's verdict counts, and the discipline does
not object to what is fine.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from casemate_log import (
    AF,
    CONTIGUOUS,
    LEAF,
    LEVEL1,
    LEVEL2,
    LEVEL3,
    LOCK,
    NORMAL,
    OTHER_LOCK,
    OTHER_ROOT,
    ROOT,
    SPARE,
    Log,
    outcome,
    page,
    tables,
)

OLD, NEW = page(0x40000000), page(0x50000000)
PAGE = 0x40000000
TTL = 44  # level hint of a TLBI by IPA


def broken() -> Log:
    """Return a log up to where the page at IPA 0 is unmapped."""
    return tables().lock().write(LEAF, 0)


def made(log: Log) -> Log:
    """Make the new page, and unlock."""
    return log.write(LEAF, NEW).unlock()


# ------------------------------------------------------------------- agreeing


def test_break_before_make_by_ipa(tmp_path: Path) -> None:
    assert outcome(made(broken().flush()), tmp_path).verdict == "clean"


def test_break_before_make_by_vmid(tmp_path: Path) -> None:
    assert outcome(made(broken().flush_vmid()), tmp_path).verdict == "clean"


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ("D i D", "missing-s1-inval-after-ipas2"),
        ("D s D i D", "s1-before-s2-inval"),
        ("i D s D", "missing-dsb-before-tlbi"),
        ("D i s D", "missing-dsb-between-ipas2-and-s1"),
        ("D i D s", "missing-dsb-after-tlbi"),
        ("D i D s T", "dsb-st-does-not-complete-tlbi"),
        ("D l D", "tlbi-not-broadcast"),
        ("D o D s D", "tlbi-range-too-small"),
    ],
)
def test_something_is_missing(tmp_path: Path, steps: str, rule: str) -> None:
    log = broken()
    for step in steps.split():
        match step:
            case "D":
                log.dsb()
            case "T":
                log.dsb("ishst")
            case "i":
                log.tlbi("ipas2e1is", 0)
            case "o":
                log.tlbi("ipas2e1is", 1)
            case "s":
                log.tlbi("vmalle1is")
            case "l":
                log.tlbi("vmalls12e1")
    found = outcome(made(log), tmp_path)
    assert found.verdict == "unsafe"
    assert rule in found.rules


def test_dsb_ishst_is_enough_before_the_tlbi(tmp_path: Path) -> None:
    log = broken().dsb("ishst").tlbi("vmalls12e1is").dsb()
    assert outcome(made(log), tmp_path).verdict == "clean"


def test_tlbi_under_another_vmid(tmp_path: Path) -> None:
    log = broken().dsb().vttbr(OTHER_ROOT, 1).isb().flush().vttbr(ROOT).isb()
    assert outcome(made(log), tmp_path).verdict == "unsafe"


def test_table_over_block_without_break(tmp_path: Path) -> None:
    block = page(0x40000000) & ~2
    log = tables(load=False).write(LEVEL2, block).dsb().vttbr(ROOT).isb()
    found = outcome(log.lock().write(LEVEL2, LEVEL3 | 3).unlock(), tmp_path, "P0-v8.0")
    assert "bbm-size-change" in found.rules


def test_block_over_table_without_break(tmp_path: Path) -> None:
    log = tables().lock().write(LEVEL2, page(0x40000000) & ~2).unlock()
    found = outcome(log, tmp_path, "P0-v8.0")
    assert "discipline-table-replaced" in found.rules
    assert "bbm-size-change" in found.rules


def test_last_level_tlbi_after_a_table_change(tmp_path: Path) -> None:
    log = tables().lock().write(LEVEL2, 0).dsb().tlbi("ipas2le1is", 0).dsb()
    log.tlbi("vmalle1is").dsb().write(LEVEL2, SPARE | 3).unlock()
    found = outcome(log, tmp_path)
    expected = {"leaf-tlbi-after-table-change", "discipline-table-unclean"}
    assert found.rules == expected


def test_freeing_a_linked_table(tmp_path: Path) -> None:
    log = tables().add("mem-free", f"(address {LEVEL3:#x}) (size 0x1000)")
    found = outcome(log, tmp_path)
    assert {"table-freed-before-tlbi", "discipline-release-in-use"} <= found.rules


# --------------------------------------------------- changes without a break


@pytest.mark.parametrize(
    ("new", "rule"),
    [
        (page(0x50000000), "bbm-oa-change"),
        (page(PAGE, NORMAL & ~0x3C), "bbm-attr-change"),
        (page(PAGE, NORMAL & ~0x300), "bbm-attr-change"),
    ],
    ids=["output address", "memory type", "shareability"],
)
def test_page_changed_without_break(tmp_path: Path, new: int, rule: str) -> None:
    found = outcome(tables().lock().write(LEAF, new).unlock(), tmp_path)
    assert found.verdict == "unsafe"
    assert rule in found.rules


def test_contiguous_bit_changed_without_break(tmp_path: Path) -> None:
    log = tables(load=False)
    for number in range(16):
        log.write(LEAF + 8 * number, page(PAGE + number * 0x1000))
    log.dsb().vttbr(ROOT).isb().lock()
    for number in range(16):
        log.write(LEAF + 8 * number, page(PAGE + number * 0x1000) | CONTIGUOUS)
    assert outcome(log.flush_vmid().unlock(), tmp_path, "P0-v8.0").verdict == "unsafe"
    assert outcome(log, tmp_path, "P3-bbml2").verdict == "clean"  # FEAT_BBM level 2


def test_page_without_access_flag_is_free_to_change(tmp_path: Path) -> None:
    log = tables(OLD & ~AF).lock().write(LEAF, NEW & ~AF).unlock()
    assert outcome(log, tmp_path).verdict == "clean"


# ------------------------------------------------------------------ TLBI, MSR


def test_wrong_level_hint(tmp_path: Path) -> None:
    log = broken().dsb().tlbi("ipas2e1is", 0b0110 << TTL).dsb()
    log = made(log.tlbi("vmalle1is").dsb())
    assert outcome(log, tmp_path, "P0-v8.0").verdict == "clean"  # no FEAT_TTL
    found = outcome(log, tmp_path, "P2-v8.4")
    assert "ttl-hint-mismatch" in found.rules


def test_right_level_hint(tmp_path: Path) -> None:
    log = broken().dsb().tlbi("ipas2e1is", 0b0111 << TTL).dsb()
    assert outcome(made(log.tlbi("vmalle1is").dsb()), tmp_path).verdict == "clean"


def test_vmalls12_under_another_vmid(tmp_path: Path) -> None:
    log = broken().dsb().vttbr(OTHER_ROOT, 1).isb().tlbi("vmalls12e1is").dsb()
    found = outcome(made(log.vttbr(ROOT).isb()), tmp_path)
    assert found.verdict == "unsafe"
    # Under its own VMID it does.
    log = broken().vttbr(OTHER_ROOT, 1).vttbr(ROOT).isb().flush_vmid()
    assert outcome(made(log), tmp_path).verdict == "clean"


@pytest.mark.parametrize("synchronised", [True, False])
def test_isb_between_vttbr_and_tlbi(tmp_path: Path, synchronised: bool) -> None:
    log = tables(load=False).init(OTHER_ROOT).root_lock(OTHER_ROOT, OTHER_LOCK)
    # Thread 1 runs the guest whose tables thread 0 changes.
    log.vttbr(OTHER_ROOT, 1).vttbr(ROOT, 0, 1).isb(1).lock().write(LEAF, 0).dsb()
    log.vttbr(ROOT)
    if synchronised:
        log.isb()
    found = outcome(made(log.tlbi("vmalls12e1is").dsb()), tmp_path)
    if synchronised:
        assert found.verdict == "clean"
    else:
        assert "vttbr-write-not-synchronised" in found.rules


def test_tlbi_by_a_cpu_without_vttbr(tmp_path: Path) -> None:
    log = broken().dsb().tlbi("ipas2e1is", 0, thread=1)
    assert outcome(log, tmp_path).verdict == "inconclusive"


# ----------------------------------------------------------------- relied upon


def test_unmap_without_tlbi(tmp_path: Path) -> None:
    found = outcome(broken().dsb().unlock(), tmp_path)
    assert found.rules == {"missing-tlbi-after-unmap"}


def test_unmap_without_tlbi_and_the_page_freed(tmp_path: Path) -> None:
    free = f"(address {PAGE:#x}) (size 0x1000)"
    found = outcome(broken().dsb().add("mem-free", free), tmp_path)
    assert "page-ref-dropped-before-tlbi" in found.rules
    assert not any(rule.startswith("discipline") for rule in found.rules)


def test_unmap_with_a_late_tlbi(tmp_path: Path) -> None:
    found = outcome(broken().dsb().unlock().flush(), tmp_path)
    assert found.rules == {"missing-tlbi-after-unmap"}


def test_another_tree_in_the_middle_of_a_change(tmp_path: Path) -> None:
    """An unlock says nothing about the tree that another lock protects."""
    log = tables().init(OTHER_ROOT).root_lock(OTHER_ROOT, OTHER_LOCK)
    log.vttbr(OTHER_ROOT, 1, thread=1).isb(1).lock().write(LEAF, 0)
    log.lock(OTHER_LOCK, 1).write(OTHER_ROOT, 0, 1).unlock(OTHER_LOCK, 1)
    assert outcome(made(log.flush()), tmp_path).verdict == "clean"


# --------------------------------------------------------------- fine elsewhere


def test_another_cpu_invalidates_under_the_same_lock(tmp_path: Path) -> None:
    log = tables().vttbr(ROOT, 0, 1).isb(1).lock().write(LEAF, 0).dsb()
    assert outcome(made(log.flush_vmid(thread=1)), tmp_path).verdict == "clean"


def test_another_cpu_invalidates_after_a_hand_over(tmp_path: Path) -> None:
    log = tables().vttbr(ROOT, 0, 1).isb(1).lock().write(LEAF, 0).dsb().unlock()
    log.lock(LOCK, 1).flush(thread=1).write(LEAF, NEW, 1).unlock(LOCK, 1)
    assert outcome(log, tmp_path).verdict == "clean"


def test_vmid_recycled(tmp_path: Path) -> None:
    log = tables().init(OTHER_ROOT, LEVEL1 + 0x10000).root_lock(OTHER_ROOT, OTHER_LOCK)
    log.vttbr(LEVEL1 + 0x10000, 9).isb()  # the old guest runs no more
    log.flush_vmid("alle1is").vttbr(OTHER_ROOT, 0).isb()
    assert outcome(log, tmp_path).verdict == "clean"


def test_vmid_recycled_on_a_single_cpu(tmp_path: Path) -> None:
    log = tables().init(OTHER_ROOT).flush_vmid("alle1is").vttbr(OTHER_ROOT, 0).isb()
    found = outcome(log, tmp_path, assume=("single-pe=on",))
    assert found.verdict == "clean"
    # Where the old guest may run on another CPU meanwhile, it is not.
    assert outcome(log, tmp_path).replayed.findings


def test_vmid_recycled_without_tlbi(tmp_path: Path) -> None:
    log = tables().init(OTHER_ROOT).vttbr(SPARE, 9).vttbr(OTHER_ROOT, 0).isb()
    found = outcome(log, tmp_path)
    assert found.rules == {"vmid-reuse-without-flush", "discipline-id-in-use"}


def test_new_vmid_for_a_root(tmp_path: Path) -> None:
    log = tables().flush_vmid("alle1is").vttbr(ROOT, 1).isb()
    assert outcome(log, tmp_path).verdict == "clean"


def test_empty_table_replaced(tmp_path: Path) -> None:
    log = tables(0).lock().write(LEVEL2, 0).flush().write(LEVEL2, SPARE | 3).unlock()
    assert outcome(log, tmp_path).verdict == "clean"


@pytest.mark.parametrize("option", ["sy", "osh", "ish"])
def test_wider_dsb(tmp_path: Path, option: str) -> None:
    log = broken().dsb(option).tlbi("vmalls12e1is").dsb(option)
    assert outcome(made(log), tmp_path).verdict == "clean"


def test_dsb_nsh_is_local(tmp_path: Path) -> None:
    log = made(broken().dsb("nsh").tlbi("vmalls12e1").dsb("nsh"))
    assert outcome(log, tmp_path, assume=("single-pe=on",)).verdict == "clean"
    assert outcome(log, tmp_path).verdict == "unsafe"
    log = made(broken().dsb().tlbi("vmalls12e1is").dsb("nsh"))
    assert "dsb-scope-too-narrow" in outcome(log, tmp_path).rules


# ------------------------------------------------- what casemate does not take


def test_read_of_another_value(tmp_path: Path) -> None:
    log = tables().add("mem-read", f"(address {LEAF:#x}) (value 0x0)")
    assert outcome(log, tmp_path).rules == {"discipline-unlogged-store"}
    log = tables().add("mem-read", f"(address {LEAF:#x}) (value {OLD:#x})")
    assert outcome(log, tmp_path).verdict == "clean"


@pytest.mark.parametrize(
    "op",
    ["vae1is", "vaae1is", "aside1is", "ipas2le1is", "ipas2e1", "vae2", "ipas2e1os"],
)
def test_other_tlbis_are_taken(tmp_path: Path, op: str) -> None:
    log = broken().dsb().tlbi(op, 0).dsb().tlbi("vmalls12e1is").dsb()
    assert outcome(made(log), tmp_path, "P2-v8.4").verdict == "clean"


def test_more_than_four_cpus(tmp_path: Path) -> None:
    log = broken().vttbr(ROOT, 0, 7).isb(7).dsb().flush_vmid(thread=7)
    assert outcome(made(log), tmp_path).verdict == "clean"


def test_a_thread_that_appears_late(tmp_path: Path) -> None:
    log = tables()
    for _ in range(5000):
        log.isb()
    log.lock().write(LEAF, 0).dsb().vttbr(ROOT, 0, 2).isb(2).flush_vmid(thread=2)
    assert outcome(made(log), tmp_path, "P0-v8.0").verdict == "clean"


def test_registers_of_el1_are_taken(tmp_path: Path) -> None:
    log = tables().add("sysreg-write", "(sysreg ttbr0_el1) (value 0x1000)")
    assert outcome(log, tmp_path).verdict == "clean"


def test_errata_need_what_a_log_has_not(tmp_path: Path) -> None:
    found = outcome(tables(), tmp_path, "P4-at-spec")
    assert found.verdict == "inconclusive"
