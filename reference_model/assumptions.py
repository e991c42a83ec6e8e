"""Named readings of the architecture where its text leaves room."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Assumptions"]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Each field is one ambiguity; its default is the value results rest on."""

    # Combined stage 1 and 2 entries exist.  False hides what they bring about.
    combined_tlb: bool = True
    # One operation on any IPA of a block removes all pieces of it (R_TVTYQ,
    # R_LQLSD); False takes each operation to remove one granule.
    one_ipas2_per_block: bool = True
    # Copies of descriptors indexed by where they lie (nTLBPA = 0) go with any
    # TLBI that applies to the PE and their context (R_TJQVP); False: only with
    # one on the stage that the descriptor is of.
    ntlbpa_any_tlbi: bool = True
    # Reading a page reference count's drop as harmless as such, because the
    # allocator flushes guest TLBs before it hands the page out again.
    alloc_flushes_tlb: bool = True
    # Walks begun at EL1 may go on at EL2 until a DSB (R_LFHQG, I_QVPYJ);
    # True takes exception entry itself to end them (I_SFZVV).
    drain_ptw: bool = False
    # Only the PE that maintains the tables ever uses them.
    single_pe: bool = False
    # A DSB also retires stores of another PE that are ordered before it by a
    # lock hand-over; False takes R_SPVBD's "same PE" literally.
    dsb_transitive: bool = True
    # A DSB NSH completes a broadcast TLBI on every PE, not on its own alone.
    dsb_nsh_completes_is: bool = False
    # An nXS operation removes entries whose XS attribute is 1 as well.
    nxs_invalidates_xs1: bool = False
    # A TLB may hold an entry with nT set, in pieces, until the closing TLBI.
    nt_cacheable: bool = True
    # FEAT_BBM level 2 never raises TLB conflict aborts on this machine.
    bbml2_noabort: bool = False
    # ASIDE1 removes walk caches as well.
    asid_tlbi_walkcache: bool = False
    # TLBIs of an AArch32 PE act on that PE in program order (G5.9.1.3).
    a32_tlbi_program_order: bool = True
    # A local TLBI removes what PEs with the same CnP = 1 tables have put in.
    local_tlbi_covers_cnp_sharers: bool = True
    # FEAT_ETS level in place of the profile's; None leaves it.
    ets_level: int | None = None
    # A restricting change of permissions may wait for the lock release.
    permission_change_deferral: bool = True
    # The REPEAT_TLBI erratum also needs its repeat after stage-2-only operations.
    repeat_tlbi_s2_forms: bool = False
    # A change of output address needs break-before-make even from read-only to
    # read-only; False exempts it, as if the contents were known to be equal.
    bbm_ro_same_content: bool = True
    # At EL2 the registers of EL1&0 are never used for speculative walks
    # (R_NRJPP); False lets walks under them go on there.
    out_of_context_no_fill: bool = True
    # An IOMMU that shares the tables acts on the TLBIs of the PEs (DVM).
    smmu_dvm: bool = False
    # One VMID may have several stage 2s, one per vCPU (altp2m).
    altp2m: bool = False
