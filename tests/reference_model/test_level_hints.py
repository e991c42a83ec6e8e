"""The level hint of a TLBI: right only if it is that of every leaf below."""

from __future__ import annotations

import pytest
from shorthand import (
    EMPTY_IPA,
    EMPTY_TABLE_AT,
    IPA,
    OTHER3,
    OUT,
    PAGE_AT,
    ROOT,
    TABLE_AT,
    TWO_RUNNING,
    dsb,
    machine,
    page,
    store,
    tlbi,
)

from reference_model.entries import EntryKind
from reference_model.events import Event, ExceptionEntry, TableFree, Tlbi
from reference_model.operands import encode_ipa


def _kept(at: int, hint: int | None, op: str = "IPAS2E1IS") -> set[tuple[str, int]]:
    """Say of which levels what is kept after the descriptor ``at`` is gone."""
    run = machine("P2-v8.4")
    operand = encode_ipa(IPA, level=hint)
    run.run([*TWO_RUNNING, store(at), dsb("ish"), Tlbi(0, op, operand), dsb("ish")])
    kinds = (EntryKind.S2, EntryKind.S2W)
    return {
        (entry.kind.value, entry.link.descriptor.level)
        for entry in run.tlbs[1].stale
        if entry.kind in kinds and entry.link.ia <= IPA < entry.link.end
    }


@pytest.mark.parametrize(
    ("at", "hint", "kept"),
    [
        (PAGE_AT, None, set()),
        (PAGE_AT, 3, set()),
        (PAGE_AT, 2, {("S2", 3)}),
        # A table of pages only.
        (TABLE_AT, None, set()),
        (TABLE_AT, 3, set()),
        (TABLE_AT, 2, {("S2", 3), ("S2W", 2)}),
        # A table with pages and a block below it: no hint is right for it, and
        # through it walks make all the others again.
        (ROOT + 8, None, set()),
        (ROOT + 8, 3, {("S2", 3), ("S2W", 2), ("S2W", 1)}),
        (ROOT + 8, 2, {("S2", 3), ("S2W", 2), ("S2W", 1)}),
        (ROOT + 8, 1, {("S2", 3), ("S2W", 2), ("S2W", 1)}),
    ],
)
def test_r_sqxyz_by_what_was_replaced(
    at: int, hint: int | None, kept: set[tuple[str, int]]
) -> None:
    assert _kept(at, hint) == kept


@pytest.mark.parametrize("hint", [None, 3])
def test_a_last_level_operation_keeps_the_table(hint: int | None) -> None:
    assert _kept(PAGE_AT, hint, "IPAS2LE1IS") == set()
    assert _kept(TABLE_AT, hint, "IPAS2LE1IS") == {("S2", 3), ("S2W", 2)}


HINTED = Tlbi(0, "IPAS2E1IS", encode_ipa(EMPTY_IPA, level=3))
STAGE1: list[Event] = [tlbi("VMALLE1IS"), dsb("ish")]
FILL, HOOKED_OFF = store(OTHER3, page(OUT)), [store(EMPTY_TABLE_AT), dsb("ish")]


@pytest.mark.parametrize(
    ("events", "kept"),
    [
        ([FILL, dsb("ish"), *HOOKED_OFF, HINTED, dsb("ish"), *STAGE1], False),
        ([FILL, dsb("ish"), HINTED, dsb("ish"), *STAGE1, *HOOKED_OFF], False),
        ([*HOOKED_OFF, HINTED, dsb("ish"), *STAGE1], True),
        ([HINTED, dsb("ish"), *STAGE1, FILL, *HOOKED_OFF], True),
        ([*HOOKED_OFF, HINTED, FILL, dsb("ish"), *STAGE1], True),
        ([FILL, *HOOKED_OFF, HINTED, store(OTHER3), dsb("ish"), *STAGE1], True),
    ],
    ids=["filled", "filled, hooked", "empty", "filled since", "filling", "emptying"],
)
def test_a_hint_is_right_when_the_operation_takes_effect(
    events: list[Event], kept: bool
) -> None:
    """What the table holds before or after does not make it right."""
    stopped: list[Event] = [ExceptionEntry(1), dsb("sy", pe=1)]
    trace = [*TWO_RUNNING, *stopped, *events, TableFree(0, OTHER3)]
    run = machine("P2-v8.4").run(trace)
    assert {v.broken.value for v in run} == ({"O4"} if kept else set())
