"""Rules about operands, VMIDs, nT and who executes what, told apart by repair."""

import pytest
from shorthand import (
    BLOCK_AT,
    BLOCK_IPA,
    EMPTY_IPA,
    EMPTY_TABLE_AT,
    HCR,
    IPA,
    MEMORY,
    NT,
    ONE_RAN,
    OTHER3,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    RELEASE,
    TWO_RUNNING,
    block,
    dsb,
    enter,
    page,
    registers,
    store,
    table,
    tlbi,
    vttbr,
)

from harness.check.causes.causes import causes
from harness.check.causes.timeline import Replay
from reference_model.assumptions import Assumptions
from reference_model.events import (
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Msr,
    PageRelease,
    TableFree,
    Tlbi,
)
from reference_model.machine import Start
from reference_model.profiles import ARCHITECTURE_PROFILES

SPLIT = 0x50_0000  # maps what the block maps, in pages
PAGES = {SPLIT + 8 * n: page(OUT + 0x20_0000 + 0x1000 * n) for n in range(512)}
OTHER = {OTHER_ROOT + 8: table(0x40_0000)}
START = Start(2, MEMORY | OTHER | PAGES, (registers(0), registers(1)))
GONE = [store(PAGE_AT), dsb("ishst")]
FLUSH = [tlbi("VMALLS12E1IS"), dsb("ish")]
STEP = [dsb("ish"), tlbi("VMALLE1IS"), dsb("ish"), RELEASE]
HOST = 1 << 34 | 1 << 27


def rules(
    events: list[Event],
    profile: str = "P0-v8.0",
    before: list[Event] = TWO_RUNNING,
    **assumptions: bool,
) -> set[str]:
    machine = ARCHITECTURE_PROFILES[profile]
    replay = Replay(START, machine, Assumptions(**assumptions))
    found = causes(replay, (*before, dsb("sy"), *events))
    assert all(cause.verified for cause in found)
    return {cause.rule for cause in found}


def ranged(tg: int = 1, number: int = 0, ttl: int = 0, base: int = IPA) -> Tlbi:
    return Tlbi(0, "RIPAS2E1IS", tg << 46 | number << 39 | ttl << 37 | base >> 12)


CASES: dict[str, tuple[str, list[Event], str]] = {
    "DSB on the other PE": (
        "dsb-on-wrong-pe",
        [*GONE, tlbi("VMALLS12E1IS"), dsb("ish", 1), RELEASE],
        "P0-v8.0",
    ),
    "host mode": (
        "tlbi-wrong-regime-tge",
        [
            *GONE,
            tlbi("IPAS2E1IS", IPA),
            dsb("ish"),
            Msr(0, "HCR_EL2", HCR | HOST),
            Isb(0),
            *STEP[1:],
        ],
        "P0-v8.0",
    ),
    "range of another granule": (
        "range-tg-mismatch",
        [*GONE, ranged(tg=2), *STEP],
        "P2-v8.4",
    ),
    "range off its level": (
        "range-tlbi-misaligned",
        [store(BLOCK_AT), dsb("ishst"), ranged(ttl=2, base=BLOCK_IPA + 0x1000), *STEP],
        "P2-v8.4",
    ),
    "range without the feature": (
        "range-unsupported-on-pe",
        [*GONE, ranged(), *STEP],
        "P0-v8.0",
    ),
    "address not shifted": (
        "tlbi-operand-encoding",
        [*GONE, Tlbi(0, "IPAS2E1IS", IPA), *STEP],
        "P0-v8.0",
    ),
    "bits above the address": (
        "tlbi-operand-encoding",
        [*GONE, Tlbi(0, "IPAS2E1IS", IPA >> 12 | 1 << 37), *STEP],
        "P0-v8.0",
    ),
    "nT below BBM level 1": (
        "nt-unsupported",
        [
            store(BLOCK_AT, block(OUT + 0x20_0000) | NT),
            dsb("ishst"),
            *FLUSH,
            store(BLOCK_AT, table(SPLIT)),
        ],
        "P0-v8.0",
    ),
    "bit 16 of a page": (
        "nt-unsupported",
        [store(PAGE_AT, page(OUT) | NT), dsb("ishst"), *FLUSH, RELEASE],
        "P2-v8.4",
    ),
    "nT and another output": (
        "nt-sequence-with-other-change",
        [store(BLOCK_AT, block(OTHER_OUT) | NT), dsb("ishst"), *FLUSH, RELEASE],
        "P2-v8.4",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rule(name: str) -> None:
    rule, events, profile = CASES[name]
    assert rules(events, profile) == {rule}


def test_reference_dropped_before_the_flush() -> None:
    events = [*GONE, PageRelease(0, OUT), *FLUSH, RELEASE]
    assert rules(events, alloc_flushes_tlb=False) == {"page-ref-dropped-before-tlbi"}
    assert not rules(events)


NEXT_VM = enter(vmid=1, root=OTHER_ROOT)


def test_reuse_without_a_flush() -> None:
    assert rules(NEXT_VM, before=ONE_RAN) == {"vmid-reuse-without-flush"}


def test_reuse_with_a_local_flush() -> None:
    events = [
        ExceptionEntry(1),
        dsb("sy", 1),
        dsb("ishst"),
        tlbi("VMALLS12E1"),
        dsb("nsh"),
        *NEXT_VM,
    ]
    assert rules(events) == {"vmid-flush-local-only"}


def test_old_generation_after_the_rollover() -> None:
    events = [
        ExceptionEntry(1),
        dsb("sy", 1),
        dsb("ishst"),
        tlbi("ALLE1IS"),
        dsb("ish"),
        Eret(1),
        ExceptionEntry(1),
        dsb("sy", 1),
        *NEXT_VM,
    ]
    assert rules(events) == {"vmid-rollover-fastpath-skip"}


def test_vmid_of_more_bits_than_in_use() -> None:
    events = [Msr(0, "VTTBR_EL2", vttbr(0x101, OTHER_ROOT)), Isb(0), Eret(0)]
    assert rules(events, before=ONE_RAN) == {"vmid-width-truncation"}


@pytest.mark.parametrize("op", ["ASIDE1IS", "VAE1IS", "VAAE1IS", "VALE1IS"])
def test_some_addresses_are_no_stage1_step(op: str) -> None:
    events = [*GONE, tlbi("IPAS2E1IS", IPA), dsb("ish"), tlbi(op), dsb("ish"), RELEASE]
    assert rules(events) == {"missing-s1-inval-after-ipas2"}


def test_a_last_level_form_with_a_hint() -> None:
    hinted = Tlbi(0, "IPAS2LE1IS", 0b0111 << 44 | EMPTY_IPA >> 12)
    events = [store(EMPTY_TABLE_AT), dsb("ishst"), hinted, *STEP[:-1]]
    freed = [*events, TableFree(0, OTHER3)]
    assert rules(freed, "P2-v8.4") == {
        "leaf-tlbi-after-table-change",
        "ttl-hint-mismatch",
    }


def test_guest_s_own_tlbis() -> None:
    events: list[Event] = [
        *(Msr(pe, "HCR_EL2", HCR & ~(1 << 9)) for pe in (0, 1)),
        Eret(0),
        ExceptionEntry(0),
        dsb("sy"),
        Eret(1),
    ]
    migrated = [*events, ExceptionEntry(1), dsb("sy", 1)]
    back = [*migrated, Msr(1, "TTBR0_EL1", 0x5000), Eret(1), ExceptionEntry(1)]
    found = rules([*back, dsb("sy", 1), Eret(0)], before=ONE_RAN)
    assert "hcr-fb-cleared" in found


def test_right_by_an_alternative_only() -> None:
    """The erratum's own TLBI and DSB stand where a DSB is missing (F6.6b)."""
    extra = [dsb("ish"), tlbi("VALE2IS"), dsb("ish")]
    steps = (*TWO_RUNNING, dsb("sy"), *GONE, tlbi("IPAS2E1IS", IPA))
    step = [tlbi("VMALLE1IS"), dsb("ish")]
    expanded = (*steps, *extra, *step, *extra[1:], RELEASE)
    replay = Replay(START, ARCHITECTURE_PROFILES["P1-repeat"], Assumptions())
    assert not causes(replay, expanded)
    found = causes(replay, expanded, plain=(*steps, *step, RELEASE))
    assert {cause.rule for cause in found} == {"right-only-on-profile"}
    assert not causes(replay, expanded, plain=(*steps, dsb("ish"), *step, RELEASE))


def test_a_break_that_nt_would_spare() -> None:
    marked = [store(BLOCK_AT, block(OUT + 0x20_0000) | NT), dsb("ishst"), *FLUSH]
    split = [store(BLOCK_AT, table(SPLIT)), dsb("ishst"), *FLUSH, RELEASE]
    broken = [store(BLOCK_AT), dsb("ishst"), *FLUSH]
    assert rules([*broken, *marked, *split], "P2-v8.4") == {"bbm-break-defeats-nt"}
    assert not rules([*marked, *split], "P2-v8.4")
    assert not rules([*broken, *split], "P2-v8.4")  # code without an nT path


def test_another_vmid_that_is_no_longer_loaded() -> None:
    events: list[Event] = [
        *GONE,
        Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT)),
        Isb(0),
        *FLUSH,
        Msr(0, "VTTBR_EL2", vttbr()),
        Isb(0),
        RELEASE,
    ]
    assert rules(events) == {"tlbi-wrong-vmid"}
