"""Mistakes in the maintenance of EL2's own tables, told apart by repair."""

from shorthand import dsb, store

from harness.check.causes.causes import causes
from harness.check.causes.timeline import Replay
from reference_model.assumptions import Assumptions
from reference_model.events import Event, Isb, Msr, Release, Tlbi
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start

ROOT, TABLE1, TABLE2, TABLE3, OTHER = (0x10_0000 + 0x1_0000 * n for n in range(5))
OUT = 0x8000_0000
PAGE = OUT | 3 << 53 | 1 << 10 | 1 << 6 | 3 << 8 | 3  # XN, AF, AP[1], inner shareable
NOT_GLOBAL = 1 << 11
E2H = 1 << 34
MEMORY = {
    ROOT: TABLE1 | 3,
    TABLE1: TABLE2 | 3,
    TABLE2: TABLE3 | 3,
    TABLE3: PAGE | NOT_GLOBAL,
    OTHER: TABLE1 | 3,
}
GONE = [store(TABLE3, 0), dsb("ishst")]
END = Release(0, "end")


def rules(events: list[Event], profile: str = "P0-v8.0", pes: int = 1) -> set[str]:
    registers = {
        "TTBR0_EL2": 1 << 48 | ROOT,
        "TCR_EL2": 64 - 48,
        "SCTLR_EL2": 1,
        "HCR_EL2": E2H,
    }
    start = Start(pes, MEMORY, (registers,) * pes)
    machine = ARCHITECTURE_PROFILES[profile]
    found = causes(Replay(start, machine, Assumptions()), tuple(events))
    assert all(cause.verified for cause in found), found
    return {cause.rule for cause in found}


def space(asid: int, root: int, pe: int = 0) -> list[Event]:
    return [Msr(pe, "TTBR0_EL2", asid << 48 | root), Isb(pe)]


def test_no_flush() -> None:
    assert rules([*GONE, END]) == {"missing-tlbi-after-unmap"}


def test_right() -> None:
    assert not rules([*GONE, Tlbi(0, "ALLE2IS"), dsb("ish"), Isb(0), END], pes=2)


def test_no_isb() -> None:
    events = [*GONE, Tlbi(0, "ALLE2IS"), dsb("ish"), END]
    assert rules(events) == {"missing-isb-after-tlbi"}
    assert not rules(events, "P3-bbml2")


def test_local() -> None:
    events = [*GONE, Tlbi(0, "ALLE2"), dsb("ish"), Isb(0), END]
    assert rules(events, pes=2) == {"tlbi-not-broadcast"}


def test_another_address() -> None:
    other = Tlbi(0, "VAE2IS", 1 << 48 | 5)
    events = [*GONE, other, dsb("ish"), Isb(0), END]
    assert rules(events) == {"tlbi-range-too-small"}


def test_global_over_non_global() -> None:
    events = [store(TABLE3, PAGE), dsb("ish"), Tlbi(0, "ALLE2IS"), dsb("ish"), Isb(0)]
    assert rules([*events, END]) == {"bbm-global-overlap"}


def test_an_asid_with_another_root() -> None:
    assert rules(space(1, OTHER)) == {"asid-reuse-without-flush"}


def test_an_asid_that_was_live_while_all_were_flushed() -> None:
    """PE 1 flushes all; PE 0 fills with ASID 1 again; ASID 1 changes hands."""
    flush = [Tlbi(1, "ALLE2IS"), dsb("ish", 1), Isb(1)]
    events = [*flush, *space(2, ROOT), *space(1, OTHER)]
    assert rules(events, pes=2) == {"asid-rollover-broadcast-only"}
    own = [Tlbi(0, "ALLE2"), dsb("nsh"), Isb(0)]
    assert not rules([*flush, *space(2, ROOT), *own, *space(1, OTHER)], pes=2)
