"""What the register of a TLBI says: addresses, ASID, level hint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reference_model.addresses import LAST_LEVEL, Granule
from reference_model.operations import By, Operation
from reference_model.unmodelled import Unmodelled

__all__ = [
    "Reading",
    "Refused",
    "Target",
    "encode_ipa",
    "encode_range",
    "encode_va",
    "target_of",
]

# Why nothing is guaranteed to be removed: the granule of a range is not the one
# in use, its base is not aligned for its level hint, the machine has no range
# operations, the level hint is for another granule.
Refused = Literal["", "tg", "misaligned", "unsupported", "ttl"]

_TG = {0b01: Granule.K4, 0b10: Granule.K16, 0b11: Granule.K64}
_TG_OF = {granule: tg for tg, granule in _TG.items()}
_TOP = 1 << 64  # addresses of the upper half (TTBR1) are 64-bit values


@dataclass(frozen=True, slots=True)
class Target:
    """What an operation selects by: addresses from ``start`` to ``end``, ASID.

    ``level`` is the level hint (TTL), None without one; ``granule`` the one
    that the operand was read with: tables of another granule need not be
    acted on (R_XMZFH).  ``asid`` None means that it does not matter.
    """

    start: int
    end: int
    level: int | None = None
    asid: int | None = None
    granule: Granule = Granule.K4
    refused: Refused = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a PE reads operands: the granule in use, and what it implements.

    ``ttl`` is FEAT_TTL, ``ranges`` FEAT_TLBIRANGE; ``ds`` the DS bit of the
    control register (FEAT_LPA2); ``asid_bits`` 8 without TCR_ELx.AS.
    """

    granule: Granule = Granule.K4
    ttl: bool = False
    ranges: bool = False
    ds: bool = False
    asid_bits: int = 16


# ------------------------------------------------------------------ decoding


def target_of(operation: Operation, operand: int, reading: Reading) -> Target | None:
    """Decode the operand; None for an operation that takes none."""
    if operation.by in (By.EVERYTHING, By.VMID):
        return None
    if operation.aarch32:
        return _of_aarch32(operation, operand)
    asid = None if operation.any_asid else _asid(operand, reading)
    if operation.by is By.ADDRESS_SPACE:
        return Target(0, _TOP, asid=asid, granule=reading.granule)
    by_va = operation.by is By.VIRTUAL
    if operation.ranged:
        return _range(operand, reading, asid if by_va else None, signed=by_va)
    if by_va:
        # I_ZVNJG: VA[55:12]; what is above is a copy of bit 55.
        address = _extend((operand & 0xFFF_FFFF_FFFF) << 12, 55)
        return _single(address, operand, reading, asid)
    # I_CPNYZ: IPA[51:48] above IPA[47:12].
    ipa = (operand & 0xF_FFFF_FFFF) << 12 | ((operand >> 36) & 0xF) << 48
    return _single(ipa, operand, reading, None)


def _asid(operand: int, reading: Reading) -> int:
    return (operand >> 48) & ((1 << reading.asid_bits) - 1)


def _extend(address: int, bit: int) -> int:
    """Copy ``bit`` of an address to all bits above it."""
    return address | (_TOP - (1 << bit)) if address >> bit & 1 else address


# G5.9: MVA[31:12] and ASID[7:0]; IPA[39:12] from bit 0 on.  No level hint.
def _of_aarch32(operation: Operation, operand: int) -> Target:
    asid = None if operation.any_asid else operand & 0xFF
    if operation.by is By.ADDRESS_SPACE:
        return Target(0, 1 << 32, asid=asid)
    if operation.by is By.INTERMEDIATE:
        ipa = (operand & 0xFFF_FFFF) << 12
        return Target(ipa, ipa + 1)
    va = operand & 0xFFFF_F000
    return Target(va, va + 1, asid=asid)


def _single(address: int, operand: int, reading: Reading, asid: int | None) -> Target:
    granule = reading.granule
    start = granule.table_of(address)  # I_HQTLK: lower bits are ignored
    end = start + 1
    hint = (operand >> 44) & 0xF if reading.ttl else 0  # RES0 without FEAT_TTL
    hinted = _TG.get(hint >> 2)
    level = hint & 3
    if hinted is None or not _hint_exists(hinted, level, ds=reading.ds):
        return Target(start, end, None, asid, granule)
    if hinted is not granule:
        return Target(start, end, level, asid, granule, "ttl")  # R_SQXYZ
    return Target(start, end, level, asid, granule)


# I_LTZBK: level 0 with 4K and level 1 with 16K mean something with FEAT_LPA2
# only, level 0 with 16K and 64K never; reserved, so no hint.
def _hint_exists(granule: Granule, level: int, *, ds: bool) -> bool:
    if level == 0:
        return granule is Granule.K4 and ds
    return not (granule is Granule.K16 and level == 1 and not ds)


# I_QPHNP, I_XPNPP: TG, SCALE, NUM, TTL, BaseADDR; (NUM + 1) * 2^(5 * SCALE + 1)
# granules from the base on.  R_XKMMX: nothing with another granule in TG.
def _range(operand: int, reading: Reading, asid: int | None, *, signed: bool) -> Target:
    granule = reading.granule
    bits = Granule.K64 if reading.ds else granule  # I_HKYNQ
    start = (operand & 0x1F_FFFF_FFFF) << bits
    if signed:
        start = _extend(start, bits + 36)
    scale, number = (operand >> 44) & 3, (operand >> 39) & 0x1F
    end = start + ((number + 1) << (5 * scale + 1 + granule))
    if signed:
        end = min(end, _TOP)  # R_QNPXY: the upper half does not wrap
    level: int | None = (operand >> 37) & 3
    if not level or not _hint_exists(granule, level, ds=reading.ds):
        level = None
    refused: Refused = ""
    if not reading.ranges:
        refused = "unsupported"  # R_XMZFH
    elif _TG.get((operand >> 46) & 3) is not granule:
        refused = "tg"
    elif level is not None and start % granule.level_bytes(level):
        refused = "misaligned"  # I_TYBWT: UNPREDICTABLE which entries
    return Target(start, end, level, asid, granule, refused)


# ------------------------------------------------------------------ encoding


def encode_va(
    va: int, *, asid: int = 0, level: int | None = None, granule: Granule = Granule.K4
) -> int:
    """Encode the operand of an operation by VA (I_ZVNJG)."""
    return asid << 48 | _ttl(level, granule) << 44 | (va >> 12) & 0xFFF_FFFF_FFFF


def encode_ipa(
    ipa: int,
    *,
    level: int | None = None,
    granule: Granule = Granule.K4,
    ns: bool = False,
) -> int:
    """Encode the operand of an operation by IPA (I_CPNYZ).

    ``ns`` is RES0 unless executed in Secure state.
    """
    return int(ns) << 63 | _ttl(level, granule) << 44 | (ipa >> 12) & 0xFF_FFFF_FFFF


def _ttl(level: int | None, granule: Granule) -> int:
    return 0 if level is None else _TG_OF[granule] << 2 | level


def encode_range(
    start: int,
    granules: int,
    *,
    asid: int = 0,
    level: int | None = None,
    granule: Granule = Granule.K4,
) -> int:
    """Encode a range of at least ``granules`` granules from ``start`` on.

    Takes the shortest range that one operation can cover; raises Unmodelled
    when none is that long.
    """
    for scale in range(4):
        unit = 1 << (5 * scale + 1)
        number = max(0, -(-granules // unit) - 1)
        if number < 32:
            break
    else:
        raise Unmodelled(f"one range TLBI over {granules} granules")
    base = (start >> granule) & 0x1F_FFFF_FFFF
    hint = level if level is not None and level <= LAST_LEVEL else 0
    fields = _TG_OF[granule] << 46 | scale << 44 | number << 39 | hint << 37
    return asid << 48 | fields | base
