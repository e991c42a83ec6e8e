"""Copies of descriptors by location: FEAT_nTLBPA = 0 (R_BKKRB, R_TJQVP)."""

from __future__ import annotations

from shorthand import (
    IPA,
    ONE_RAN,
    OUT,
    PAGE_AT,
    RELEASE,
    TABLE2,
    TABLE3,
    TWO_RUNNING,
    block,
    dsb,
    machine,
    store,
    table,
    tlbi,
)

from reference_model.events import Eret, Event
from reference_model.violations import Violation

ELSEWHERE = IPA + 0x60_0000
CLEAR: list[Event] = [store(PAGE_AT), dsb("ish")]
LINK: list[Event] = [store(TABLE2 + 24, table(TABLE3)), dsb("ish")]
FLUSH: list[Event] = [
    tlbi("IPAS2E1IS", IPA),
    dsb("ish"),
    tlbi("VMALLE1IS"),
    dsb("ish"),
]


def _run(*events: list[Event], profile: str = "P0-v8.0") -> list[Violation]:
    together = [event for part in events for event in part]
    before = [*TWO_RUNNING, dsb("sy")]
    return machine(profile).run([*before, *together, RELEASE])


def test_old_value_read_by_another_way() -> None:
    """The flush ends the copy, but not what was made of it in between."""
    found = _run(CLEAR, LINK, FLUSH)
    assert {(v.broken.value, v.pe, v.low) for v in found} == {("O1", 1, ELSEWHERE)}
    assert _run(CLEAR, LINK, FLUSH, profile="P3-bbml2") == []


def test_copy_ends_with_any_tlbi_of_the_context() -> None:
    assert _run(CLEAR, FLUSH, LINK) == []
    elsewhere: list[Event] = [tlbi("IPAS2E1IS", IPA + (1 << 30)), dsb("ish")]
    found = _run(CLEAR, elsewhere, LINK, FLUSH)
    assert found == []


def test_pe_that_walks_nothing_has_nothing_copied_again() -> None:
    """What a drained PE at EL2 held before is ended, old value in sight or not."""
    replace = store(TABLE2, block(OUT))
    flush = [tlbi("VMALLS12E1IS"), dsb("ish")]
    before: list[Event] = [*ONE_RAN, dsb("ish")]
    found = machine().run([*before, replace, *flush, Eret(0)])
    assert [v for v in found if v.pe == 0] == []
