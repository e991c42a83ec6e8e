"""The level hint of a TLBI: right only if it is that of every leaf below."""

from __future__ import annotations

import pytest
from shorthand import (
    IPA,
    PAGE_AT,
    ROOT,
    TABLE_AT,
    TWO_RUNNING,
    dsb,
    machine,
    store,
)

from reference_model.entries import EntryKind
from reference_model.events import Tlbi
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
