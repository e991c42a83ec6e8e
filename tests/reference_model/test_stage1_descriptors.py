"""Stage-1 descriptors of EL1&0, EL2&0 and EL2, field by field."""

from __future__ import annotations

from itertools import product

import pytest

from reference_model.addresses import Granule
from reference_model.descriptors import Descriptor, Kind, Stage, decode
from reference_model.unmodelled import Unmodelled

PAGE = 0x1234_5003


def page(bits: int = 0, stage: Stage = Stage.S1) -> Descriptor:
    return decode(PAGE | bits, 3, Granule.K4, stage)


def test_permissions_of_two_privilege_levels() -> None:
    for ap, uxn, pxn in product(range(4), range(2), range(2)):
        expected = {"read el1"}
        if ap < 2:
            expected.add("write el1")
        if ap in (1, 3):
            expected.add("read el0")
        if ap == 1:
            expected.add("write el0")
        if not uxn:
            expected.add("xecute el0")
        if not pxn and ap != 1:
            expected.add("xecute el1")
        assert page(ap << 6 | pxn << 53 | uxn << 54).rights == expected


def test_permissions_of_el2() -> None:
    for ap, xn, res0 in product(range(4), range(2), range(2)):
        expected = {"read el1"}
        if ap < 2:
            expected.add("write el1")
        if not xn:
            expected.add("xecute el1")
        found = page(ap << 6 | res0 << 53 | xn << 54, Stage.S1_EL2)
        assert found.rights == expected


def test_permissions_of_stage_2() -> None:
    execute = {0: {"el0", "el1"}, 1: {"el0"}, 2: set(), 3: {"el1"}}
    for s2ap, xn, dbm in product(range(4), range(4), range(2)):
        expected = {f"xecute {el}" for el in execute[xn]}
        if s2ap & 1:
            expected |= {"read el1", "read el0"}
        if s2ap & 2 or dbm:
            expected |= {"write el1", "write el0"}
        found = page(s2ap << 6 | xn << 53 | dbm << 51, Stage.S2)
        assert found.rights == expected
        assert found.dirty == (s2ap & 2 == 2 and dbm == 1)


@pytest.mark.parametrize(
    ("bits", "stage", "text"),
    [
        (0, Stage.S1, "rwx/--x"),
        (3 << 53, Stage.S1, "rw-/---"),
        (1 << 6, Stage.S1, "rw-/rwx"),
        (2 << 6 | 1 << 51, Stage.S1, "r-x/--x"),
        (3 << 6 | 1 << 54, Stage.S1, "r-x/r--"),
        (0, Stage.S1_EL2, "rwx"),
        (2 << 6 | 1 << 54, Stage.S1_EL2, "r--"),
        (3 << 6, Stage.S2, "rwx"),
        (1 << 6 | 2 << 53, Stage.S2, "r--"),
    ],
)
def test_permissions_as_text(bits: int, stage: Stage, text: str) -> None:
    assert page(bits, stage).permissions == text


@pytest.mark.parametrize(
    ("bits", "stage", "attributes", "shared_by_all"),
    [
        (0x7 << 2, Stage.S1, 0x07, True),
        (1 << 5, Stage.S1, 0x00, True),  # NS
        (3 << 8, Stage.S1, 0x30, True),
        (1 << 11, Stage.S1, 0x00, False),  # nG
        (1 << 11, Stage.S1_EL2, 0x00, True),
        (0xF << 2 | 1 << 11, Stage.S2, 0x0F, True),
    ],
)
def test_attributes_and_ng(
    bits: int, stage: Stage, attributes: int, shared_by_all: bool
) -> None:
    found = page(bits, stage)
    assert (found.attributes, found.global_) == (attributes, shared_by_all)


@pytest.mark.parametrize("granule", Granule)
@pytest.mark.parametrize("stage", Stage)
def test_block_has_nt_and_page_has_not(granule: Granule, stage: Stage) -> None:
    block = decode(0x40_0001_0401, 2, granule, stage)
    assert (block.kind, block.output) == (Kind.LEAF, 0x40_0000_0000)
    assert block.no_translation
    assert not decode(0x40_0001_0403, 3, granule, stage).no_translation


@pytest.mark.parametrize("bit", range(59, 63))
def test_a_table_that_limits_permissions_is_not_modelled(bit: int) -> None:
    value = 0x1234_5003 | 1 << bit
    assert decode(value, 2, Granule.K4, Stage.S2).kind is Kind.TABLE
    with pytest.raises(Unmodelled):
        decode(value, 2, Granule.K4, Stage.S1)


def test_ns_table_is_ignored() -> None:
    assert decode(0x1234_5003 | 1 << 63, 2, Granule.K4, Stage.S1).kind is Kind.TABLE
