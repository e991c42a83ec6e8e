"""EL2's own tables in casemate's logs: stage 1, one address space, no VMID."""

from __future__ import annotations

from pathlib import Path

import pytest
from casemate_log import LEAF, LEVEL1, LEVEL2, LEVEL3, LOCK, ROOT, SPARE, Log, outcome

AF = 1 << 10
OLD, NEW = 0x40000703, 0x50000703  # inner shareable, AF, read-write


def tables(leaf: int = OLD) -> Log:
    """Return a log with a tree of EL2 that maps VA 0, loaded by thread 0."""
    log = Log().init(ROOT, LEVEL1, LEVEL2, LEVEL3, SPARE).root_lock(ROOT, LOCK)
    log.write(ROOT, LEVEL1 | 3).write(LEVEL1, LEVEL2 | 3).write(LEVEL2, LEVEL3 | 3)
    log.write(LEAF, leaf).dsb()
    return log.add("sysreg-write", f"(sysreg ttbr0_el2) (value {ROOT:#x})").isb()


def broken() -> Log:
    """Return a log up to where the page at VA 0 is unmapped."""
    return tables().lock().write(LEAF, 0)


def made(log: Log) -> Log:
    """Make the new page, and unlock."""
    return log.write(LEAF, NEW).unlock()


@pytest.mark.parametrize("op", ["vae2is", "vale2is", "alle2is", "vae2os"])
def test_break_before_make(tmp_path: Path, op: str) -> None:
    value = 0 if op.startswith("v") else None
    log = made(broken().dsb().tlbi(op, value).dsb().isb())
    assert outcome(log, tmp_path, "P2-v8.4").verdict == "clean"


@pytest.mark.parametrize("op", ["vae2", "alle2", "alle1is", "vmalls12e1is"])
def test_tlbi_of_another_regime_or_pe(tmp_path: Path, op: str) -> None:
    log = broken().add("sysreg-write", f"(sysreg vttbr_el2) (value {SPARE:#x})").isb()
    log.dsb().tlbi(op, 0 if op.startswith("va") else None).dsb().isb()
    assert outcome(made(log), tmp_path).verdict == "unsafe"


@pytest.mark.parametrize("steps", ["D", "t D", "D t", "D o D"])
def test_something_is_missing(tmp_path: Path, steps: str) -> None:
    log = broken()
    for step in steps.split():
        if step == "D":
            log.dsb()
        else:
            log.tlbi("vae2is", 0 if step == "t" else 1)
    assert outcome(made(log.isb()), tmp_path).verdict == "unsafe"


def test_page_changed_without_break(tmp_path: Path) -> None:
    found = outcome(tables().lock().write(LEAF, NEW).unlock(), tmp_path)
    assert "bbm-oa-change" in found.rules


def test_page_without_access_flag_is_free_to_change(tmp_path: Path) -> None:
    log = tables(OLD & ~AF).lock().write(LEAF, NEW & ~AF).unlock()
    assert outcome(log, tmp_path).verdict == "clean"


def test_last_level_tlbi_after_a_table_change(tmp_path: Path) -> None:
    log = tables(0).lock().write(LEVEL2, 0).dsb().tlbi("vale2is", 0).dsb().isb()
    found = outcome(log.write(LEVEL2, SPARE | 3).unlock(), tmp_path)
    assert "discipline-table-unclean" in found.rules


def test_both_stages_in_one_log(tmp_path: Path) -> None:
    """An identifier of one stage is none of the other."""
    log = tables().add("sysreg-write", f"(sysreg vttbr_el2) (value {SPARE:#x})").isb()
    log.root_lock(SPARE, LOCK).lock().write(SPARE, 0).unlock()
    assert outcome(log, tmp_path).verdict == "clean"
