"""Which entries a TLBI must remove, rule by rule.

Pure functions of an operation and of what it is told: nothing here knows how
entries come about, or when an operation is complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from reference_model.addresses import Granule
from reference_model.assumptions import Assumptions
from reference_model.operands import Target
from reference_model.operations import By, Operation
from reference_model.regimes import Regime
from reference_model.sysregs import HCR_E2H, el2_host

__all__ = ["Candidate", "Part", "Selection", "regimes_of"]

_DEFAULT = Assumptions()


class Part(Enum):
    """What of a walk an entry holds."""

    LEAF = "leaf"  # S1, S2, S12
    TABLE = "table"  # S1W, S2W, S12W
    COPY = "copy"  # DESC: one descriptor, by the address at which it lies


class Candidate(NamedTuple):
    """An entry as the rules see it.

    ``stage1`` tells whether it holds stage-1 information: true for combined
    entries too, and for those of the EL2 regimes.  ``vmid`` is None where there
    is none, ``asid`` None for a global leaf and where there is none.
    ``addresses`` are those by which operations name it, VAs with stage-1
    information and IPAs without: what its descriptor maps, whatever part of
    that the entry holds (R_LQLSD).  None stands for any: an entry that a guest
    may have made at some VA is not sure to be at a given one.  ``level`` is that
    of the leaf which it is, or in which the walk through it for the addresses of
    the operation ends; None if that is not one level.  ``granule`` is the one
    of the tables that translate ``addresses``; ``xs`` the XS attribute.
    """

    regime: Regime
    stage1: bool
    part: Part
    vmid: int | None = None
    asid: int | None = None
    addresses: tuple[int, int] | None = None
    level: int | None = None
    granule: Granule = Granule.K4
    xs: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """An operation as executed: it selects what each of its readings selects.

    ``vmids`` are the VMIDs and ``regimes`` the regimes that it may mean, as a
    system register may still have its old value; only the intersection of
    the removals is credited (M4).
    """

    operation: Operation
    target: Target | None
    vmids: frozenset[int]
    regimes: frozenset[Regime]
    assumptions: Assumptions = _DEFAULT

    def selects(self, entry: Candidate) -> bool:
        """Tell whether it must remove ``entry``."""
        if not self.applies(entry.regime, entry.vmid) or not self._removes_xs(entry):
            return False
        refused = self.target is not None and self.target.refused
        if refused or self.operation.clean:  # VMALLWS2E1 removes nothing
            return False
        if entry.part is Part.COPY:
            return self._selects_copy(entry)
        by = self.operation.by
        if not self._has_stage(entry):
            return False
        if by is By.EVERYTHING or by is By.VMID:
            return True
        if by is By.ADDRESS_SPACE:
            return self._selects_asid(entry)
        if by is By.VIRTUAL and not self._in_address_space(entry):
            return False
        return self._selects_address(entry)

    # R_NWYRD; I_YWBQX, I_CNTNV: the VMID is a tag of every EL1&0 entry.  ALLE1
    # acts on all of them, the EL2 regimes have none.
    def applies(self, regime: Regime, vmid: int | None) -> bool:
        """Tell whether entries of a regime and VMID are the ones it is for."""
        if self.regimes != {regime}:
            return False
        if regime is not Regime.EL10 or self.operation.by is By.EVERYTHING:
            return True
        return self.vmids == {vmid}

    # I_TFQRW: whether an nXS operation removes XS = 1 entries is not said.
    def _removes_xs(self, entry: Candidate) -> bool:
        if not self.operation.nxs or not entry.xs:
            return True
        return self.assumptions.nxs_invalidates_xs1

    # R_LGSCG: stage-1 operations hit all that has stage-1 information; R_TVTYQ:
    # stage-2 operations need hit only what has none; R_GNJPZ: those on both
    # hit all.
    def _has_stage(self, entry: Candidate) -> bool:
        operation = self.operation
        if entry.regime is not Regime.EL10:
            return operation.el2 or operation.stage1
        return operation.stage1 if entry.stage1 else operation.stage2

    # Scope of ASIDE1: leaf entries that are not global.  Walk caches need not
    # go, but for TLBIASID of AArch32.
    def _selects_asid(self, entry: Candidate) -> bool:
        target = self.target
        if target is None or entry.asid is None or entry.asid != target.asid:
            return False
        tables = self.operation.aarch32 or self.assumptions.asid_tlbi_walkcache
        return entry.part is Part.LEAF or tables

    # R_VMSWQ: by VA the ASID must match, or the leaf is global (R_QGKGF); a
    # Table counts as not global (R_CHVGJ).  R_ZSXRQ, R_JXKNN: VAA and VAAL take
    # any.  EL2 without VHE has no ASIDs.
    def _in_address_space(self, entry: Candidate) -> bool:
        target = self.target
        if target is None:
            return False
        if target.asid is None or entry.regime is Regime.EL2:
            return True
        if entry.asid is None:
            return entry.part is Part.LEAF
        return entry.asid == target.asid

    # R_VMSWQ, R_VZZVZ: an address that the descriptor maps selects it, and the
    # tables on its path but for last-level operations.  R_XMZFH: tables of
    # another granule need not be acted on.  R_SQXYZ: a level hint must be right.
    def _selects_address(self, entry: Candidate) -> bool:
        target = self.target
        if target is None or entry.addresses is None:
            return False
        low, high = entry.addresses
        if target.end <= low or high <= target.start:
            return False
        if self.operation.last_level and entry.part is not Part.LEAF:
            return False
        if target.granule is not entry.granule:
            return False
        if not self._reaches(entry, target):
            return False
        return target.level is None or target.level == entry.level

    # R_LQLSD: an operation on any address of a descriptor is for all that it maps
    # (option: for one granule of it, unless a range takes in the whole).
    def _reaches(self, entry: Candidate, target: Target) -> bool:
        if self.assumptions.one_ipas2_per_block or entry.addresses is None:
            return True
        low, high = entry.addresses
        if entry.part is not Part.LEAF or high - low <= entry.granule.bytes:
            return True
        return target.start <= low and high <= target.end

    # R_TJQVP: any operation that applies to the PE with the context of the copy
    # (option: one on its stage).  R_BKKRB: with FEAT_nTLBPA there are none.
    def _selects_copy(self, entry: Candidate) -> bool:
        operation = self.operation
        if not self.assumptions.ntlbpa_any_tlbi and not self._has_stage(entry):
            return False
        if not entry.stage1 or operation.by in (By.INTERMEDIATE, By.RANGE):
            return True
        if operation.by is By.EVERYTHING or operation.by is By.VMID:
            return True
        target = self.target
        asid = target.asid if target is not None else None
        return asid is None or entry.asid in (None, asid)


# F1.9: with HCR_EL2.{E2H,TGE} = {1,1} the stage-1 operations of EL1&0 mean EL2&0;
# VMALLS12*, IPAS2* and ALLE1 always mean EL1&0.  With E2H = 1 those of EL2 mean
# EL2&0.  Executed at EL1, all mean EL1&0.
def regimes_of(
    operation: Operation, hcrs: Iterable[int], *, at_el1: bool = False
) -> frozenset[Regime]:
    """Return the regimes that an operation may mean, by values of HCR_EL2."""
    return frozenset(_regime(operation, hcr, at_el1=at_el1) for hcr in hcrs)


def _regime(operation: Operation, hcr: int, *, at_el1: bool) -> Regime:
    if at_el1:
        return Regime.EL10
    if operation.el2:
        vhe = hcr & HCR_E2H and not operation.aarch32
        return Regime.EL20 if vhe else Regime.EL2
    redirected = operation.stage1 and not operation.stage2 and el2_host(hcr)
    return Regime.EL20 if redirected else Regime.EL10
