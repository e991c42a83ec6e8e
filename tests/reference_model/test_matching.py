"""Which entries each operation must remove, against a table written by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from reference_model.addresses import Granule
from reference_model.assumptions import Assumptions
from reference_model.matching import Candidate, Part, Selection, regimes_of
from reference_model.operands import (
    Reading,
    encode_ipa,
    encode_range,
    encode_va,
    target_of,
)
from reference_model.operations import By
from reference_model.regimes import Regime
from reference_model.tlbi import decode_operation

ADDRESS, SIZE = 0x4020_0000, 0x20_0000
HIT, MISS = ADDRESS + 0x5000, ADDRESS + SIZE
VMID, ASID = 3, 7
READING = Reading(ttl=True, ranges=True)

# The kinds of entry that must go if VMID, ASID and address match.  Rows: all
# the EL1&0 operations.  "gl": leaves also if they are global; "nG": leaves only
# if they are not.  The last column: what tells whether an entry is meant.
TABLE = """
ALLE1       S1 S1W S12 S12W S2 S2W  gl  any
VMALLS12E1  S1 S1W S12 S12W S2 S2W  gl  vmid
VMALLE1     S1 S1W S12 S12W         gl  vmid
ASIDE1      S1 S12                  nG  vmid,asid
VAE1        S1 S1W S12 S12W         gl  vmid,asid,address
VALE1       S1 S12                  gl  vmid,asid,address
VAAE1       S1 S1W S12 S12W         gl  vmid,address
VAALE1      S1 S12                  gl  vmid,address
RVAE1       S1 S1W S12 S12W         gl  vmid,asid,address
RVALE1      S1 S12                  gl  vmid,asid,address
RVAAE1      S1 S1W S12 S12W         gl  vmid,address
RVAALE1     S1 S12                  gl  vmid,address
IPAS2E1     S2 S2W                  gl  vmid,address
IPAS2LE1    S2                      gl  vmid,address
RIPAS2E1    S2 S2W                  gl  vmid,address
RIPAS2LE1   S2                      gl  vmid,address
VMALLWS2E1                          gl  vmid
TLBIALL     S1 S1W S12 S12W S2 S2W  gl  vmid
TLBIMVA     S1 S1W S12 S12W         gl  vmid,asid,address
TLBIMVAL    S1 S12                  gl  vmid,asid,address
TLBIMVAA    S1 S1W S12 S12W         gl  vmid,address
TLBIMVAAL   S1 S12                  gl  vmid,address
TLBIASID    S1 S1W S12 S12W         nG  vmid,asid
TLBIALLNSNH S1 S1W S12 S12W S2 S2W  gl  any
TLBIIPAS2   S2 S2W                  gl  vmid,address
TLBIIPAS2L  S2                      gl  vmid,address
"""
KINDS = ("S1", "S1W", "S12", "S12W", "S2", "S2W")
ROWS = [line.split() for line in TABLE.strip().splitlines()]


def operand_for(name: str, address: int, level: int | None = None) -> int:
    operation = decode_operation(name)
    if operation.aarch32:
        if operation.by is By.INTERMEDIATE:
            return address >> 12
        return address | ASID
    if operation.ranged:
        return encode_range(address, 2, asid=ASID, level=level)
    if operation.by is By.INTERMEDIATE:
        return encode_ipa(address, level=level)
    return encode_va(address, asid=ASID, level=level)


def executed(
    name: str,
    operand: int = 0,
    regime: Regime = Regime.EL10,
    reading: Reading = READING,
) -> Selection:
    operation = decode_operation(name)
    target = target_of(operation, operand, reading)
    return Selection(operation, target, frozenset({VMID}), frozenset({regime}))


def held(kind: str, **changes: object) -> Candidate:
    stage1, table = kind.startswith("S1"), kind.endswith("W")
    entry = Candidate(
        Regime.EL10,
        stage1,
        Part.TABLE if table else Part.LEAF,
        VMID,
        ASID if stage1 else None,
        (ADDRESS, ADDRESS + SIZE),
        level=2,
    )
    return entry._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_the_table_of_what_must_go(row: list[str]) -> None:
    name, gone, told, matters = row[0], row[1:-2], row[-2], row[-1]
    for kind, vmid, asid, address in product(
        KINDS, (VMID, 4), (ASID, 8, None), (HIT, MISS)
    ):
        stage1, table = kind.startswith("S1"), kind.endswith("W")
        if asid is None and table and stage1:
            continue  # a Table is never global (R_CHVGJ)
        expected = kind in gone
        if vmid != VMID and "vmid" in matters:
            expected = False
        if address == MISS and "address" in matters:
            expected = False
        if stage1 and "asid" in matters:
            if asid is None:
                expected &= told == "gl"
            elif asid != ASID:
                expected = False
        entry = held(kind, vmid=vmid, asid=asid if stage1 else None)
        for scope in ("", "IS"):
            found = executed(name + scope, operand_for(name, address))
            assert found.selects(entry) == expected, (kind, vmid, asid, address)


def test_an_address_of_a_guest_is_not_known() -> None:
    for row in ROWS:
        if "address" in row[-1]:
            found = executed(row[0], operand_for(row[0], HIT))
            for kind in KINDS:
                assert not found.selects(held(kind, addresses=None))


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS + SIZE - 0x1000])
@pytest.mark.parametrize("name", ["IPAS2E1IS", "VAE1IS"])
def test_any_address_of_a_block_removes_it_r_tvtyq(name: str, address: int) -> None:
    kind = "S2" if name.startswith("IPA") else "S12"
    assert executed(name, operand_for(name, address)).selects(held(kind))
    before = operand_for(name, ADDRESS - 0x1000)
    assert not executed(name, before).selects(held(kind))


def test_a_range_need_only_touch_the_block() -> None:
    for start, expected in (
        (ADDRESS - 0x2000, False),
        (ADDRESS - 0x1000, True),
        (ADDRESS + SIZE - 0x1000, True),
        (ADDRESS + SIZE, False),
    ):
        found = executed("RIPAS2E1IS", encode_range(start, 2))
        assert found.selects(held("S2")) == expected


@pytest.mark.parametrize("name", ["IPAS2E1IS", "VAE1", "VAALE1", "RIPAS2LE1", "RVAE1"])
def test_level_hint_r_sqxyz(name: str) -> None:
    stage2 = "IPA" in name
    leaf, table = ("S2", "S2W") if stage2 else ("S12", "S12W")
    for hint, level in product((None, 1, 2, 3), (1, 2, 3, None)):
        start = 0x4000_0000
        entry = {"level": level, "addresses": (start, start + (1 << 30))}
        found = executed(name, operand_for(name, start, hint))
        expected = hint is None or hint == level
        assert found.selects(held(leaf, **entry)) == expected
        last = "LE1" in name
        assert found.selects(held(table, **entry)) == (expected and not last)


def test_tables_of_another_granule_r_xmzfh() -> None:
    for used, entry in product(Granule, Granule):
        reading = replace(READING, granule=used)
        found = executed("IPAS2E1IS", operand_for("IPAS2E1IS", HIT), reading=reading)
        assert found.selects(held("S2", granule=entry)) == (used is entry)
        every = executed("VMALLS12E1IS", reading=reading)
        assert every.selects(held("S2", granule=entry))


@pytest.mark.parametrize(
    "operand",
    [
        pytest.param(encode_range(ADDRESS, 2, granule=Granule.K64), id="tg"),
        pytest.param(1 << 46 | 1 << 37 | ADDRESS >> 12, id="misaligned"),
    ],
)
def test_a_refused_operand_removes_nothing(operand: int) -> None:
    assert not executed("RIPAS2E1IS", operand).selects(held("S2", level=1))


# ---------------------------------------------- what registers leave open (M4)


def test_more_than_one_vmid_credits_the_intersection() -> None:
    vmids = frozenset({VMID, 4})
    for vmid in vmids:
        entry = held("S12", vmid=vmid)
        assert not replace(executed("VMALLS12E1IS"), vmids=vmids).selects(entry)
        assert replace(executed("ALLE1IS"), vmids=vmids).selects(entry)


E2H, TGE = 1 << 34, 1 << 27


@pytest.mark.parametrize(
    ("name", "plain", "tge", "e2h", "host"),
    [
        ("VMALLE1IS", "10", "10", "10", "20"),
        ("VAE1", "10", "10", "10", "20"),
        ("RVAAE1OS", "10", "10", "10", "20"),
        ("ASIDE1IS", "10", "10", "10", "20"),
        ("VMALLS12E1IS", "10", "10", "10", "10"),
        ("IPAS2E1IS", "10", "10", "10", "10"),
        ("RIPAS2LE1", "10", "10", "10", "10"),
        ("ALLE1IS", "10", "10", "10", "10"),
        ("ALLE2", "2", "2", "20", "20"),
        ("VAE2IS", "2", "2", "20", "20"),
        ("RVALE2", "2", "2", "20", "20"),
        ("TLBIALLHIS", "2", "2", "2", "2"),
    ],
)
def test_regime_f1_9(name: str, plain: str, tge: str, e2h: str, host: str) -> None:
    named = {"10": Regime.EL10, "2": Regime.EL2, "20": Regime.EL20}
    operation = decode_operation(name)
    for hcr, expected in ((0, plain), (TGE, tge), (E2H, e2h), (E2H | TGE, host)):
        assert regimes_of(operation, [hcr]) == {named[expected]}
        assert regimes_of(operation, [hcr], at_el1=True) == {Regime.EL10}
    both = regimes_of(operation, [0, E2H | TGE])
    assert both == {named[plain], named[host]}
    selection = Selection(operation, None, frozenset({VMID}), both)
    if len(both) == 2:
        for regime in both:
            assert not selection.applies(regime, VMID)


# -------------------------------------------------------------- the EL2 regimes


@pytest.mark.parametrize(
    ("name", "regime", "leaf", "table", "other_asid", "elsewhere"),
    [
        ("ALLE2IS", Regime.EL2, True, True, True, True),
        ("VAE2IS", Regime.EL2, True, True, True, False),
        ("VALE2", Regime.EL2, True, False, True, False),
        ("RVAE2", Regime.EL2, True, True, True, False),
        ("ALLE2IS", Regime.EL20, True, True, True, True),
        ("VAE2IS", Regime.EL20, True, True, False, False),
        ("VALE2", Regime.EL20, True, False, False, False),
        ("VMALLE1", Regime.EL20, True, True, True, True),
        ("VAE1IS", Regime.EL20, True, True, False, False),
        ("VAAE1IS", Regime.EL20, True, True, True, False),
        ("ASIDE1IS", Regime.EL20, True, False, False, True),
        ("TLBIALLH", Regime.EL2, True, True, True, True),
        ("TLBIMVAHIS", Regime.EL2, True, True, True, False),
        ("TLBIMVALH", Regime.EL2, True, False, True, False),
    ],
)
def test_el2_regimes(
    name: str,
    regime: Regime,
    leaf: bool,
    table: bool,
    other_asid: bool,
    elsewhere: bool,
) -> None:
    def entry(kind: str, asid: int | None = ASID) -> Candidate:
        asid = asid if regime is Regime.EL20 else None
        return held(kind, regime=regime, vmid=None, asid=asid)

    hit = executed(name, operand_for(name, HIT), regime)
    miss = executed(name, operand_for(name, MISS), regime)
    assert hit.selects(entry("S1")) == leaf
    assert hit.selects(entry("S1W")) == table
    assert hit.selects(entry("S1", asid=8)) == other_asid
    assert miss.selects(entry("S1")) == elsewhere
    assert not hit.selects(held("S1"))
    assert not hit.selects(held("S12"))
    assert not executed("ALLE1IS").selects(entry("S1"))


def test_global_entries_of_the_host_regime() -> None:
    entry = held("S1", regime=Regime.EL20, vmid=None, asid=None)
    for name, expected in (("VAE2", True), ("ASIDE1", False), ("VMALLE1", True)):
        found = executed(name, operand_for(name, HIT), Regime.EL20)
        assert found.selects(entry) == expected


# ------------------------------------------------------------ named assumptions


def test_assume_asid_tlbi_walkcache() -> None:
    found = executed("ASIDE1IS", operand_for("ASIDE1IS", HIT))
    generous = replace(found, assumptions=Assumptions(asid_tlbi_walkcache=True))
    for kind in ("S1W", "S12W"):
        assert not found.selects(held(kind))
        assert generous.selects(held(kind))


def test_nxs_i_tfqrw() -> None:
    found = executed("VMALLS12E1ISNXS")
    generous = replace(found, assumptions=Assumptions(nxs_invalidates_xs1=True))
    assert not found.selects(held("S12"))
    assert found.selects(held("S12", xs=False))
    assert generous.selects(held("S12"))


def copy(*, stage1: bool, vmid: int = VMID, asid: int | None = None) -> Candidate:
    return Candidate(Regime.EL10, stage1, Part.COPY, vmid, asid)


@pytest.mark.parametrize(
    ("name", "any_stage1", "any_stage2", "own_stage1", "own_stage2"),
    [
        ("ALLE1IS", True, True, True, True),
        ("VMALLS12E1IS", True, True, True, True),
        ("VMALLE1IS", True, True, True, False),
        ("VAE1IS", True, True, True, False),
        ("IPAS2E1IS", True, True, False, True),
        ("IPAS2LE1IS", True, True, False, True),
        ("VMALLWS2E1IS", False, False, False, False),
    ],
)
def test_copies_of_descriptors_r_tjqvp(
    name: str, any_stage1: bool, any_stage2: bool, own_stage1: bool, own_stage2: bool
) -> None:
    found = executed(name, operand_for(name, MISS))
    strict = replace(found, assumptions=Assumptions(ntlbpa_any_tlbi=False))
    one, two = copy(stage1=True, asid=ASID), copy(stage1=False)
    assert (found.selects(one), found.selects(two)) == (any_stage1, any_stage2)
    assert (strict.selects(one), strict.selects(two)) == (own_stage1, own_stage2)
    if name != "ALLE1IS":
        assert not found.selects(copy(stage1=False, vmid=4))
    if name == "VAE1IS":
        assert not found.selects(copy(stage1=True, asid=8))
