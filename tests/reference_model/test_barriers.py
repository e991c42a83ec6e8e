"""What each barrier retires and completes."""

from __future__ import annotations

import pytest
from shorthand import (
    BLOCK_AT,
    BLOCK_IPA,
    EMPTY_TABLE_AT,
    IPA,
    OTHER3,
    OUT,
    PAGE_AT,
    RELEASE,
    broken,
    dmb,
    dsb,
    page,
    store,
    table,
    tlbi,
)

from reference_model.events import Event, Isb, Lock, Store, Unlock

# barrier: (PEs for whose walkers it retires, PEs on which an IS TLBI is done,
#           PEs on which a local TLBI is done)
NONE, OWN, BOTH = frozenset[int](), frozenset({0}), frozenset({0, 1})
BARRIERS = {
    "nshst": (OWN, NONE, NONE),
    "ishst": (BOTH, NONE, NONE),
    "oshst": (BOTH, NONE, NONE),
    "st": (BOTH, NONE, NONE),
    "nshld": (NONE, NONE, NONE),
    "ishld": (NONE, NONE, NONE),
    "ld": (NONE, NONE, NONE),
    "nsh": (OWN, OWN, OWN),
    "ish": (BOTH, BOTH, OWN),
    "osh": (BOTH, BOTH, OWN),
    "sy": (BOTH, BOTH, OWN),
}
CASES = [pytest.param(name, *row, id=name) for name, row in BARRIERS.items()]


def _pes(events: list[Event]) -> set[int]:
    return {pe for _, pe, _ in broken(events)}


@pytest.mark.parametrize(("name", "retires", "completes", "completes_local"), CASES)
def test_r_spvbd_retires_old_values(
    name: str,
    retires: frozenset[int],
    completes: frozenset[int],
    completes_local: frozenset[int],
) -> None:
    events = [store(PAGE_AT), dsb(name), tlbi("VMALLS12E1IS"), dsb("ish"), RELEASE]
    # PE 0 walks too, until its first full DSB after exception entry.
    assert _pes(events) == BOTH - retires


@pytest.mark.parametrize(("name", "retires", "completes", "completes_local"), CASES)
@pytest.mark.parametrize("op", ["VMALLS12E1IS", "VMALLS12E1OS"])
def test_r_psmws_completes_a_broadcast_tlbi(
    name: str,
    retires: frozenset[int],
    completes: frozenset[int],
    completes_local: frozenset[int],
    op: str,
) -> None:
    events = [store(PAGE_AT), dsb("ishst"), tlbi(op), dsb(name), RELEASE]
    assert _pes(events) == BOTH - completes


@pytest.mark.parametrize(("name", "retires", "completes", "completes_local"), CASES)
def test_r_psmws_completes_a_local_tlbi(
    name: str,
    retires: frozenset[int],
    completes: frozenset[int],
    completes_local: frozenset[int],
) -> None:
    events = [store(PAGE_AT), dsb("ishst"), tlbi("VMALLS12E1"), dsb(name), RELEASE]
    assert _pes(events) == BOTH - completes_local


@pytest.mark.parametrize("between", [dmb("ish"), dmb("sy"), Isb(0)], ids=str)
def test_dmb_and_isb_complete_and_retire_nothing(between: Event) -> None:
    early = [store(PAGE_AT), between, tlbi("VMALLS12E1IS"), dsb("ish"), RELEASE]
    late = [store(PAGE_AT), dsb("ishst"), tlbi("VMALLS12E1IS"), between, RELEASE]
    assert _pes(early) == BOTH
    assert _pes(late) == BOTH


def test_r_ynjcp_only_the_issuer_completes() -> None:
    begin: list[Event] = [store(PAGE_AT), dsb("ishst"), tlbi("VMALLS12E1IS")]
    assert ("O1", 1, "S12") in broken([*begin, dsb("ish", pe=1), RELEASE])
    assert broken([*begin, dsb("ish", pe=1), dsb("ish"), RELEASE]) == set()


@pytest.mark.parametrize(
    ("middle", "left_on"),
    [
        pytest.param([dsb("ish")], NONE, id="ish"),
        pytest.param([dsb("sy")], NONE, id="sy"),
        pytest.param([dsb("nsh")], {1}, id="nsh"),
        pytest.param([dsb("ishst")], BOTH, id="ishst"),
        pytest.param([dsb("ishld")], BOTH, id="ishld"),
        pytest.param([], BOTH, id="none"),
        pytest.param([Isb(0)], BOTH, id="isb"),
        pytest.param([dsb("ish", pe=1)], BOTH, id="on-the-other-PE"),
    ],
)
def test_i_ckzgp_dsb_between_the_stages(middle: list[Event], left_on: set[int]) -> None:
    events = [
        store(PAGE_AT),
        dsb("ishst"),
        tlbi("IPAS2E1IS", IPA),
        *middle,
        tlbi("VMALLE1IS"),
        dsb("ish"),
        RELEASE,
    ]
    found = broken(events)
    assert {pe for _, pe, _ in found} == left_on
    assert {kind for _, _, kind in found} <= {"S12", "S12W"}


def test_i_ckzgp_stage1_before_stage2() -> None:
    events = [
        store(PAGE_AT),
        dsb("ishst"),
        tlbi("VMALLE1IS"),
        dsb("ish"),
        tlbi("IPAS2E1IS", IPA),
        dsb("ish"),
        RELEASE,
    ]
    assert ("O1", 1, "S12") in broken(events)
    again = [*events[:-1], tlbi("VMALLE1IS"), dsb("ish"), RELEASE]
    assert broken(again) == set()


def test_r_wwqzz_a_value_stored_after_issue_is_not_old_for_it() -> None:
    begin: list[Event] = [store(PAGE_AT), dsb("ishst"), tlbi("VMALLS12E1IS")]
    between = [store(PAGE_AT, page(OUT)), store(PAGE_AT)]
    assert broken([*begin, dsb("ish"), RELEASE]) == set()
    assert ("O1", 1, "S2") in broken([*begin, *between, dsb("ish"), RELEASE])


def _links_new_table(*between: Event, release: bool = False) -> list[Event]:
    # OTHER3 holds an old mapping when it leaves the tree at EMPTY_IPA; emptied
    # again, it is linked in the block's place, broken before.
    flush: list[Event] = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]
    return [
        store(OTHER3, page(OUT + 0x10_0000)),
        store(EMPTY_TABLE_AT),
        store(BLOCK_AT),
        *flush,
        store(OTHER3),
        *between,
        Store(0, BLOCK_AT, table(OTHER3), release),
        dsb("ish"),
        RELEASE,
    ]


@pytest.mark.parametrize(
    ("between", "release", "clean"),
    [
        pytest.param([], False, False, id="none"),
        pytest.param([dmb("ishst")], False, True, id="dmb-ishst"),
        pytest.param([dmb("ish")], False, True, id="dmb-ish"),
        pytest.param([dmb("ishld")], False, False, id="dmb-ishld"),
        pytest.param([dsb("ishst")], False, True, id="dsb-ishst"),
        pytest.param([dsb("ishld")], False, False, id="dsb-ishld"),
        pytest.param([Isb(0)], False, False, id="isb"),
        pytest.param([], True, True, id="store-release"),
    ],
)
def test_publication_of_a_table(
    between: list[Event], release: bool, clean: bool
) -> None:
    assert (broken(_links_new_table(*between, release=release)) == set()) == clean


@pytest.mark.parametrize("transitive", [True, False])
def test_flush_by_another_pe_after_a_lock_hand_over(transitive: bool) -> None:
    flush: list[Event] = [
        dsb("ishst", pe=1),
        tlbi("IPAS2E1IS", BLOCK_IPA, pe=1),
        dsb("ish", pe=1),
        tlbi("VMALLE1IS", pe=1),
        dsb("ish", pe=1),
        RELEASE,
    ]
    handed: list[Event] = [
        Lock(0, "p2m"),
        store(BLOCK_AT),
        Unlock(0, "p2m"),
        Lock(1, "p2m"),
        *flush,
    ]
    assert (broken(handed, dsb_transitive=transitive) == set()) == transitive
    loose = [e for e in handed if not isinstance(e, Lock | Unlock)]
    assert broken(loose) != set()
    own: list[Event] = [store(BLOCK_AT), dsb("ishst"), *flush]
    assert broken(own, dsb_transitive=False) == set()


def test_two_pes_retire_what_they_stored_to_one_descriptor() -> None:
    """The second DSB finds the first one's old values forgotten already."""
    stores: list[Event] = [store(PAGE_AT, page(OUT), pe=1), store(PAGE_AT)]
    both = [dsb("ish", 0), dsb("ish", 1)]
    flush = [tlbi("VMALLS12E1IS"), dsb("ish")]
    assert broken([*stores, *both, *flush, RELEASE]) == set()
    assert broken([*stores, *flush, RELEASE]) != set()
