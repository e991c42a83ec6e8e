"""Several changes of one event add up."""

from dataclasses import replace

import pytest
from shorthand import dsb

from harness.check.causes.merged import broadcast, merged
from reference_model.events import Access, Domain, Repeat, Tlbi

OP = Tlbi(0, "IPAS2LE1", 7 << 44 | 5)


@pytest.mark.parametrize(
    ("op", "wide"),
    [
        ("VMALLE1", "VMALLE1IS"),
        ("VMALLE1NXS", "VMALLE1ISNXS"),
        ("VMALLE1OS", "VMALLE1OS"),
        ("VAE1ISNXS", "VAE1ISNXS"),
    ],
)
def test_broadcast(op: str, wide: str) -> None:
    assert broadcast(op) == wide


@pytest.mark.parametrize("swapped", [False, True])
def test_form_scope_and_operand_of_a_tlbi(swapped: bool) -> None:
    changes = [
        replace(OP, op="IPAS2E1"),
        replace(OP, op="IPAS2LE1IS"),
        replace(OP, operand=5),
    ]
    result: object = OP
    for change in reversed(changes) if swapped else changes:
        assert isinstance(result, Tlbi)
        result = merged(OP, result, change)
    assert result == Tlbi(0, "IPAS2E1IS", 5)


def test_inside_a_loop() -> None:
    loop = Repeat(0, (OP, dsb("nsh")), 3, (1, 0))
    one = replace(loop, body=(replace(OP, op="IPAS2E1"), dsb("nsh")))
    two = replace(loop, body=(OP, dsb("ish")))
    both = Repeat(0, (replace(OP, op="IPAS2E1"), dsb("ish")), 3, (1, 0))
    assert merged(loop, one, two) == both


def test_a_barrier_becomes_stronger_in_every_way() -> None:
    weak = dsb("nshst", 1)
    wide = replace(weak, domain=Domain.ISH)
    full = replace(weak, access=Access.ALL)
    moved = replace(weak, pe=0)
    assert merged(weak, merged(weak, wide, full), moved) == dsb("ish", 0)
    plain = replace(weak, nxs=True)
    assert not merged(plain, replace(plain, nxs=False), plain).nxs  # type: ignore[attr-defined]


def test_another_kind_of_event_wins() -> None:
    loop = Repeat(0, (OP,), 2, (1,))
    assert merged(OP, replace(OP, operand=1), loop) == loop
