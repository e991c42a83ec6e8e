"""Contiguous groups: any member may translate for all of them (I_JQPNP)."""

from __future__ import annotations

import pytest
from shorthand import (
    ATTRIBUTES,
    CONTIGUOUS,
    IPA,
    OUT,
    RELEASE,
    ROOT,
    TABLE2,
    TABLE3,
    TWO_RUNNING,
    dsb,
    page,
    registers,
    store,
    table,
    tlbi,
)

from reference_model.events import Event, ExceptionEntry
from reference_model.machine import Machine
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.start import Start
from reference_model.violations import Violation

GROUP = 16
MEMBERS = [TABLE3 + 8 * n for n in range(GROUP)]
PLAIN = [page(OUT + 0x1000 * n) for n in range(GROUP)]
MARKED = [page(OUT + 0x1000 * n, ATTRIBUTES | CONTIGUOUS) for n in range(GROUP)]
TABLES = {ROOT + 8: table(TABLE2), TABLE2: table(TABLE3)}


def _run(
    values: list[int], events: list[Event], profile: str = "P0-v8.0"
) -> list[Violation]:
    memory = {**TABLES, **dict(zip(MEMBERS, values, strict=True))}
    start = Start(2, memory, (registers(0), registers(1)))
    before = [*TWO_RUNNING, dsb("sy")]
    return Machine(ARCHITECTURE_PROFILES[profile], start).run([*before, *events])


def _broken(found: list[Violation]) -> set[tuple[str, str]]:
    return {(v.broken.value, v.conflict) for v in found}


def _flush(members: range) -> list[Event]:
    by_ipa = [tlbi("IPAS2E1IS", IPA + 0x1000 * n) for n in members]
    return [dsb("ishst"), *by_ipa, dsb("ish"), tlbi("VMALLE1IS"), dsb("ish")]


CLEAR = [store(pa) for pa in MEMBERS]


@pytest.mark.parametrize("members", [range(1), range(GROUP - 1), range(1, GROUP)])
def test_group_partly_invalidated(members: range) -> None:
    found = _run(MARKED, [*CLEAR, *_flush(members), RELEASE])
    assert _broken(found) == {("O1", "")}
    left = sorted({v.low for v in found})
    gone = {IPA + 0x1000 * n for n in members}
    assert all(ipa not in gone for ipa in left)


def test_group_invalidated_member_by_member() -> None:
    assert _run(MARKED, [*CLEAR, *_flush(range(GROUP)), RELEASE]) == []
    whole = [dsb("ishst"), tlbi("VMALLS12E1IS"), dsb("ish")]
    assert _run(MARKED, [*CLEAR, *whole, RELEASE]) == []


def test_member_removed_while_the_others_keep_the_bit() -> None:
    """Any other member may go on translating for the one that is gone."""
    found = _run(MARKED, [store(MEMBERS[3]), *_flush(range(GROUP)), RELEASE])
    assert {(v.broken.value, v.low) for v in found} == {("O1", IPA + 0x3000)}


def test_bit_set_without_a_break_r_nglxz() -> None:
    change = [store(pa, v) for pa, v in zip(MEMBERS, MARKED, strict=True)]
    assert ("O2", "contiguous") in _broken(_run(PLAIN, change))
    assert _broken(_run(PLAIN, change, "P2-v8.4")) == set()
    by_the_book = [*CLEAR, *_flush(range(GROUP)), *change, dsb("ish"), RELEASE]
    assert _run(PLAIN, by_the_book) == []


def test_group_written_one_by_one_over_invalid() -> None:
    """A member may translate early for one that will say the same."""
    change = [store(pa, v) for pa, v in zip(MEMBERS, MARKED, strict=True)]
    assert _run([0] * GROUP, [*change, dsb("ish"), RELEASE]) == []
    assert _broken(_run([0] * GROUP, [*change[:-1], dsb("ish"), RELEASE])) == {
        ("O1", "")
    }


def test_table_linked_with_part_of_a_group() -> None:
    memory = {ROOT + 8: table(TABLE2), MEMBERS[0]: MARKED[0]}
    start = Start(2, memory, (registers(0), registers(1)))
    link: list[Event] = [store(TABLE2, table(TABLE3)), dsb("sy"), RELEASE]
    machine = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], start)
    found = machine.run([*TWO_RUNNING, *link])
    assert {(v.broken.value, v.low) for v in found} == {("O1", IPA + 0x1000)}


def test_member_kept_out_of_context_is_gone_by_its_own_address() -> None:
    """What was removed for one address is not held again by way of another."""
    stopped = [ExceptionEntry(1), dsb("sy", pe=1)]
    others = _flush(range(1, GROUP))
    first = [store(MEMBERS[0]), *_flush(range(1)), RELEASE]
    rest = [store(pa) for pa in MEMBERS[1:]]
    found = _run(MARKED, [*stopped, *others, *rest, *first])
    assert found == []
