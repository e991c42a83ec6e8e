"""Which of many violations are explained."""

from __future__ import annotations

from dataclasses import replace

from harness.check.causes.sampling import sampled
from reference_model.coordinates import Coord, Origin
from reference_model.entries import EntryKind
from reference_model.events import Store
from reference_model.violations import Property, Violation

ONE = Violation(Property.O2, 0, 1, EntryKind.S2, 1, -1, conflict="oa")
EVENTS = [
    Store(0, 0x1000 + 8 * n, n, origin=Origin(Coord("p2m.c", 7), "write"))
    for n in range(512)
]


def test_few_are_all_kept_in_their_order() -> None:
    some = [replace(ONE, index=n, pe=n % 2) for n in (3, 1, 2)]
    assert sampled(some, EVENTS) == some


def test_of_many_alike_both_ends_are_kept() -> None:
    many = [replace(ONE, index=n) for n in range(512)]
    kept = sampled(many, EVENTS)
    assert kept[0] is many[0]
    assert kept[-1] is many[-1]
    assert len(kept) < 64


def test_what_differs_is_kept() -> None:
    many = [replace(ONE, index=n) for n in range(200)]
    odd = [replace(ONE, index=100, conflict="size"), replace(ONE, index=90, pe=0)]
    elsewhere = replace(ONE, index=511)
    events = [*EVENTS[:511], Store(0, 0, 0, origin=Origin(Coord("p2m.c", 9), "write"))]
    kept = sampled([*many, *odd, elsewhere], events)
    assert [v for v in kept if v in (*odd, elsewhere)] == [*odd, elsewhere]
