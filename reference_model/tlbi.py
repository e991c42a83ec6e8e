"""TLB invalidation instructions: what each is guaranteed to remove.

An operation may remove more than this (R_MMZTY); what it need not remove is
kept, because some machine keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reference_model.addresses import Granule
from reference_model.unmodelled import Unmodelled

__all__ = ["By", "Operation", "Scope", "Target", "decode_operation", "ipa_range"]


class Scope(Enum):
    """The PEs on which the operation acts (I_DMCXY, R_QRNJC)."""

    LOCAL = "local"
    INNER = "inner shareable"
    OUTER = "outer shareable"


class By(Enum):
    """What the operation selects entries by."""

    EVERYTHING = "every VMID"
    VMID = "the current VMID"
    ADDRESS_SPACE = "the ASID"
    VIRTUAL = "the VA"
    INTERMEDIATE = "the IPA"
    RANGE = "the IPA range"


@dataclass(frozen=True, slots=True)
class Operation:
    """A decoded TLBI mnemonic.

    ``stage1`` and ``stage2`` tell which information it removes of the EL1&0
    regime; neither for an operation on the EL2 regime.
    """

    name: str
    by: By
    scope: Scope
    stage1: bool
    stage2: bool
    last_level: bool = False
    nxs: bool = False
    el2: bool = False

    @property
    def broadcast(self) -> bool:
        """Tell whether other PEs act on it."""
        return self.scope is not Scope.LOCAL


# name without IS/OS/NXS: (selection, stage 1, stage 2, last level only).
# Sections on the scope of each operation; R_LGSCG: stage-1 operations hit all
# that holds stage-1 information, combined entries too; R_TVTYQ: stage-2 only
# operations hit stage-2-only entries; R_GNJPZ: operations on both hit all.
_EL1 = {
    "ALLE1": (By.EVERYTHING, True, True, False),
    "VMALLS12E1": (By.VMID, True, True, False),
    "VMALLE1": (By.VMID, True, False, False),
    "ASIDE1": (By.ADDRESS_SPACE, True, False, False),
    "VAE1": (By.VIRTUAL, True, False, False),
    "VALE1": (By.VIRTUAL, True, False, True),
    "VAAE1": (By.VIRTUAL, True, False, False),
    "VAALE1": (By.VIRTUAL, True, False, True),
    "RVAE1": (By.VIRTUAL, True, False, False),
    "RVALE1": (By.VIRTUAL, True, False, True),
    "RVAAE1": (By.VIRTUAL, True, False, False),
    "RVAALE1": (By.VIRTUAL, True, False, True),
    "IPAS2E1": (By.INTERMEDIATE, False, True, False),
    "IPAS2LE1": (By.INTERMEDIATE, False, True, True),
    "RIPAS2E1": (By.RANGE, False, True, False),
    "RIPAS2LE1": (By.RANGE, False, True, True),
}
_EL2 = ("ALLE2", "VAE2", "VALE2", "RVAE2", "RVALE2")


def decode_operation(name: str) -> Operation:
    """Decode a TLBI mnemonic in upper case; raises Unmodelled for others."""
    stem, nxs = (name[:-3], True) if name.endswith("NXS") else (name, False)
    scope = Scope.LOCAL
    for suffix, wider in (("IS", Scope.INNER), ("OS", Scope.OUTER)):
        if stem.endswith(suffix):
            stem, scope = stem[:-2], wider
    if stem in _EL2:
        return Operation(name, By.EVERYTHING, scope, False, False, nxs=nxs, el2=True)
    if stem not in _EL1:
        raise Unmodelled(f"TLBI {name}")
    by, stage1, stage2, last = _EL1[stem]
    return Operation(name, by, scope, stage1, stage2, last, nxs)


@dataclass(frozen=True, slots=True)
class Target:
    """The addresses that a by-IPA operation selects: ``start`` to ``end``.

    ``level`` is the level hint of the operand (TTL), None without one.
    """

    start: int
    end: int
    level: int | None = None


def ipa_range(
    operation: Operation, operand: int, *, ttl: bool, ranges: bool
) -> Target | None:
    """Decode the operand of a by-IPA operation (I_CPNYZ, I_LTZBK, I_QPHNP).

    ``ttl`` and ``ranges`` tell whether the machine has FEAT_TTL and
    FEAT_TLBIRANGE.  None: nothing is guaranteed to be removed.
    """
    if operation.by is By.RANGE:
        return _range(operand) if ranges else None  # R_XMZFH
    ipa = (operand & 0xF_FFFF_FFFF) << 12 | ((operand >> 36) & 0xF) << 48
    hint = (operand >> 44) & 0xF if ttl else 0  # RES0 without FEAT_TTL
    if hint and hint >> 2 == 0:
        hint = 0  # no granule: no hint
    if not hint or hint == 0b0100:  # 4K level 0 counts as no hint
        return Target(ipa, ipa + 1)
    if hint >> 2 != 0b01:
        return None  # another granule than the one in use (R_SQXYZ)
    return Target(ipa, ipa + 1, hint & 3)


def _range(operand: int) -> Target | None:
    if (operand >> 46) & 3 != 0b01:
        return None  # TG is not the granule in use (R_XKMMX)
    scale, number = (operand >> 44) & 3, (operand >> 39) & 0x1F
    level = (operand >> 37) & 3
    base = (operand & 0x1F_FFFF_FFFF) << 12
    if level and base % Granule.K4.level_bytes(level):
        return None  # base not aligned for the level: UNPREDICTABLE (I_TYBWT)
    length = (number + 1) << (5 * scale + 1 + 12)
    return Target(base, base + length, level or None)
