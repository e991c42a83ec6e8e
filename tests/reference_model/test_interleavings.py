"""Two PEs that both run hypervisor traces, in every order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from shorthand import (
    BLOCK_AT,
    EMPTY_IPA,
    IPA,
    MEMORY,
    OTHER_OUT,
    OTHER_ROOT,
    OUT,
    PAGE_AT,
    TABLE_AT,
    block,
    dsb,
    page,
    registers,
    store,
    tlbi,
    vttbr,
)

from reference_model.events import (
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Lock,
    Msr,
    Release,
    Repeat,
    Unlock,
)
from reference_model.interleavings import Explored, interleavings
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start

# PEs 0 and 1 run the hypervisor; PE 2 runs a vCPU all the time.
START = Start(3, MEMORY, tuple(registers(n) for n in range(3)))
RUNNING: tuple[Event, ...] = (
    Eret(2),
    *(e for pe in (0, 1) for e in (Eret(pe), ExceptionEntry(pe), dsb("sy", pe))),
)
EMPTY_ROOT = 0x50_0000


def explored(
    *traces: Sequence[Event],
    profile: str = "P0-v8.0",
    start: Start = START,
    before: Sequence[Event] = RUNNING,
    bound: int = 20_000,
) -> Explored:
    """Run traces in every order."""
    machine = ARCHITECTURE_PROFILES[profile]
    return interleavings(start, traces, machine, before=before, bound=bound)


def broken(found: Explored) -> set[tuple[str, int]]:
    """Return the properties that are violated, and the PE at whose event."""
    assert found.exhausted
    return {
        (shown.violation.broken.value, shown.trace[shown.violation.index].pe)
        for shown in found.violations
    }


def locked(pe: int, *events: Event, name: str = "p2m") -> list[Event]:
    """Take a lock around events."""
    return [Lock(pe, name), *events, Unlock(pe, name)]


def flush(pe: int) -> list[Event]:
    """Flush the VMID."""
    return [dsb("ishst", pe), tlbi("VMALLS12E1IS", pe=pe), dsb("ish", pe)]


def by_ipa(pe: int, ipa: int) -> list[Event]:
    """Flush one IPA."""
    return [
        dsb("ishst", pe),
        tlbi("IPAS2E1IS", ipa, pe),
        dsb("ish", pe),
        tlbi("VMALLE1IS", pe=pe),
        dsb("ish", pe),
    ]


def end(pe: int) -> Release:
    """Rely on what the PE has done."""
    return Release(pe, "end")


# ------------------------------------------------------------- lock hand-over


def test_a_lock_excludes() -> None:
    one = locked(0, store(PAGE_AT), *flush(0), end(0))
    other = locked(1, store(PAGE_AT, page(OTHER_OUT), pe=1), dsb("ishst", 1), end(1))
    found = explored(one, other)
    # The other first is a change from valid to valid; after it is right.
    assert found.count == 2
    assert broken(found) >= {("O2", 1)}
    assert all(shown.trace[len(RUNNING)].pe == 1 for shown in found.violations)


@pytest.mark.parametrize("waits", [True, False])
def test_hand_over_of_a_store_f2_9(waits: bool) -> None:
    # One PE removes, another one flushes for it: right if the lock orders them.
    one = locked(0, store(PAGE_AT))
    other = locked(1, *flush(1), end(1))
    if waits:
        found = explored([*one, *locked(0, *flush(0), end(0))], other)
        assert broken(found) == set()
    else:
        found = explored(one, other)
        assert broken(found) <= {("O1", 1)}
        late = [s for s in found.violations if s.violation.broken.value == "O1"]
        assert late == [], "the release before the removal is about nothing"


def test_hand_over_without_a_lock() -> None:
    # The DSB of the one that flushes does not cover the other's store (R_SPVBD).
    found = explored([store(PAGE_AT)], [*flush(1), end(1)])
    assert broken(found) == {("O1", 1)}


def test_locks_in_opposite_order_block() -> None:
    one = locked(0, *locked(0, name="b"), name="a")
    other = locked(1, *locked(1, name="a"), name="b")
    found = explored(one, other)
    assert found.blocked == 1
    assert found.count == 3


# ---------------------------------------------------------- two PEs, one table


def test_one_maps_what_the_other_replaces() -> None:
    # Break-before-make by PE 0; PE 1 maps the page as soon as it is free.
    one = [store(PAGE_AT), *flush(0), store(PAGE_AT, page(OTHER_OUT))]
    other = [store(PAGE_AT, page(OTHER_OUT + 0x1000), pe=1), dsb("ishst", 1)]
    free = explored(one, other)
    assert ("O2", 1) in broken(free)
    held = explored(locked(0, *one), locked(1, *other))
    # Whichever comes first, PE 1 changes from valid to valid.
    assert broken(held) == {("O2", 1)}
    again = [store(PAGE_AT, 0, 1), *flush(1), *other]
    assert broken(explored(locked(0, *one), locked(1, *again))) == set()


@pytest.mark.parametrize("profile", ["P0-v8.0", "P2-v8.4", "P3-bbml2"])
def test_neighbours_unmapped_by_two_pes(profile: str) -> None:
    one = [store(PAGE_AT), *by_ipa(0, IPA), end(0)]
    other = [store(PAGE_AT + 8, pe=1), *by_ipa(1, IPA + 0x1000), end(1)]
    found = explored(one, other, profile=profile)
    assert broken(found) == set()
    assert found.count <= 3432  # of 14 events in any order


def test_neighbours_unmapped_by_two_pes_one_of_them_locally() -> None:
    one = [store(PAGE_AT), *by_ipa(0, IPA), end(0)]
    local = [dsb("ishst", 1), tlbi("VMALLS12E1", pe=1), dsb("nsh", 1)]
    other = [store(PAGE_AT + 8, pe=1), *local, end(1)]
    # PE 0's flush helps when it comes late, but need not.
    found = explored(one, other)
    assert ("O1", 1) in broken(found)
    for shown in found.violations:
        assert shown.trace[shown.violation.since] == other[0]


def test_the_other_flush_does_not_complete_this_one() -> None:
    one = [store(PAGE_AT), dsb("ishst"), tlbi("VMALLS12E1IS"), end(0)]
    found = explored(one, [*flush(1), dsb("ish", 1)])
    assert broken(found) == {("O1", 0)}


def test_a_change_is_not_relied_upon_before_its_own_release() -> None:
    one = [store(PAGE_AT), *flush(0), end(0)]
    other = [end(1)]
    assert broken(explored(one, other)) == set()
    assert broken(explored(one[:-1], other)) == {("O1", 1)}


# --------------------------------------------------------------- VMID rollover


def _switch(pe: int, vmid: int, root: int, vcpu: int) -> list[Event]:
    return [
        Msr(pe, "VTTBR_EL2", vttbr(0, EMPTY_ROOT)),
        Isb(pe),
        Msr(pe, "TTBR0_EL1", vcpu),
        Isb(pe),
        Msr(pe, "VTTBR_EL2", vttbr(vmid, root)),
        Isb(pe),
        Eret(pe),
    ]


TWO = Start(
    2,
    {**MEMORY, OTHER_ROOT + 8: block(OUT + 0x4000_0000)},
    (registers(0), registers(1)),
)
BOTH_OUT: tuple[Event, ...] = tuple(
    e for pe in (0, 1) for e in (Eret(pe), ExceptionEntry(pe), dsb("sy", pe))
)


def test_vmid_rollover_f7_4() -> None:
    # PE 0 gives VMID 1 to another VM while PE 1 enters the old one with VMID 3.
    rollover = [dsb("ishst"), tlbi("ALLE1IS"), dsb("ish")]
    new = locked(0, *rollover, name="vmid") + _switch(0, 1, OTHER_ROOT, 0x9000)
    old = locked(1, name="vmid") + _switch(1, 3, registers()["VTTBR_EL2"], 0x6000)
    right = explored(new, old, start=TWO, before=BOTH_OUT)
    assert broken(right) == set()


def test_vmid_rollover_race_f7_2() -> None:
    # The fast path of PE 1 keeps VMID 1 although PE 0 has rolled over.
    rollover = [dsb("ishst"), tlbi("ALLE1IS"), dsb("ish")]
    new = locked(0, *rollover, name="vmid") + _switch(0, 1, OTHER_ROOT, 0x9000)
    found = explored(new, [Eret(1)], start=TWO, before=BOTH_OUT)
    assert ("O5", 0) in broken(found)
    assert {shown.place for shown in found.violations} >= {(0, len(new) - 1)}


def test_vmid_rollover_with_a_local_flush_f7_5() -> None:
    local = [dsb("nshst"), tlbi("ALLE1"), dsb("nsh")]
    new = locked(0, *local, name="vmid") + _switch(0, 1, OTHER_ROOT, 0x9000)
    old = locked(1, name="vmid") + _switch(1, 3, registers()["VTTBR_EL2"], 0x6000)
    assert ("O5", 0) in broken(explored(new, old, start=TWO, before=BOTH_OUT))
    # PE 1 flushes its own TLB before it enters: too late for PE 0's new VM.
    pending = [tlbi("ALLE1", pe=1), dsb("nsh", 1)]
    late = locked(1, *pending, name="vmid") + _switch(1, 3, vttbr(), 0x6000)
    found = broken(explored(new, late, start=TWO, before=BOTH_OUT))
    assert ("O5", 0) in found


# --------------------------------------------------------------------- bounds


def test_bound() -> None:
    one = [store(PAGE_AT), *flush(0), end(0)]
    other = [store(BLOCK_AT, pe=1), *flush(1), end(1)]
    found = explored(one, other, bound=10)
    assert (found.count, found.exhausted) == (10, False)


def test_long_loops_stay_whole() -> None:
    def loop(count: int) -> Repeat:
        return Repeat(0, (tlbi("IPAS2E1IS", EMPTY_IPA), dsb("ish")), count, (1, 0))

    assert explored([loop(3)], [Isb(1)]).exhausted
    found = explored([loop(512)], [Isb(1)])
    assert (found.count, found.exhausted) == (1, False)


def test_other_vms_do_not_meet() -> None:
    one = [store(PAGE_AT), *flush(0)]
    start = Start(
        2,
        {**MEMORY, OTHER_ROOT + 8: block(OUT)},
        (registers(0), registers(0, vmid=2, root=OTHER_ROOT)),
    )
    before = (Eret(0), ExceptionEntry(0), dsb("sy"), Eret(1), ExceptionEntry(1))
    other = [store(OTHER_ROOT + 8, pe=1), *flush(1)]
    found = explored(one, other, start=start, before=(*before, dsb("sy", 1)))
    assert found.count == 1
    assert found.exhausted


def test_the_traces_must_be_of_one_pe_each() -> None:
    with pytest.raises(ValueError, match="one PE"):
        explored([Isb(0), Isb(1)])
    with pytest.raises(ValueError, match="one trace"):
        explored([Isb(0)], [Isb(0)])


def test_thirty_events_under_a_lock() -> None:
    def work(pe: int, at: int, ipa: int) -> list[Event]:
        return [
            *locked(pe, store(at, 0, pe), *by_ipa(pe, ipa), Isb(pe), end(pe)),
            *locked(pe, store(at, page(OTHER_OUT), pe), dsb("ishst", pe), end(pe)),
        ]

    found = explored(work(0, PAGE_AT, IPA), work(1, PAGE_AT + 8, IPA + 0x1000))
    assert broken(found) == set()
    assert found.count == 6


def test_a_table_under_change_is_one_walk() -> None:
    # PE 1 changes a leaf of the table that PE 0 takes away.
    one = [store(TABLE_AT), *flush(0), end(0)]
    other = [store(PAGE_AT, pe=1), *by_ipa(1, IPA), end(1)]
    assert broken(explored(one, other)) == set()
