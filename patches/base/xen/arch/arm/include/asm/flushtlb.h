/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM_FLUSHTLB_H__
#define __ASM_ARM_FLUSHTLB_H__

#include <xen/cpumask.h>
#include <asm/page.h>
#ifdef CONFIG_ARM_64
#include <asm/arm64/flushtlb.h>
#else
#include <asm/arm32/flushtlb.h>
#endif

/* What the allocator calls before it reuses pages. */
void arch_flush_tlb_mask(const cpumask_t *mask);

/* A range of the hypervisor's address space, on every CPU. */
static inline void flush_xen_tlb_range_va(vaddr_t va, unsigned long size)
{
    vaddr_t end;

    dsb(ishst);
    for ( end = va + size; va < end; va += PAGE_SIZE )
        __flush_xen_tlb_one(va);
    dsb(ish);
    __tlb_repeat_sync();
    isb();
}

/* The same on this CPU. */
static inline void flush_xen_tlb_range_va_local(vaddr_t va, unsigned long size)
{
    vaddr_t end;

    dsb(nshst);
    for ( end = va + size; va < end; va += PAGE_SIZE )
        __flush_xen_tlb_one_local(va);
    dsb(nsh);
    isb();
}

#endif /* __ASM_ARM_FLUSHTLB_H__ */
