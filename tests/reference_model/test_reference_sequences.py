"""The sequences that are right, and each of them with one step left out."""

from __future__ import annotations

import pytest
from shorthand import ATTRIBUTES as PLAIN
from shorthand import (
    BLOCK_AT,
    EMPTY_TABLE_AT,
    IPA,
    NT,
    ONE_RAN,
    OTHER3,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    RELEASE,
    TABLE2,
    TABLE3,
    block,
    broken,
    dsb,
    enter,
    page,
    properties,
    store,
    table,
    tlbi,
)

from reference_model.events import Event, ExceptionEntry, Isb, Msr, TableFree

FULL: list[Event] = [
    store(PAGE_AT),
    dsb("ishst"),
    tlbi("VMALLS12E1IS"),
    dsb("ish"),
    Isb(0),
]
BY_IPA: list[Event] = [
    store(PAGE_AT),
    dsb("ishst"),
    tlbi("IPAS2E1IS", IPA),
    dsb("ish"),
    tlbi("VMALLE1IS"),
    dsb("ish"),
    Isb(0),
]
REPEAT: list[Event] = [tlbi("VALE2IS"), dsb("ish")]


def _without(events: list[Event], at: int) -> list[Event]:
    return events[:at] + events[at + 1 :]


@pytest.mark.parametrize("profile", ["P0-v8.0", "P2-v8.4", "P3-bbml2"])
@pytest.mark.parametrize("sequence", [FULL, BY_IPA], ids=["VMID", "IPA"])
def test_removal(sequence: list[Event], profile: str) -> None:
    assert broken([*sequence, RELEASE], profile) == set()


@pytest.mark.parametrize("profile", ["P0-v8.0", "P2-v8.4", "P3-bbml2"])
@pytest.mark.parametrize(
    ("sequence", "at"),
    [pytest.param(FULL, n, id=f"VMID-{n}") for n in (1, 2, 3)]
    + [pytest.param(BY_IPA, n, id=f"IPA-{n}") for n in (1, 2, 3, 4, 5)],
)
def test_removal_without_a_step(sequence: list[Event], at: int, profile: str) -> None:
    assert "O1" in properties([*_without(sequence, at), RELEASE], profile)


SWITCH: list[Event] = [
    dsb("nsh"),
    Msr(0, "TTBR0_EL1", 0x9000),
    Isb(0),
    dsb("nshst"),
    tlbi("VMALLE1"),
    dsb("nsh"),
    Isb(0),
    *enter(),
]


def test_switch_of_vcpus() -> None:
    assert broken(SWITCH, before=ONE_RAN) == set()


@pytest.mark.parametrize("at", [4, 5])
def test_switch_of_vcpus_without_a_step(at: int) -> None:
    assert properties(_without(SWITCH, at), before=ONE_RAN) == {"O3"}


FLUSH: list[Event] = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]
FILLED: list[Event] = [store(TABLE3 + 8 * n, page(OUT + 4096 * n)) for n in range(512)]
MERGE: list[Event] = [
    store(TABLE2, block(OUT, PLAIN | NT)),
    *FLUSH,
    store(TABLE2, block(OUT)),
    *FLUSH,
]


def test_merge_at_bbm_level_1() -> None:
    events = [*FILLED, *MERGE, TableFree(0, TABLE3), RELEASE]
    assert broken(events, "P2-v8.4") == set()
    assert "O2" in properties(events)


@pytest.mark.parametrize("at", [0, 2, 3])
def test_merge_at_bbm_level_1_without_a_step(at: int) -> None:
    assert "O2" in properties([*FILLED, *_without(MERGE, at)], "P2-v8.4")


def _direct(flush: list[Event]) -> list[Event]:
    """Merge with one store, then free the table."""
    return [*FILLED, store(TABLE2, block(OUT)), *flush, TableFree(0, TABLE3), RELEASE]


def test_size_change_at_bbm_level_2() -> None:
    assert broken(_direct(FLUSH), "P3-bbml2") == set()
    split: list[Event] = [
        store(EMPTY_TABLE_AT),
        *FLUSH,
        *(store(OTHER3 + 8 * n, page(OUT + (512 + n) * 4096)) for n in range(512)),
        dsb("ishst"),
        store(BLOCK_AT, table(OTHER3)),
        *FLUSH,
        RELEASE,
    ]
    assert broken(split, "P3-bbml2") == set()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_size_change_at_bbm_level_2_without_a_step(at: int) -> None:
    assert "O4" in properties(_direct(_without(FLUSH, at)), "P3-bbml2")


BOTH_LEFT: list[Event] = [ExceptionEntry(1), dsb("ish", pe=1), dsb("ish")]
ROLLOVER: list[Event] = [dsb("ishst"), tlbi("ALLE1IS"), dsb("ish")]


def _rollover(flush: list[Event]) -> set[str]:
    fill = store(OTHER_ROOT + 8, block(OUT + 0x4000_0000))
    new_vm = [fill, *flush, *enter(vmid=1, root=OTHER_ROOT)]
    return properties([*BOTH_LEFT, *new_vm]) & {"O5"}


def test_reuse_of_vmids() -> None:
    assert _rollover(ROLLOVER) == set()
    assert _rollover(ROLLOVER[:1]) == {"O5"}
    assert _rollover(ROLLOVER[:2]) == {"O5"}


# ---------------------------------------------------------------- REPEAT_TLBI


@pytest.mark.parametrize("sequence", [FULL, BY_IPA], ids=["VMID", "IPA"])
@pytest.mark.parametrize(
    ("extra", "clean"),
    [
        pytest.param([], False, id="none"),
        pytest.param(REPEAT, True, id="by-the-book"),
        pytest.param(REPEAT[:1], False, id="no-DSB-after"),
        pytest.param([tlbi("VALE2IS"), dsb("ishst")], False, id="DSB-ISHST-after"),
        pytest.param([tlbi("VALE2IS"), dsb("nsh")], False, id="DSB-NSH-after"),
        pytest.param([tlbi("VALE2"), dsb("ish")], False, id="local"),
        pytest.param(
            [tlbi("VALE2IS", pe=1), dsb("ish", pe=1)], False, id="by-another-PE"
        ),
        pytest.param([tlbi("VMALLE1IS"), dsb("sy")], True, id="any-broadcast"),
    ],
)
def test_extra_tlbi(sequence: list[Event], extra: list[Event], clean: bool) -> None:
    events = [*sequence, *extra, RELEASE]
    assert broken(events) == set()
    assert properties(events, "P1-repeat") == (set() if clean else {"M7"})


def test_extra_tlbi_needs_the_first_to_be_complete() -> None:
    both = [*FULL[:3], tlbi("VALE2IS"), dsb("ish"), RELEASE]
    assert properties(both, "P1-repeat") == {"M7"}


def test_one_extra_tlbi_for_a_batch() -> None:
    other: list[Event] = [store(PAGE_AT + 8), *FULL[1:]]
    assert properties([*FULL, *other, *REPEAT, RELEASE], "P1-repeat") == set()
    # The second flush ends the accesses through the first entry only.
    assert properties([*FULL, *other, RELEASE], "P1-repeat") == {"M7"}


def test_local_tlbis_leave_no_accesses() -> None:
    alone = [store(PAGE_AT), dsb("nshst"), tlbi("VMALLS12E1"), dsb("nsh"), RELEASE]
    assert properties(alone, "P1-repeat", before=ONE_RAN) == set()
