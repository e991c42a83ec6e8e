"""The TLB operations of AArch32, as executed from Hyp mode (G5.9)."""

from __future__ import annotations

from typing import NamedTuple

from reference_model.addresses import Granule
from reference_model.operations import By, Operation, Scope
from reference_model.regimes import Regime
from reference_model.sysregs import Root, el2_root
from reference_model.unmodelled import Unmodelled

__all__ = [
    "Coprocessor",
    "came_with_armv8",
    "decode_hyp_operation",
    "hyp_encoding",
    "hyp_name",
    "hyp_own_root",
    "hyp_root_of",
    "hyp_vmid_of",
]


class Coprocessor(NamedTuple):
    """The operands of ``MCR p15, opc1, Rt, CRn, CRm, opc2``."""

    opc1: int
    crn: int
    crm: int
    opc2: int


class _Row(NamedTuple):
    by: By
    stage1: bool
    stage2: bool
    opc1: int
    opc2: int
    last_level: bool = False
    any_asid: bool = False
    el2: bool = False
    v8: bool = False  # not in Armv7


# G5.9, Table G5-23.  F1.18: none of them removes just the stage-1 information
# of the current VMID; TLBIALL from Hyp removes both stages (like VMALLS12E1).
# I_FSWKY, R_TVMHK: TLBIIPAS2* and the last-level forms came with Armv8.
_ROWS = {
    "TLBIALL": _Row(By.VMID, True, True, 0, 0),
    "TLBIMVA": _Row(By.VIRTUAL, True, False, 0, 1),
    "TLBIASID": _Row(By.ADDRESS_SPACE, True, False, 0, 2),
    "TLBIMVAA": _Row(By.VIRTUAL, True, False, 0, 3, any_asid=True),
    "TLBIMVAL": _Row(By.VIRTUAL, True, False, 0, 5, last_level=True, v8=True),
    "TLBIMVAAL": _Row(
        By.VIRTUAL, True, False, 0, 7, last_level=True, any_asid=True, v8=True
    ),
    "TLBIALLH": _Row(By.EVERYTHING, False, False, 4, 0, el2=True),
    "TLBIMVAH": _Row(By.VIRTUAL, False, False, 4, 1, any_asid=True, el2=True),
    "TLBIALLNSNH": _Row(By.EVERYTHING, True, True, 4, 4),
    "TLBIMVALH": _Row(
        By.VIRTUAL,
        False,
        False,
        4,
        5,
        last_level=True,
        any_asid=True,
        el2=True,
        v8=True,
    ),
    "TLBIIPAS2": _Row(By.INTERMEDIATE, False, True, 4, 1, v8=True),
    "TLBIIPAS2L": _Row(By.INTERMEDIATE, False, True, 4, 5, last_level=True, v8=True),
}


def _split(name: str) -> tuple[str, Scope]:
    if name not in _ROWS and name.endswith("IS"):
        return name.removesuffix("IS"), Scope.INNER
    return name, Scope.LOCAL


def decode_hyp_operation(name: str, *, v8: bool = True) -> Operation:
    """Decode an AArch32 mnemonic in upper case, as in "TLBIALLIS".

    Raises Unmodelled for others, and for those that Armv7 lacks without ``v8``.
    """
    stem, scope = _split(name)
    row = _ROWS.get(stem)
    if row is None:
        raise Unmodelled(f"{name}")
    if row.v8 and not v8:
        raise Unmodelled(f"{name} on Armv7, which does not have it")
    return Operation(
        name,
        row.by,
        scope,
        row.stage1,
        row.stage2,
        row.last_level,
        el2=row.el2,
        any_asid=row.any_asid,
        aarch32=True,
    )


def came_with_armv8(name: str) -> bool:
    """Tell whether Armv7 lacks an AArch32 operation; another name has no row."""
    row = _ROWS.get(_split(name)[0])
    return row is not None and row.v8


def hyp_encoding(name: str) -> Coprocessor:
    """Return the CP15 encoding of an AArch32 mnemonic."""
    stem, scope = _split(name)
    row = _ROWS.get(stem)
    if row is None:
        raise Unmodelled(f"{name}")
    if row.by is By.INTERMEDIATE:
        crm = 0 if scope is Scope.INNER else 4
    else:
        crm = 3 if scope is Scope.INNER else 7
    return Coprocessor(row.opc1, 8, crm, row.opc2)


_NAMES = {hyp_encoding(stem + s): stem + s for stem in _ROWS for s in ("", "IS")}


def hyp_name(encoding: Coprocessor) -> str:
    """Return the mnemonic of a CP15 encoding; raises Unmodelled for others."""
    found = _NAMES.get(encoding)
    if found is None:
        raise Unmodelled(
            f"p15, {encoding.opc1}, c{encoding.crn}, c{encoding.crm}, {encoding.opc2}"
        )
    return found


_BADDR_MASK = 0x0000_00FF_FFFF_F000  # 40-bit physical addresses
_CACHED = 3 << 8 | 3 << 10 | 3 << 12  # VTCR.IRGN0, ORGN0, SH0


def hyp_vmid_of(vttbr: int) -> int:
    """Return the VMID of an AArch32 VTTBR: 8 bits."""
    return (vttbr >> 48) & 0xFF


def hyp_own_root(httbr: int, htcr: int) -> Root:
    """Decode the root of Hyp mode's own walks: 4K granule, T0SZ of 3 bits."""
    va_bits = 32 - (htcr & 7)
    return el2_root(httbr, htcr & 0x3F00 | 64 - va_bits, Regime.EL2)


def hyp_root_of(vttbr: int, vtcr: int) -> Root:
    """Decode the root of a stage-2 walk of AArch32: 4K granule, level 1 or 2.

    VTCR.T0SZ is signed: its sign is bit 4 (S), as bit 3 must be too.
    """
    level = {0: 2, 1: 1}.get((vtcr >> 6) & 3)
    t0sz = vtcr & 0xF
    if level is None or t0sz >> 3 != (vtcr >> 4) & 1:
        raise Unmodelled("VTCR.SL0 is reserved, or VTCR.S is not the sign of T0SZ")
    ipa_bits = 32 - (t0sz - 16 if t0sz & 8 else t0sz)
    granule = Granule.K4
    table_bits = granule.shift(level) + granule.stride
    pages = 1 << max(0, ipa_bits - table_bits)
    if pages > 16 or ipa_bits <= granule.shift(level):
        raise Unmodelled(f"VTCR: {ipa_bits}-bit IPA from level {level}")
    used = 1 << max(5, min(granule, ipa_bits - granule.shift(level) + 3))
    base = vttbr & 0xFF_FFFF_FFFF & -used
    if base != base & _BADDR_MASK:
        raise Unmodelled("VTTBR: a root that shares its page with other data")
    return Root(base, level, pages, granule, attributes=vtcr & _CACHED)
