"""Descriptors, VTTBR_EL2 and VTCR_EL2, and TLBI operands, bit by bit."""

from __future__ import annotations

import pytest

from reference_model.descriptors import Kind, decode
from reference_model.entries import EntryKind
from reference_model.events import Eret
from reference_model.machine import Machine, Start
from reference_model.operands import Reading, target_of
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.sysregs import Root, root_of, vmid_of
from reference_model.tlbi import Operation, Target, decode_operation
from reference_model.unmodelled import Unmodelled

# ---------------------------------------------------------------- descriptors


@pytest.mark.parametrize(
    ("value", "level", "kind", "output"),
    [
        (0x0, 3, Kind.INVALID, 0),
        (0x8000_0000_0000_0FFE, 2, Kind.INVALID, 0),
        (0x1234_5003, 0, Kind.TABLE, 0x1234_5000),
        (0x1234_5003, 2, Kind.TABLE, 0x1234_5000),
        (0xFFFF_0000_1234_5FFF, 1, Kind.TABLE, 0x1234_5000),
        (0x1234_5403, 3, Kind.LEAF, 0x1234_5000),
        (0x1234_5401, 3, Kind.INVALID, 0),
        (0x1234_5401, 0, Kind.INVALID, 0),
        (0x1_C020_0401, 2, Kind.LEAF, 0x1_C020_0000),
        (0x1_C021_0401, 2, Kind.LEAF, 0x1_C020_0000),  # nT is no address bit
        (0x1_C000_0401, 1, Kind.LEAF, 0x1_C000_0000),
        (0x0000_FFFF_FFFF_F403, 3, Kind.LEAF, 0xFFFF_FFFF_F000),
    ],
)
def test_kind_and_output(value: int, level: int, kind: Kind, output: int) -> None:
    found = decode(value, level)
    assert (found.kind, found.output) == (kind, output)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # (read, write, XN, MemAttr and SH, contiguous, nT, AF, DBM)
        (0x8000_0001, (False, False, 0, 0x00, False, False, False, False)),
        (0x8000_0041, (True, False, 0, 0x00, False, False, False, False)),
        (0x8000_0081, (False, True, 0, 0x00, False, False, False, False)),
        (0x8000_003D, (False, False, 0, 0x0F, False, False, False, False)),
        (0x8000_0301, (False, False, 0, 0x30, False, False, False, False)),
        (0x8000_0401, (False, False, 0, 0x00, False, False, True, False)),
        (0x8001_0001, (False, False, 0, 0x00, False, True, False, False)),
        (1 << 51 | 0x8000_0001, (False, False, 0, 0, False, False, False, True)),
        (1 << 52 | 0x8000_0001, (False, False, 0, 0, True, False, False, False)),
        (1 << 53 | 0x8000_0001, (False, False, 1, 0, False, False, False, False)),
        (1 << 54 | 0x8000_0001, (False, False, 2, 0, False, False, False, False)),
        (0xF << 55 | 0x8000_0001, (False, False, 0, 0, False, False, False, False)),
    ],
)
def test_fields_of_a_block(value: int, expected: tuple[bool | int, ...]) -> None:
    d = decode(value, 2)
    assert expected == (
        *(d.read, d.write, d.xn, d.attributes),
        *(d.contiguous, d.no_translation, d.access_flag, d.dirty_modifier),
    )


def test_r_dfjng_a_page_has_no_nt() -> None:
    found = decode(0x8001_0403, 3)
    assert (found.output, found.no_translation) == (0x8001_0000, False)


@pytest.mark.parametrize(
    ("value", "level", "cacheable"),
    [
        (0x8000_0403, 3, True),
        (0x8000_0003, 3, False),
        (0x8000_0003, 2, True),
        (0, 3, 0),
    ],
)
def test_r_xclrd_cacheable(value: int, level: int, cacheable: bool) -> None:
    assert decode(value, level).cacheable == cacheable


# ------------------------------------------------------------------ registers


@pytest.mark.parametrize(
    ("t0sz", "sl0", "level", "pages"),
    [
        (24, 1, 1, 2),  # 40 bits: two concatenated tables
        (25, 1, 1, 1),  # 39 bits
        (28, 1, 1, 1),  # 36 bits
        (22, 1, 1, 8),  # 42 bits
        (21, 1, 1, 16),  # 43 bits: the most that may be concatenated
        (20, 2, 0, 1),  # 44 bits
        (16, 2, 0, 1),  # 48 bits
        (32, 0, 2, 4),  # 32 bits
    ],
)
def test_root(t0sz: int, sl0: int, level: int, pages: int) -> None:
    assert root_of(0x0012_0000_4567_8001, t0sz | sl0 << 6) == Root(
        0x4567_8000, level, pages
    )


@pytest.mark.parametrize(
    "vtcr",
    [
        pytest.param(24 | 3 << 6, id="SL0-reserved"),
        pytest.param(24 | 1 << 6 | 3 << 14, id="TG0-reserved"),
        pytest.param(24 | 1 << 6 | 1 << 14, id="64K-root-in-a-page"),
        pytest.param(24 | 1 << 6 | 1 << 32, id="DS"),
        pytest.param(24 | 1 << 33, id="SL2"),
        pytest.param(34 | 1 << 6, id="too-few-bits"),
        pytest.param(20 | 1 << 6, id="32-tables"),
        pytest.param(12 | 2 << 6, id="52-bit"),
    ],
)
def test_root_not_modelled(vtcr: int) -> None:
    with pytest.raises(Unmodelled):
        root_of(0x4567_8000, vtcr)


def test_vmid_is_8_bits_without_vs() -> None:
    assert vmid_of(0x0103_0000_4567_8000, 24) == 3
    assert vmid_of(0x0103_0000_4567_8000, 24 | 1 << 19) == 0x103


def _runs(vtcr: int, memory: dict[int, int]) -> Machine:
    registers = {"VTTBR_EL2": 1 << 48 | 0x10_0000, "VTCR_EL2": vtcr, "HCR_EL2": 1}
    ran = Machine(ARCHITECTURE_PROFILES["P0-v8.0"], Start(1, memory, (registers,)))
    ran.run([Eret(0)])
    return ran


def test_walk_through_a_concatenated_root() -> None:
    ran = _runs(24 | 1 << 6, {0x10_1008: 0x8000_0401})
    assert ran.may_hold(0, EntryKind.S2, 1, 0x80_4000_0000)
    assert not ran.may_hold(0, EntryKind.S2, 1, 0x4000_0000)


def test_walk_from_level_0() -> None:
    memory = {0x10_0008: 0x20_0003, 0x20_0010: 0x8000_0401}
    ran = _runs(16 | 2 << 6, memory)
    assert ran.may_hold(0, EntryKind.S2W, 1, 0x80_0000_0000)
    assert ran.may_hold(0, EntryKind.S2, 1, 0x80_8000_0000)
    assert not ran.may_hold(0, EntryKind.S2, 1, 0x80_4000_0000)


# -------------------------------------------------------------- TLBI operands

BY_IPA = decode_operation("IPAS2E1IS")
BY_RANGE = decode_operation("RIPAS2E1IS")


def read(operation: Operation, operand: int, *, ttl: bool, ranges: bool) -> Target:
    found = target_of(operation, operand, Reading(ttl=ttl, ranges=ranges))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("operand", "expected"),
    [
        (0x0, (0x0, None)),
        (0x12_3456, (0x1_2345_6000, None)),
        (0xF_FFFF_FFFF, (0xFFFF_FFFF_F000, None)),
        (1 << 36 | 0x12_3456, (0x1_0001_2345_6000, None)),
        (1 << 63 | 0x12_3456, (0x1_2345_6000, None)),  # NS
        (0b0110 << 44 | 0x4_0000, (0x4000_0000, 2)),
        (0b0111 << 44 | 0x4_0000, (0x4000_0000, 3)),
        (0b0101 << 44 | 0x4_0000, (0x4000_0000, 1)),
        (0b0100 << 44 | 0x4_0000, (0x4000_0000, None)),  # 4K level 0
        (0b0010 << 44 | 0x4_0000, (0x4000_0000, None)),  # no granule
    ],
)
def test_operand_by_ipa_i_cpnyz(operand: int, expected: tuple[int, int | None]) -> None:
    start, level = expected
    found = read(BY_IPA, operand, ttl=True, ranges=True)
    assert found == Target(start, start + 1, level)
    without = read(BY_IPA, operand, ttl=False, ranges=False)
    assert without == Target(start, start + 1, None)


@pytest.mark.parametrize("granule", [0b10, 0b11], ids=["16K", "64K"])
def test_r_sqxyz_level_hint_of_another_granule(granule: int) -> None:
    operand = granule << 46 | 2 << 44 | 0x4_0000
    assert read(BY_IPA, operand, ttl=True, ranges=True).refused == "ttl"


TG_4K = 1 << 46


@pytest.mark.parametrize(
    ("operand", "expected"),
    [
        # (NUM + 1) * 2^(5 * SCALE + 1) granules from BaseADDR
        (TG_4K | 0x4_0000, (0x4000_0000, 0x4000_2000, None)),
        (TG_4K | 31 << 39 | 0x4_0000, (0x4000_0000, 0x4004_0000, None)),
        (TG_4K | 1 << 44 | 3 << 39 | 0x4_0000, (0x4000_0000, 0x4010_0000, None)),
        (TG_4K | 2 << 44 | 0x4_0000, (0x4000_0000, 0x4080_0000, None)),
        (TG_4K | 3 << 44 | 31 << 39, (0x0, 0x2_0000_0000, None)),  # 8 GiB
        (TG_4K | 2 << 37 | 0x4_0200, (0x4020_0000, 0x4020_2000, 2)),
        (TG_4K | 3 << 37 | 0x4_0001, (0x4000_1000, 0x4000_3000, 3)),
        (TG_4K | 1 << 37 | 0x4_0000, (0x4000_0000, 0x4000_2000, 1)),
    ],
)
def test_operand_by_range_i_qphnp(
    operand: int, expected: tuple[int, int, int | None]
) -> None:
    assert read(BY_RANGE, operand, ttl=True, ranges=True) == Target(*expected)
    without = read(BY_RANGE, operand, ttl=True, ranges=False)
    assert without.refused == "unsupported"


@pytest.mark.parametrize(
    ("operand", "why"),
    [
        (TG_4K | 2 << 37 | 0x4_0001, "misaligned"),  # I_TYBWT
        (TG_4K | 1 << 37 | 0x4_0200, "misaligned"),
        (0x4_0000, "tg"),  # reserved
        (2 << 46 | 0x4_0000, "tg"),  # R_XKMMX
        (3 << 46 | 0x4_0000, "tg"),
    ],
)
def test_range_that_need_not_be_acted_on(operand: int, why: str) -> None:
    assert read(BY_RANGE, operand, ttl=True, ranges=True).refused == why
