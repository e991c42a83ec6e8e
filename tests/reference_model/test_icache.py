"""VPIPT instruction caches: a VMID must not find another VM's instructions (F7.9)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shorthand import MEMORY, OTHER_ROOT, dsb, registers, tlbi, vttbr

from reference_model.events import CacheOp, Eret, Event, ExceptionEntry, Isb, Msr
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start

EVERYWHERE, HERE = CacheOp(0, "IC IALLUIS", 0), CacheOp(0, "IC IALLU", 0)
DONE = dsb("ish")
RUN, STOP = Eret(1), ExceptionEntry(1)
FLUSH: list[Event] = [dsb("sy", pe=1), tlbi("VMALLS12E1IS"), DONE]
REUSE: list[Event] = [Msr(1, "VTTBR_EL2", vttbr(1, OTHER_ROOT)), Isb(1), Eret(1)]


def _found(events: list[Event], *, vpipt: bool = True) -> bool:
    profile = replace(ARCHITECTURE_PROFILES["P0-v8.0"], vpipt=vpipt)
    start = Start(2, MEMORY, (registers(0), registers(1)))
    found = Machine(profile, start).run([*events, *FLUSH, *REUSE])
    return {(v.broken.value, v.reason) for v in found} == {("O5", "vpipt")}


def test_invalidation_between_two_vms() -> None:
    assert _found([RUN, STOP])
    assert not _found([RUN, STOP], vpipt=False)
    assert not _found([RUN, STOP, EVERYWHERE, DONE])


@pytest.mark.parametrize(
    "events",
    [
        [RUN, STOP, EVERYWHERE, dsb("nsh")],
        [RUN, STOP, EVERYWHERE, dsb("ishst")],
        [RUN, STOP, HERE, DONE],
        [RUN, STOP, EVERYWHERE, dsb("ish", pe=1)],
        [RUN, EVERYWHERE, DONE, STOP],
        [EVERYWHERE, RUN, STOP, DONE],
        [RUN, EVERYWHERE, STOP, DONE],
    ],
    ids=["nsh", "st", "local", "other PE", "running", "ran since", "left since"],
)
def test_invalidation_that_does_not_reach(events: list[Event]) -> None:
    # The DSBs of the flush must not complete it later.
    profile = replace(ARCHITECTURE_PROFILES["P0-v8.0"], vpipt=True)
    start = Start(2, MEMORY, (registers(0), registers(1)))
    local: list[Event] = [dsb("sy", pe=1), tlbi("VMALLS12E1", pe=1), dsb("nsh", pe=1)]
    found = Machine(profile, start).run([*events, *local, *REUSE])
    assert ("O5", "vpipt") in {(v.broken.value, v.reason) for v in found}
