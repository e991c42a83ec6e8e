"""Words that traces of Xen's stage-2 code are full of.

A token names them by number, so their order is part of its format: new ones go to
the end.  A word that is not here is written out.
"""

from __future__ import annotations

__all__ = ["VOCABULARY"]

_REGISTERS = """
VTTBR_EL2 VTCR_EL2 HCR_EL2 TTBR0_EL1 TTBR1_EL1 TCR_EL1 SCTLR_EL1 MAIR_EL1
CONTEXTIDR_EL1 TPIDR_EL2 DAIF SCTLR_EL2 TCR_EL2 TTBR0_EL2 MAIR_EL2
"""
_OPERATIONS = """
VMALLS12E1IS VMALLS12E1 VMALLE1IS VMALLE1 IPAS2E1IS IPAS2E1 IPAS2LE1IS IPAS2LE1
RIPAS2E1IS RIPAS2LE1IS ALLE1IS ALLE1 VALE2IS VAE2IS ALLE2IS ALLE2 TLBIALLIS TLBIALL
"""
_FILES = """
xen/arch/arm/mmu/p2m.c xen/arch/arm/p2m.c xen/arch/arm/include/asm/p2m.h
xen/arch/arm/include/asm/arm64/flushtlb.h xen/arch/arm/include/asm/arm32/flushtlb.h
xen/arch/arm/include/asm/flushtlb.h xen/arch/arm/include/asm/page.h
xen/arch/arm/include/asm/atomic.h xen/arch/arm/include/asm/arm64/atomic.h
xen/arch/arm/include/asm/arm32/atomic.h xen/arch/arm/include/asm/arm64/system.h
xen/include/xen/rwlock.h xen/include/xen/spinlock.h xen/arch/arm/domain.c
xen/arch/arm/include/asm/arm64/sysregs.h xen/arch/arm/include/asm/sysregs.h
xen/arch/arm/include/asm/processor.h xen/arch/arm/include/asm/lpae.h
"""
_FUNCTIONS = """
p2m_set_entry __p2m_set_entry p2m_write_pte p2m_remove_pte write_pte
write_atomic_size write_u64_atomic atomic_cmpxchg p2m_force_tlb_flush_sync
p2m_tlb_flush_sync p2m_save_state p2m_restore_state flush_guest_tlb
flush_guest_tlb_local flush_all_guests_tlb flush_all_guests_tlb_local
__tlb_repeat_sync p2m_write_lock p2m_write_unlock write_lock _write_lock
_write_unlock spin_lock p2m_alloc_page p2m_free_page p2m_next_level
p2m_create_table p2m_split_superpage p2m_free_entry p2m_free_subtree p2m_init
p2m_alloc_vmid p2m_free_vmid p2m_alloc_table p2m_allocate_root p2m_teardown
p2m_teardown_allocation p2m_set_allocation p2m_final_teardown p2m_clear_root_pages
relinquish_p2m_mapping p2m_invalidate_root p2m_flush_vm p2m_load_VTTBR
p2m_tlb_flush_vmid p2m_resolve_translation_fault p2m_set_way_flush
p2m_insert_mapping p2m_remove_mapping p2m_set_mem_access p2m_put_page
"""
_LOCKS = (
    "p2m lock of d1",
    "p2m lock of d2",
    "p2m lock of d3",
    "page pool lock of d1",
    "page pool lock of d3",
    "vmid_alloc_lock",
    "p2m_set_entry of d1 returned",
    "p2m_set_entry of d3 returned",
    "d1 is destroyed",
    "the mappings of d1 are relinquished",
    "DC CVAC",
)
_PROFILES = """
P0-v8.0 P1-repeat P2-v8.4 P3-bbml2 P4-at-spec P5-nested a32-v7ve a32-v8
"""
_SCENARIOS = """
unmap-4k/own-vttbr/2-pcpus unmap-4k/own-vttbr/1-pcpu unmap-4k/foreign-vttbr/1-pcpu
unmap-4k/foreign-vttbr/2-pcpus vcpu-switch-same-domain vcpu-switch-back
vcpu-switch-other-domain vcpu-switch-back-over-other-domain create-domain
destroy-domain destroy-domain-create-domain unmap-table/own-vttbr/1-pcpu
unmap-table/own-vttbr/2-pcpus unmap-4k-in-2m/own-vttbr/1-pcpu
unmap-4k-in-2m/own-vttbr/2-pcpus replace-4k/own-vttbr/1-pcpu
replace-4k/own-vttbr/2-pcpus map-new/own-vttbr/1-pcpu map-new/foreign-vttbr/1-pcpu
unmap-2m/own-vttbr/1-pcpu unmap-2m/own-vttbr/2-pcpus unmap-1g/own-vttbr/1-pcpu
"""
_RULES = """
at-speculate-mixed-context bbm-attr-change bbm-local-only bbm-make-before-tlbi-complete
bbm-oa-change bbm-size-change dsb-domain-too-weak dsb-local-for-broadcast
dsb-st-does-not-complete-tlbi missing-dsb-after-tlbi missing-dsb-before-tlbi
missing-dsb-between-ipas2-and-s1 missing-s1-inval-after-ipas2 missing-tlbi-after-unmap
page-released-before-tlbi ptw-not-drained-before-regime-switch repeat-tlbi-missing
right-only-on-profile s1-before-s2-inval s1-inval-skipped-on-ntlbpa
stale-s12-after-local-vmalle1 table-freed-before-tlbi tlb-conflict-abort-unhandled
tlbi-not-broadcast tlbi-range-too-small tlbi-wrong-stage tlbi-wrong-vmid
vcpu-switch-missing-s1-flush vmid-flush-local-only vmid-reuse-without-flush
vttbr-write-not-synchronised
"""

VOCABULARY: tuple[str, ...] = (
    "",
    *_REGISTERS.split(),
    *_FILES.split(),
    *_FUNCTIONS.split(),
    *_OPERATIONS.split(),
    *_LOCKS,
    *_PROFILES.split(),
    *_SCENARIOS.split(),
    *_RULES.split(),
)
