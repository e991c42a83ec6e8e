"""The cause of a violation is the smallest repair that removes it."""

import pytest
from shorthand import (
    BLOCK_AT,
    EMPTY_TABLE_AT,
    IPA,
    MEMORY,
    ONE_RAN,
    OTHER3,
    OTHER_OUT,
    OTHER_ROOT,
    PAGE_AT,
    RELEASE,
    TABLE3,
    TABLE_AT,
    TWO_RUNNING,
    dsb,
    page,
    registers,
    store,
    tlbi,
    vttbr,
)

from harness.check.causes.causes import causes as named_causes
from harness.check.causes.explain import Explainer
from harness.check.causes.timeline import Replay, Timeline
from reference_model.assumptions import Assumptions
from reference_model.events import Eret, Event, Isb, Msr, TableFree
from reference_model.machine import Start
from reference_model.profiles import ARCHITECTURE_PROFILES

START = Start(2, MEMORY, (registers(0), registers(1)))
GONE = [store(PAGE_AT), dsb("ishst")]
FLUSH = [tlbi("VMALLS12E1IS"), dsb("ish")]
IPAS2 = tlbi("IPAS2E1IS", IPA)
NEXT = page(OTHER_OUT)
OTHER_VM = [Msr(0, "VTTBR_EL2", vttbr(2, OTHER_ROOT)), Isb(0)]
NEXT_VCPU = [
    Msr(0, "TTBR0_EL1", 0x9000),
    Isb(0),
    Msr(0, "VTTBR_EL2", vttbr()),
    Isb(0),
]


def causes(
    events: list[Event], profile: str = "P0-v8.0", before: list[Event] = TWO_RUNNING
) -> list[set[str]]:
    """Return the rules of each violation, all repairs having been verified."""
    trace = (*before, dsb("sy"), *events)
    machine = ARCHITECTURE_PROFILES[profile]
    replay = Replay(START, machine, Assumptions())
    found = list(replay.violations(Timeline.of(trace)).values())
    explainer = Explainer(replay, trace, found)
    rules = []
    for violation in found:
        explanation = explainer.explain(violation, lambda window, edit: False)
        assert explanation.verified, violation
        rules.append({edit.rule for edit in explanation.edits})
    return rules


CASES: dict[str, tuple[list[Event], str, set[str]]] = {
    "no flush": ([*GONE, RELEASE], "P0-v8.0", {"missing-tlbi-after-unmap"}),
    "local flush": (
        [*GONE, tlbi("VMALLS12E1"), dsb("nsh"), RELEASE],
        "P0-v8.0",
        {"tlbi-not-broadcast"},
    ),
    "no DSB before": (
        [store(PAGE_AT), *FLUSH, RELEASE],
        "P0-v8.0",
        {"missing-dsb-before-tlbi"},
    ),
    "no DSB after": (
        [*GONE, tlbi("VMALLS12E1IS"), RELEASE],
        "P0-v8.0",
        {"missing-dsb-after-tlbi"},
    ),
    "store-only DSB after": (
        [*GONE, tlbi("VMALLS12E1IS"), dsb("ishst"), RELEASE],
        "P0-v8.0",
        {"dsb-st-does-not-complete-tlbi"},
    ),
    "local DSB after": (
        [*GONE, tlbi("VMALLS12E1IS"), dsb("nsh"), RELEASE],
        "P0-v8.0",
        {"dsb-scope-too-narrow"},
    ),
    "no DSB between the steps": (
        [*GONE, IPAS2, tlbi("VMALLE1IS"), dsb("ish"), RELEASE],
        "P0-v8.0",
        {"missing-dsb-between-ipas2-and-s1"},
    ),
    "stage-1 step local": (
        [*GONE, IPAS2, dsb("ish"), tlbi("VMALLE1"), dsb("nsh"), RELEASE],
        "P0-v8.0",
        {"stale-s12-after-local-vmalle1"},
    ),
    "stage-1 step first": (
        [*GONE, tlbi("VMALLE1IS"), dsb("ish"), IPAS2, dsb("ish"), RELEASE],
        "P0-v8.0",
        {"s1-before-s2-inval"},
    ),
    "no stage-1 step": (
        [*GONE, IPAS2, dsb("ish"), RELEASE],
        "P0-v8.0",
        {"missing-s1-inval-after-ipas2"},
    ),
    "other IPA": (
        [
            *GONE,
            tlbi("IPAS2E1IS", IPA + 0x1000),
            dsb("ish"),
            tlbi("VMALLE1IS"),
            dsb("ish"),
            RELEASE,
        ],
        "P0-v8.0",
        {"tlbi-range-too-small"},
    ),
    "stage 1 only": (
        [*GONE, tlbi("VMALLE1IS"), dsb("ish"), RELEASE],
        "P0-v8.0",
        {"tlbi-wrong-stage"},
    ),
    "other VMID": (
        [*OTHER_VM, *GONE, *FLUSH, RELEASE],
        "P0-v8.0",
        {"tlbi-wrong-vmid"},
    ),
    "no ISB after VTTBR": (
        [*OTHER_VM, *GONE, Msr(0, "VTTBR_EL2", vttbr()), *FLUSH, RELEASE],
        "P0-v8.0",
        {"vttbr-write-not-synchronised"},
    ),
    "erratum, once": ([*GONE, *FLUSH, RELEASE], "P1-repeat", {"repeat-tlbi-missing"}),
    "erratum, not completed": (
        [*GONE, *FLUSH, tlbi("VALE2IS"), RELEASE],
        "P1-repeat",
        {"repeat-tlbi-incomplete"},
    ),
    "valid to valid": (
        [store(PAGE_AT, NEXT), dsb("ishst"), *FLUSH, RELEASE],
        "P0-v8.0",
        {"bbm-oa-change"},
    ),
    "make before flush": (
        [store(PAGE_AT), store(PAGE_AT, NEXT), dsb("ishst"), *FLUSH, RELEASE],
        "P0-v8.0",
        {"bbm-make-before-tlbi-complete"},
    ),
    "free before flush": (
        [store(EMPTY_TABLE_AT), dsb("ishst"), TableFree(0, OTHER3), *FLUSH, RELEASE],
        "P0-v8.0",
        {"table-freed-before-tlbi"},
    ),
    "last level only": (
        [
            store(EMPTY_TABLE_AT),
            dsb("ishst"),
            tlbi("IPAS2LE1IS", IPA + 0x40_0000),
            dsb("ish"),
            tlbi("VMALLE1IS"),
            dsb("ish"),
            TableFree(0, OTHER3),
            RELEASE,
        ],
        "P0-v8.0",
        {"leaf-tlbi-after-table-change"},
    ),
    "wrong level hint": (
        [
            store(BLOCK_AT),
            dsb("ishst"),
            tlbi("IPAS2E1IS", (IPA + 0x20_0000) | 0b0111 << 56),
            dsb("ish"),
            tlbi("VMALLE1IS"),
            dsb("ish"),
            RELEASE,
        ],
        "P2-v8.4",
        {"ttl-hint-mismatch"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rule_and_repair(name: str) -> None:
    events, profile, expected = CASES[name]
    found = causes(events, profile)
    assert found
    for rules in found:
        assert rules == expected


def test_vcpu_switch_without_flush() -> None:
    found = causes([*NEXT_VCPU, Eret(0)], before=ONE_RAN)
    assert found == [{"vcpu-switch-missing-s1-flush"}]


def test_walks_in_flight_are_a_cause_of_their_own() -> None:
    trace = [*NEXT_VCPU, tlbi("VMALLE1"), dsb("nsh"), Isb(0), Eret(0)]
    machine = ARCHITECTURE_PROFILES["P0-v8.0"]
    replay = Replay(START, machine, Assumptions())
    events = (*ONE_RAN, *trace)
    found = list(replay.violations(Timeline.of(events)).values())
    (violation,) = found
    explainer = Explainer(replay, events, found)
    edits = explainer.explain(violation, lambda window, edit: False).edits
    assert {e.rule for e in edits} == {"ptw-not-drained-before-regime-switch"}


def test_every_edit_of_a_joint_cause_is_named() -> None:
    """The flush of the list: three things are wrong, two per entry."""
    trace: list[Event] = [
        *GONE,
        IPAS2,
        dsb("nshst"),
        tlbi("VMALLE1"),
        dsb("nsh"),
        dsb("ishst"),
        RELEASE,
    ]
    named = set().union(*causes(trace))
    assert named == {
        "dsb-st-does-not-complete-tlbi",
        "missing-dsb-between-ipas2-and-s1",
        "stale-s12-after-local-vmalle1",
    }


def test_a_table_s_leaves_are_covered_together() -> None:
    trace = [
        store(TABLE_AT),
        dsb("ishst"),
        IPAS2,
        dsb("ish"),
        tlbi("VMALLE1IS"),
        dsb("ish"),
        TableFree(0, TABLE3),
        RELEASE,
    ]
    assert all(rules == {"tlbi-range-too-small"} for rules in causes(trace))


def test_causes_without_a_source() -> None:
    events = (*TWO_RUNNING, dsb("sy"), *GONE, RELEASE)
    replay = Replay(START, ARCHITECTURE_PROFILES["P0-v8.0"], Assumptions())
    found = named_causes(replay, events)
    assert {cause.rule for cause in found} == {"missing-tlbi-after-unmap"}
    assert all(cause.verified and cause.edit for cause in found)


def test_a_step_skipped_on_ntlbpa_is_told_by_the_other_trace() -> None:
    before = (*TWO_RUNNING, dsb("sy"), *GONE, IPAS2, dsb("ish"))
    elsewhere = (*before, tlbi("VMALLE1IS"), dsb("ish"), RELEASE)
    replay = Replay(START, ARCHITECTURE_PROFILES["P3-bbml2"], Assumptions())
    found = named_causes(replay, (*before, RELEASE), lambda: elsewhere)
    assert {cause.rule for cause in found} == {"s1-inval-skipped-on-ntlbpa"}
