"""TLBI operands of every granule, checked against arithmetic done otherwise."""

from __future__ import annotations

from itertools import product

import pytest

from reference_model.addresses import Granule
from reference_model.operands import (
    Reading,
    Target,
    encode_ipa,
    encode_range,
    encode_va,
    target_of,
)
from reference_model.tlbi import decode_operation
from reference_model.unmodelled import Unmodelled

BYTES = {Granule.K4: 1 << 12, Granule.K16: 1 << 14, Granule.K64: 1 << 16}
TG = {Granule.K4: 1, Granule.K16: 2, Granule.K64: 3}
UPPER = 0xFFFF_0000_0000_0000


def read(name: str, operand: int, granule: Granule, ttl: bool = True) -> Target:
    reading = Reading(granule, ttl=ttl, ranges=True)
    found = target_of(decode_operation(name), operand, reading)
    assert found is not None
    return found


# What the hint says: "-" nothing, else the granule and the level.
HINTS = """
- - - -    - 4:1 4:2 4:3    - - 16:2 16:3    - 64:1 64:2 64:3
"""


@pytest.mark.parametrize("granule", Granule)
@pytest.mark.parametrize("name", ["IPAS2E1IS", "IPAS2LE1", "VAE1IS", "VAALE1", "VAE2"])
def test_every_level_hint(granule: Granule, name: str) -> None:
    for hint, meaning in enumerate(HINTS.split()):
        found = read(name, hint << 44 | 0x4_0000, granule)
        assert (found.start, found.end) == (0x4000_0000, 0x4000_0001)
        if meaning == "-":
            assert (found.level, found.refused) == (None, "")
            continue
        size, level = meaning.split(":")
        fits = size == str(BYTES[granule] >> 10)
        assert (found.level, found.refused) == (int(level), "" if fits else "ttl")
        without = read(name, hint << 44 | 0x4_0000, granule, ttl=False)
        assert (without.level, without.refused) == (None, "")


@pytest.mark.parametrize("granule", Granule)
def test_low_address_bits_are_ignored_i_hqtlk(granule: Granule) -> None:
    for page in range(0x4_0000, 0x4_0020):
        expected = (page << 12) // BYTES[granule] * BYTES[granule]
        assert read("IPAS2E1", page, granule).start == expected
        assert read("VAAE1", page, granule).start == expected


@pytest.mark.parametrize(
    ("va", "start"),
    [
        (0x0000_7FFF_FFFF_F000, 0x0000_7FFF_FFFF_F000),
        (UPPER | 0x1000, UPPER | 0x1000),
        (0x007F_0000_0000_0000, 0x007F_0000_0000_0000),  # bit 55 tells the half
        (0x0080_0000_0000_0000, 0xFF80_0000_0000_0000),
    ],
)
def test_va_is_extended_from_bit_55(va: int, start: int) -> None:
    for asid in (0, 1, 0xFFFF):
        found = read("VAE1", encode_va(va, asid=asid), Granule.K4)
        assert (found.start, found.asid) == (start, asid)
        assert read("VAAE1", encode_va(va, asid=asid), Granule.K4).asid is None


def test_asid() -> None:
    found = read("ASIDE1IS", 0x1234 << 48 | 0xFFFF, Granule.K4)
    assert (found.start, found.end, found.asid) == (0, 1 << 64, 0x1234)
    narrow = Reading(asid_bits=8)
    found_8 = target_of(decode_operation("ASIDE1IS"), 0x1234 << 48, narrow)
    assert found_8 is not None
    assert found_8.asid == 0x34


def test_ipa_needs_no_more_than_its_bits() -> None:
    for bit in range(12, 52):
        for noise in (0, 1 << 63, 0x7FFF << 48, 0xF << 40):
            operand = encode_ipa(1 << bit) | noise
            assert read("IPAS2E1", operand, Granule.K4, ttl=False).start == 1 << bit
    assert encode_ipa(0, ns=True) == 1 << 63


@pytest.mark.parametrize("name", ["ALLE1IS", "VMALLS12E1", "VMALLE1OS", "ALLE2"])
def test_no_operand(name: str) -> None:
    assert target_of(decode_operation(name), 0x1234, Reading()) is None


@pytest.mark.parametrize("name", ["VAE1", "IPAS2E1", "ASIDE1", "VALE2IS"])
def test_xzr(name: str) -> None:
    found = read(name, 0, Granule.K4)
    assert found.start == 0
    assert found.level is None
    assert found.asid in (0, None)


# --------------------------------------------------------------------- ranges


def _covered(granule: Granule, base: int, scale: int, number: int) -> tuple[int, int]:
    """Count the granules one by one, in units of two to the power."""
    granules = 0
    for _ in range(number + 1):
        granules += 2 * 32**scale
    return base * BYTES[granule], (base + granules) * BYTES[granule]


@pytest.mark.parametrize("granule", Granule)
@pytest.mark.parametrize("name", ["RIPAS2E1IS", "RIPAS2LE1OS", "RVAE1", "RVALE2IS"])
def test_every_range(granule: Granule, name: str) -> None:
    for scale, number, base in product(range(4), range(32), (0, 1, 0x1234)):
        operand = TG[granule] << 46 | scale << 44 | number << 39 | base
        found = read(name, operand, granule)
        assert (found.start, found.end) == _covered(granule, base, scale, number)
        assert (found.level, found.refused) == (None, "")


def test_ranges_at_both_ends_of_the_address_space() -> None:
    longest = TG[Granule.K4] << 46 | 3 << 44 | 31 << 39
    last = read("RVAE1", longest | 0x1F_FFFF_FFFF, Granule.K4)
    assert (last.start, last.end) == (0xFFFF_FFFF_FFFF_F000, 1 << 64)
    lower = read("RVAE1", longest | 0xF_FFFF_FFFF, Granule.K4)
    assert lower.start == 0x0000_FFFF_FFFF_F000
    # An IPA is not extended.
    assert read("RIPAS2E1", longest | 0x1F_FFFF_FFFF, Granule.K4).start == (
        0x1_FFFF_FFFF_F000
    )


@pytest.mark.parametrize("granule", Granule)
def test_tg_of_a_range(granule: Granule) -> None:
    for tg in range(4):
        expected = "" if tg == TG[granule] else "tg"
        assert read("RIPAS2E1IS", tg << 46, granule).refused == expected
        assert read("RVAAE1", tg << 46, granule).refused == expected


# Bits of the address that must be zero for TTL 1, 2, 3; None: no hint
ALIGNED = {
    Granule.K4: (range(12, 30), range(12, 21), range(0)),
    Granule.K16: (None, range(14, 25), range(0)),
    Granule.K64: (range(16, 42), range(16, 29), range(0)),
}


@pytest.mark.parametrize("granule", Granule)
def test_alignment_for_each_level_hint(granule: Granule) -> None:
    low = BYTES[granule].bit_length() - 1
    for ttl, bits in enumerate((range(0), *ALIGNED[granule])):
        for bit in range(low, low + 37):
            operand = TG[granule] << 46 | ttl << 37 | 1 << (bit - low)
            found = read("RIPAS2E1IS", operand, granule)
            broken = bits is not None and bit in bits
            assert found.refused == ("misaligned" if broken else "")
            hint = ttl if ttl and bits is not None else None
            assert found.level == hint
            assert found.start == 1 << bit


def test_ds_shifts_the_base_of_every_granule_by_16() -> None:
    """FEAT_LPA2: BaseADDR is address[52:16]; more hints have a meaning."""
    for granule in Granule:
        reading = Reading(granule, ttl=True, ranges=True, ds=True)
        operand = TG[granule] << 46 | 3
        found = target_of(decode_operation("RIPAS2E1"), operand, reading)
        assert found is not None
        assert (found.start, found.end) == (3 << 16, (3 << 16) + 2 * BYTES[granule])
    reading = Reading(Granule.K16, ttl=True, ranges=True, ds=True)
    hinted = target_of(decode_operation("RIPAS2E1"), 2 << 46 | 1 << 37, reading)
    assert hinted is not None
    assert hinted.level == 1


def test_without_range_operations() -> None:
    reading = Reading(ttl=True, ranges=False)
    for operand in (1 << 46, 2 << 46):
        found = target_of(decode_operation("RIPAS2E1IS"), operand, reading)
        assert found is not None
        assert found.refused == "unsupported"


# ------------------------------------------------------------------- encoders


@pytest.mark.parametrize("granule", Granule)
def test_encoders_are_undone_by_decoding(granule: Granule) -> None:
    address = 0x7654_3210_0000 & -BYTES[granule]
    for level in (None, 2, 3):
        operand = encode_ipa(address, level=level, granule=granule)
        expected = Target(address, address + 1, level, None, granule)
        assert read("IPAS2E1", operand, granule) == expected
        va = UPPER | address
        operand = encode_va(va, asid=7, level=level, granule=granule)
        assert read("VAE1", operand, granule) == Target(va, va + 1, level, 7, granule)


@pytest.mark.parametrize("granule", Granule)
def test_encoded_range_covers_what_was_asked(granule: Granule) -> None:
    for granules in (1, 2, 3, 64, 65, 2048, 2049, 65536, 65537, 1 << 21):
        start = 0x1234 * BYTES[granule]
        operand = encode_range(start, granules, granule=granule, level=3, asid=9)
        found = read("RVAE1", operand, granule)
        assert (found.start, found.level, found.asid) == (start, 3, 9)
        assert found.refused == ""
        lengths = [
            (number + 1) * 2 * 32**scale for scale in range(4) for number in range(32)
        ]
        shortest = min(n for n in lengths if n >= granules)
        assert found.end == start + shortest * BYTES[granule]
    with pytest.raises(Unmodelled):
        encode_range(0, (1 << 21) + 1, granule=granule)


# ------------------------------------------------------------------- AArch32


def test_aarch32_operands() -> None:
    assert read("TLBIIPAS2IS", 0xF_F123_4567, Granule.K4) == Target(
        0x12_3456_7000, 0x12_3456_7001
    )
    assert read("TLBIMVA", 0x8765_4F21, Granule.K4) == Target(
        0x8765_4000, 0x8765_4001, asid=0x21
    )
    assert read("TLBIMVAA", 0x8765_4F21, Granule.K4).asid is None
    assert read("TLBIMVAH", 0x8765_4F21, Granule.K4).asid is None
    assert read("TLBIASIDIS", 0x1FF, Granule.K4).asid == 0xFF
