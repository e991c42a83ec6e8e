/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB invalidation, as whole sequences: the same ones as on arm64, with the
 * operations of CP15. From Hyp mode none of them is about stage 1 alone.
 */
#ifndef __ASM_ARM_ARM32_FLUSHTLB_H__
#define __ASM_ARM_ARM32_FLUSHTLB_H__

#define TLB_HELPER(name, tlbop, sh)                     \
static inline void name(void)                           \
{                                                       \
    dsb(sh ## st);                                      \
    WRITE_CP32(0, tlbop);                               \
    dsb(sh);                                            \
    isb();                                              \
}

/* Both stages of the VMID in VTTBR: on every CPU, on this CPU. */
TLB_HELPER(flush_guest_tlb, TLBIALLIS, ish)
TLB_HELPER(flush_guest_tlb_local, TLBIALL, nsh)

/* All guests, whatever the VMID: on every CPU, on this CPU. */
TLB_HELPER(flush_all_guests_tlb, TLBIALLNSNHIS, ish)
TLB_HELPER(flush_all_guests_tlb_local, TLBIALLNSNH, nsh)

/* The hypervisor's own translations, on this CPU. */
TLB_HELPER(flush_xen_tlb_local, TLBIALLH, nsh)

#undef TLB_HELPER

/* One page of the hypervisor's address space; barriers are up to the caller. */
static inline void __flush_xen_tlb_one(vaddr_t va)
{
    WRITE_CP32(va, TLBIMVAHIS);
}

static inline void __flush_xen_tlb_one_local(vaddr_t va)
{
    WRITE_CP32(va, TLBIMVAH);
}

/* No 32-bit CPU has the erratum. */
static inline void __tlb_repeat_sync(void)
{
}

#endif /* __ASM_ARM_ARM32_FLUSHTLB_H__ */
