/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_DOMAIN_H__
#define __ASM_DOMAIN_H__

#include <xen/spinlock.h>
#include <asm/p2m.h>
#include <asm/page.h>

/* Memory set aside for a domain's stage-2 tables. */
struct paging_domain {
    spinlock_t lock;
    struct page_list_head p2m_freelist;
    unsigned long p2m_total_pages;      /* on the list or in use */
};

struct arch_domain
{
    struct p2m_domain p2m;
    struct paging_domain paging;
};

/* Register state of a vCPU that is not loaded. */
struct arch_vcpu
{
    struct cpu_info *cpu_info;

    uint64_t   ttbr0, ttbr1;
    register_t ttbcr;
    uint64_t   mair;
    uint64_t   amair;
    register_t sctlr;
    register_t vbar;
    uint32_t   contextidr;

    register_t hcr_el2;

    /* The guest's memory is to be cleaned before the guest runs again. */
    bool need_flush_to_ram;
};

#endif /* __ASM_DOMAIN_H__ */
