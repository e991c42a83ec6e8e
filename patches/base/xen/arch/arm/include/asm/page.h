/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_PAGE_H__
#define __ARM_PAGE_H__

#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/page-size.h>
#include <xen/types.h>
#include <asm/atomic.h>
#include <asm/lpae.h>
#include <asm/processor.h>
#include <asm/sysregs.h>
#include <asm/system.h>
#ifdef CONFIG_ARM_64
#include <asm/arm64/page.h>
#else
#include <asm/arm32/page.h>
#endif

/* Shareability field of an entry. */
#define LPAE_SH_NON_SHAREABLE 0x0
#define LPAE_SH_OUTER         0x2
#define LPAE_SH_INNER         0x3

/* Memory attributes field of a stage-2 entry. */
#define MATTR_DEV     0x1
#define MATTR_MEM_NC  0x5
#define MATTR_MEM     0xf

/* A cache line is never smaller; how large it is on the boot CPU. */
#define MIN_CACHELINE_BYTES 16
extern size_t dcache_line_bytes;

/* Write a range back to memory, ordered after the stores that filled it. */
static inline int clean_dcache_va_range(const void *p, unsigned long size)
{
    unsigned long line = (unsigned long)p & ~(dcache_line_bytes - 1);
    unsigned long end = (unsigned long)p + size;

    if ( !size )
        return 0;

    ASSERT(end - 1 >= (unsigned long)p);

    dsb(sy);
    for ( ; line < end; line += dcache_line_bytes )
        asm volatile (__clean_dcache_one(0) : : "r" (line));
    dsb(sy);

    return 0;
}

/* The same for one object; an aligned small one is within a single line. */
#define clean_dcache(x) do {                                            \
    typeof(x) *obj_ = &(x);                                             \
    if ( sizeof(x) > MIN_CACHELINE_BYTES || sizeof(x) > alignof(x) )    \
        clean_dcache_va_range(obj_, sizeof(x));                         \
    else                                                                \
        asm volatile ("dsb sy;"                                         \
                      __clean_dcache_one(0)                             \
                      "dsb sy;"                                         \
                      : : "r" (obj_), "m" (*obj_));                     \
} while ( 0 )

/*
 * Store one translation table entry, whole. The barriers order the store with
 * every access before and after it, walks included; an ISB or a TLB flush, as
 * the change needs, is up to the caller.
 */
static inline void write_pte(lpae_t *p, lpae_t pte)
{
    dsb(sy);
    write_atomic(p, pte);
    dsb(sy);
}

/* Write back and drop the cache lines of a page. */
void flush_page_to_ram(unsigned long mfn, bool sync_icache);

/* Print how a guest address is translated, from the tables in memory. */
void dump_pt_walk(paddr_t ttbr, paddr_t addr, unsigned int root_level,
                  unsigned int nr_root_tables);
struct domain;
void dump_p2m_lookup(struct domain *d, paddr_t addr);

#endif /* __ARM_PAGE_H__ */
