"""The property in which two leaves for one address differ, by R_WHZWS."""

from __future__ import annotations

from itertools import product

import pytest
from shorthand import (
    OTHER_OUT,
    OUT,
    PAGE_AT,
    TWO_RUNNING,
    dsb,
    machine,
    page,
    store,
    tlbi,
)

from reference_model.addresses import Granule
from reference_model.conflicts import conflict
from reference_model.events import Event
from reference_model.memory import Cell, StoreRecord
from reference_model.regimes import Regime
from reference_model.sysregs import Root
from reference_model.tables import Link, Table

PAGE = 0x8020_0403
BLOCK = 0x8020_0401
READ, WRITE, DBM, NT, CONTIGUOUS = 1 << 6, 1 << 7, 1 << 51, 1 << 16, 1 << 52
NOT_GLOBAL, READ_ONLY = 1 << 11, 1 << 7  # stage 1
IA = 0x4020_0000
FLUSH: list[Event] = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]


def leaf(
    value: int,
    time: int,
    regime: Regime = Regime.EL10,
    level: int = 3,
    granule: Granule = Granule.K4,
) -> Link:
    root = Root(0x10_0000, 1, 1, granule, regime)
    where = 0x20_0000 if level == 3 else 0x30_0000
    base = IA & -(granule.entries << granule.shift(level))
    table = Table(root, where, level, base, None)
    slot = granule.index(IA, level)
    record = StoreRecord(time, value, 0, (0,))
    return Link(table, Cell(where + 8 * slot, record), record)


def test_global_over_nonglobal_but_not_the_other_way_round() -> None:
    """R_WHZWS lists the creation of a global entry that overlaps others."""
    own, shared = PAGE | NOT_GLOBAL, PAGE
    for first, second in product((own, shared), repeat=2):
        old, new = leaf(first, 1, Regime.EL20), leaf(second, 2, Regime.EL20)
        expected = "global" if (first, second) == (own, shared) else ""
        for bbm in range(3):
            assert conflict(old, new, bbm) == expected
            assert conflict(new, old, bbm) == expected  # the time tells


def test_ng_means_nothing_where_there_are_no_asids() -> None:
    for regime in (Regime.EL2, Regime.EL10):
        old, new = leaf(PAGE | NOT_GLOBAL, 1, regime), leaf(PAGE, 2, regime)
        assert conflict(old, new, 0) == ""


@pytest.mark.parametrize(
    ("regime", "reader", "writers"),
    [
        (Regime.EL10, READ, (READ | WRITE, WRITE, READ | DBM)),
        (Regime.EL20, READ_ONLY, (0, READ_ONLY | DBM)),
        (Regime.EL2, READ_ONLY, (0, READ_ONLY | DBM)),
    ],
)
def test_output_address(regime: Regime, reader: int, writers: tuple[int, ...]) -> None:
    moved = 0x1000
    for before, after in product((reader, *writers), repeat=2):
        old, new = leaf(PAGE | before, 1, regime), leaf(PAGE + moved | after, 2, regime)
        assert conflict(old, new, 2) == "oa"
        exempt = before == after == reader
        found = conflict(old, new, 2, read_only_exempt=True)
        assert found == ("" if exempt else "oa")


@pytest.mark.parametrize(
    ("regime", "bits"),
    [
        (Regime.EL10, (1 << 2, 1 << 5, 3 << 8)),  # MemAttr, SH
        (Regime.EL20, (1 << 2, 1 << 4, 3 << 8)),  # AttrIndx, SH
        (Regime.EL2, (1 << 2, 1 << 4, 3 << 8)),
    ],
)
def test_attributes(regime: Regime, bits: tuple[int, ...]) -> None:
    for bit in bits:
        old, new = leaf(PAGE, 1, regime), leaf(PAGE | bit, 2, regime)
        assert conflict(old, new, 2) == "attr"


def test_permissions_and_software_bits_are_free() -> None:
    for bit in (1 << 6, 1 << 53, 1 << 54, *(1 << n for n in range(55, 59))):
        for regime in Regime:
            old, new = leaf(PAGE, 1, regime), leaf(PAGE ^ bit, 2, regime)
            assert conflict(old, new, 0) == ""


@pytest.mark.parametrize("granule", Granule)
def test_size_by_bbm_level(granule: Granule) -> None:
    """R_KFLJB: nT protects at level 1 only; level 0 does not know the bit."""
    size = granule.level_bytes(2)
    output = 0x40_0000_0000
    inside = IA % size
    for bbm, old_nt, new_nt in product(range(4), (0, NT), (0, NT)):
        split = leaf(output | 0x401 | old_nt, 1, level=2, granule=granule)
        small = leaf(output + inside | 0x403, 2, level=3, granule=granule)
        merged = leaf(output | 0x401 | new_nt, 3, level=2, granule=granule)
        expected = "" if bbm >= 2 or (bbm == 1 and old_nt) else "size"
        assert conflict(split, small, bbm) == expected
        expected = "" if bbm >= 2 or (bbm == 1 and new_nt) else "size"
        assert conflict(small, merged, bbm) == expected
        assert conflict(split, merged, bbm) == ""


def test_size_change_with_another_output_is_never_free_r_pvtfw() -> None:
    block = leaf(BLOCK | NT, 1, level=2)
    for bbm in range(4):
        assert conflict(block, leaf(PAGE + 0x1000, 2), bbm) == "oa"
        assert conflict(block, leaf(PAGE | 1 << 2, 2), bbm) == "attr"


def test_contiguous_by_bbm_level() -> None:
    for bbm in range(3):
        expected = "contiguous" if bbm == 0 else ""
        old, new = leaf(PAGE, 1), leaf(PAGE | CONTIGUOUS, 2)
        assert conflict(old, new, bbm) == expected
        assert conflict(new, old, bbm) == expected


@pytest.mark.parametrize("required", [True, False])
def test_assume_bbm_ro_same_content(required: bool) -> None:
    run = machine("P0-v8.0", bbm_ro_same_content=required)
    read_only = page(OUT) & ~WRITE
    made = [store(PAGE_AT), *FLUSH, store(PAGE_AT, read_only), dsb("ish")]
    moved = store(PAGE_AT, page(OTHER_OUT) & ~WRITE)
    found = run.run([*TWO_RUNNING, *made, moved])
    assert {v.conflict for v in found} == ({"oa"} if required else set())
