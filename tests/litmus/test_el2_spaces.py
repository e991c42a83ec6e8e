"""EL2 as a host: address spaces of its own, told apart by ASID."""

import pytest

from harness.errors import ParseError
from harness.litmus import parse, run
from harness.litmus.world import World

SPACES = """\
test spaces
register HCR_EL2 = RW|E2H
vm a asid 1
vm b asid 2
map hyp a h -> page(pa1, nG)
map hyp b h -> page(pa2, nG)
pe 0 el2 a
"""
TRACE = "trace:\n    0 MSR TTBR0_EL2, b\n    0 ISB\nfinding none\n"


def test_each_space_has_a_root_and_an_asid() -> None:
    world = World(parse(SPACES + TRACE))
    first, second = (world.register("TTBR0_EL2", name) for name in "ab")
    assert first >> 48 == 1
    assert second >> 48 == 2
    assert first & 0xFFFF_FFFF_F000 != second & 0xFFFF_FFFF_F000


def test_without_e2h_there_is_no_asid() -> None:
    plain = SPACES.replace("RW|E2H", "RW").replace(", nG", "")
    assert World(parse(plain + TRACE)).register("TTBR0_EL2", "b") >> 48 == 0


@pytest.mark.parametrize("value", ["RW|E2H", str(1 << 34)])
def test_spaces_are_kept_apart_by_asid(value: str) -> None:
    (result,) = run(parse(SPACES.replace("RW|E2H", value) + TRACE)).results
    assert not result.causes
    shared = SPACES.replace("asid 2", "asid 1").replace("RW|E2H", value)
    (result,) = run(parse(shared + TRACE)).results
    assert {cause.rule for cause in result.causes} == {"asid-reuse-without-flush"}


def test_tags_need_e2h() -> None:
    with pytest.raises(ParseError, match="t:5: 'nG' means nothing in EL2 without E2H"):
        World(parse(SPACES.replace("|E2H", "") + TRACE, "t"))


def test_there_are_two_kinds_of_other_trace() -> None:
    text = SPACES + TRACE.replace("finding", "trace without luck:\n    0 ISB\nfinding")
    with pytest.raises(ParseError, match="t:11: expected ntlbpa or errata, not 'luck'"):
        parse(text, "t")
