/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLB invalidation, as whole sequences.
 *
 *   DSB   so that walks from here on see the tables as last written;
 *   TLBI;
 *   DSB   so that the invalidation is complete wherever it reaches. Only a
 *         DSB for loads and stores waits for a TLBI;
 *   ISB   so that this CPU drops what it fetched through the old entries.
 *
 * A local TLBI needs barriers for this CPU only (nsh), a broadcast one for
 * the inner shareable domain (ish).
 *
 * ARM64_WORKAROUND_REPEAT_TLBI: after a broadcast TLBI has completed, such a
 * CPU may still let an access through the old entry be observed. A second
 * broadcast TLBI, of any kind, and its DSB close that. VALE2IS of address 0
 * is the cheapest: Xen maps nothing there that it uses at run time.
 */
#ifndef __ASM_ARM_ARM64_FLUSHTLB_H__
#define __ASM_ARM_ARM64_FLUSHTLB_H__

#define TLB_HELPER(name, tlbop)                         \
static inline void name(void)                           \
{                                                       \
    asm volatile (                                      \
        "dsb  ishst;"                                   \
        "tlbi " #tlbop ";"                              \
        ALTERNATIVE(                                    \
            "nop; nop;",                                \
            "dsb  ish;"                                 \
            "tlbi vale2is, xzr;",                       \
            ARM64_WORKAROUND_REPEAT_TLBI,               \
            CONFIG_ARM64_WORKAROUND_REPEAT_TLBI)        \
        "dsb  ish;"                                     \
        "isb;"                                          \
        : : : "memory");                                \
}

#define TLB_HELPER_LOCAL(name, tlbop)                   \
static inline void name(void)                           \
{                                                       \
    asm volatile (                                      \
        "dsb  nshst;"                                   \
        "tlbi " #tlbop ";"                              \
        "dsb  nsh;"                                     \
        "isb;"                                          \
        : : : "memory");                                \
}

/* Both stages of the VMID in VTTBR_EL2: on every CPU, on this CPU. */
TLB_HELPER(flush_guest_tlb, vmalls12e1is)
TLB_HELPER_LOCAL(flush_guest_tlb_local, vmalls12e1)

/* All guests, whatever the VMID: on every CPU, on this CPU. */
TLB_HELPER(flush_all_guests_tlb, alle1is)
TLB_HELPER_LOCAL(flush_all_guests_tlb_local, alle1)

/* The hypervisor's own translations, on this CPU. */
TLB_HELPER_LOCAL(flush_xen_tlb_local, alle2)

#undef TLB_HELPER
#undef TLB_HELPER_LOCAL

/*
 * One page of the hypervisor's address space. Barriers, and the repetition,
 * are up to the caller, who may have many pages to do.
 */
static inline void __flush_xen_tlb_one(vaddr_t va)
{
    asm volatile ("tlbi vae2is, %0" : : "r" (va >> PAGE_SHIFT) : "memory");
}

static inline void __flush_xen_tlb_one_local(vaddr_t va)
{
    asm volatile ("tlbi vae2, %0" : : "r" (va >> PAGE_SHIFT) : "memory");
}

/* ARM64_WORKAROUND_REPEAT_TLBI, once for any number of completed TLBIs. */
static inline void __tlb_repeat_sync(void)
{
    asm volatile (
        ALTERNATIVE(
            "nop; nop;",
            "tlbi vale2is, xzr;"
            "dsb  ish;",
            ARM64_WORKAROUND_REPEAT_TLBI,
            CONFIG_ARM64_WORKAROUND_REPEAT_TLBI)
        : : : "memory");
}

#endif /* __ASM_ARM_ARM64_FLUSHTLB_H__ */
