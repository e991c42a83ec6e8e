"""The 16K and 64K granules: roots, walks, stale tables and their lifetime."""

from __future__ import annotations

import pytest

from reference_model.addresses import Granule
from reference_model.descriptors import Kind, decode
from reference_model.entries import EntryKind
from reference_model.events import (
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    ExceptionEntry,
    Store,
    TableFree,
    Tlbi,
)
from reference_model.machine import Machine, Start
from reference_model.profiles import ARCHITECTURE_PROFILES
from reference_model.sysregs import Root, least_pa_bits, root_of
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Property

TG0 = {Granule.K4: 0, Granule.K64: 1 << 14, Granule.K16: 2 << 14}
HCR = 1 | 1 << 9 | 1 << 10  # VM, FB, BSU


@pytest.mark.parametrize(
    ("granule", "shifts"),
    [
        (Granule.K4, (39, 30, 21, 12)),
        (Granule.K16, (47, 36, 25, 14)),
        (Granule.K64, (None, 42, 29, 16)),
    ],
)
def test_levels(granule: Granule, shifts: tuple[int | None, ...]) -> None:
    for level, shift in enumerate(shifts):
        if shift is not None:
            assert granule.level_bytes(level) == 1 << shift
            assert granule.index(5 << shift, level) == 5
    assert granule.entries * 8 == granule.bytes


@pytest.mark.parametrize(
    ("granule", "groups"),
    [
        (Granule.K4, {1: 16 << 30, 2: 32 << 20, 3: 64 << 10}),
        (Granule.K16, {2: 1 << 30, 3: 2 << 20}),
        (Granule.K64, {2: 16 << 30, 3: 2 << 20}),
    ],
)
def test_bytes_of_a_contiguous_group(granule: Granule, groups: dict[int, int]) -> None:
    for level in range(int(granule is Granule.K64), 4):
        count = granule.contiguous(level)
        expected = groups.get(level, granule.level_bytes(level))
        assert count * granule.level_bytes(level) == expected


@pytest.mark.parametrize(
    ("granule", "level", "kind"),
    [
        (Granule.K16, 0, Kind.INVALID),
        (Granule.K16, 1, Kind.INVALID),
        (Granule.K16, 2, Kind.LEAF),
        (Granule.K16, 3, Kind.INVALID),
        (Granule.K64, 1, Kind.INVALID),
        (Granule.K64, 2, Kind.LEAF),
        (Granule.K64, 3, Kind.INVALID),
    ],
)
def test_block_encoding(granule: Granule, level: int, kind: Kind) -> None:
    assert decode(0x40_0000_0401, level, granule).kind is kind


def test_output_starts_at_the_granule() -> None:
    assert decode(0x1234_F403, 3, Granule.K16).output == 0x1234_C000
    assert decode(0x1234_F003, 2, Granule.K64).output == 0x1234_0000
    assert decode(0x7E00_0401, 2, Granule.K16).output == 0x7E00_0000
    assert decode(0x7E00_0401, 2, Granule.K64).output == 0x6000_0000


@pytest.mark.parametrize(
    ("granule", "t0sz", "sl0", "level", "pages"),
    [
        (Granule.K16, 24, 1, 2, 16),  # 40 bits from level 2
        (Granule.K16, 28, 1, 2, 1),  # 36 bits
        (Granule.K16, 17, 2, 1, 1),  # 47 bits
        (Granule.K16, 16, 2, 1, 2),  # 48 bits: two tables of level 1
        (Granule.K16, 39, 0, 3, 1),  # 25 bits
        (Granule.K64, 24, 1, 2, 1),  # 40 bits
        (Granule.K64, 18, 1, 2, 16),  # 46 bits
        (Granule.K64, 16, 2, 1, 1),  # 48 bits: 64 entries
        (Granule.K64, 32, 0, 3, 8),  # 32 bits
    ],
)
def test_root(granule: Granule, t0sz: int, sl0: int, level: int, pages: int) -> None:
    found = root_of(0x4560_0001, TG0[granule] | t0sz | sl0 << 6)
    assert found == Root(0x4560_0000, level, pages, granule)


@pytest.mark.parametrize(
    "vtcr",
    [
        pytest.param(TG0[Granule.K16] | 23 | 1 << 6, id="16K-32-tables"),
        pytest.param(TG0[Granule.K16] | 16 | 3 << 6, id="16K-level-0"),
        pytest.param(TG0[Granule.K64] | 17 | 1 << 6, id="64K-32-tables"),
        pytest.param(TG0[Granule.K64] | 16 | 3 << 6, id="64K-SL0-reserved"),
        pytest.param(TG0[Granule.K64] | 24 | 1 << 6 | 6 << 16, id="64K-52-bit-PA"),
    ],
)
def test_root_not_modelled(vtcr: int) -> None:
    with pytest.raises(Unmodelled):
        root_of(0x4560_0000, vtcr)


@pytest.mark.parametrize(
    ("granule", "needed"),
    [
        (Granule.K4, {0: 44, 1: 32, 2: 32}),
        (Granule.K16, {1: 42, 2: 32, 3: 32}),
        (Granule.K64, {1: 44, 2: 32, 3: 32}),
    ],
)
def test_physical_address_size_for_a_start_level(
    granule: Granule, needed: dict[int, int]
) -> None:
    for level, bits in needed.items():
        assert least_pa_bits(Root(0, level, 1, granule)) == bits


# ------------------------------------------------- a tree of three tables each

ROOT, MIDDLE, BOTTOM, PAGE = 0x10_0000, 0x20_0000, 0x30_0000, 0x8000_0000


def _world(granule: Granule) -> tuple[Machine, int, int, int]:
    """Return a machine, a mapped IPA, its level 2 and its level 3 descriptor."""
    level, sl0 = (1, 2) if granule is not Granule.K4 else (1, 1)
    ipa = (3 << granule.shift(2)) + (granule.entries - 2 << granule.shift(3))
    table = MIDDLE + 8 * granule.index(ipa, 2)
    leaf = BOTTOM + 8 * granule.index(ipa, 3)
    memory = {ROOT: MIDDLE | 3, table: BOTTOM | 3, leaf: PAGE | 0x4C3}
    assert leaf - BOTTOM == granule.bytes - 16  # in the last 4 KiB of the table
    t0sz = 17 if granule is Granule.K16 else 16 if granule is Granule.K64 else 25
    registers = {
        "VTTBR_EL2": 1 << 48 | ROOT,
        "VTCR_EL2": t0sz | sl0 << 6 | TG0[granule],
        "HCR_EL2": HCR,
    }
    ran = Machine(
        ARCHITECTURE_PROFILES["P0-v8.0"], Start(2, memory, (registers, registers))
    )
    assert root_of(ROOT, registers["VTCR_EL2"]).level == level
    ran.run([Eret(1)])
    return ran, ipa, table, leaf


@pytest.mark.parametrize("granule", Granule)
def test_a_walk_reads_the_whole_table(granule: Granule) -> None:
    ran, ipa, _, _ = _world(granule)
    assert ran.may_hold(1, EntryKind.S2, 1, ipa)
    assert ran.may_hold(1, EntryKind.S12, 1, ipa + granule.bytes - 1)
    assert not ran.may_hold(1, EntryKind.S2, 1, ipa + granule.bytes)
    assert not ran.may_hold(1, EntryKind.S2, 1, ipa - 1)


@pytest.mark.parametrize("granule", Granule)
def test_a_replaced_leaf_stays_until_its_own_tlbi(granule: Granule) -> None:
    ran, ipa, _, leaf = _world(granule)
    full = Barrier(0, BarrierKind.DSB, Domain.ISH)
    ran.run([Store(0, leaf, 0), full, Tlbi(0, "IPAS2E1IS", (ipa >> 12) - 1), full])
    assert ran.may_hold(1, EntryKind.S2, 1, ipa)
    # The low bits of the operand are no part of the address (I_HQTLK).
    last = (ipa + granule.bytes - 1) >> 12
    ran.run([Tlbi(0, "IPAS2E1IS", last), full])
    assert not ran.may_hold(1, EntryKind.S2, 1, ipa)
    assert ran.may_hold(1, EntryKind.S12, 1, ipa)


@pytest.mark.parametrize("granule", Granule)
@pytest.mark.parametrize("part", ["first", "last"])
def test_an_unhooked_table_is_walked_in_each_of_its_pages(
    granule: Granule, part: str
) -> None:
    pa = BOTTOM if part == "first" else BOTTOM + granule.bytes - 4096
    full = Barrier(0, BarrierKind.DSB, Domain.ISH)
    for flush, broken in ((False, {Property.O4}), (True, set())):
        ran, _, table, _ = _world(granule)
        ran.run([ExceptionEntry(1), Barrier(1, BarrierKind.DSB, Domain.ISH)])
        ran.run([Store(0, table, 0), full])
        if flush:
            ran.run([Tlbi(0, "VMALLS12E1IS"), full])
        ran.run([TableFree(0, pa, 4096)])
        assert {v.broken for v in ran.violations} == broken


@pytest.mark.parametrize("granule", Granule)
def test_a_linked_table_brings_the_leaves_of_all_its_pages(granule: Granule) -> None:
    ran, ipa, table, _ = _world(granule)
    other = 0x40_0000
    last = other + granule.bytes - 8
    full = Barrier(0, BarrierKind.DSB, Domain.ISH)
    ran.run([Store(0, last, 0x9000_0000 | 0x4C3), full])
    ran.run([Store(0, table + 8, other | 3), full])
    there = (ipa & -granule.level_bytes(2)) + 2 * granule.level_bytes(2) - 1
    assert ran.may_hold(1, EntryKind.S2, 1, there)
