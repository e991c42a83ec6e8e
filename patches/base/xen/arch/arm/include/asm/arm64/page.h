/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_ARM64_PAGE_H__
#define __ARM_ARM64_PAGE_H__

#include <asm/alternative.h>

/* Cache maintenance by address, which is operand R of the asm around it. */
#define __clean_dcache_one(R)                       \
    ALTERNATIVE("dc cvac, %" #R ";",                \
                "dc civac, %" #R ";",               \
                ARM64_WORKAROUND_CLEAN_CACHE)
#define __clean_and_invalidate_dcache_one(R) "dc civac, %" #R ";"

/* Instruction caches of every CPU. */
static inline void invalidate_icache(void)
{
    asm volatile ("ic ialluis");
    dsb(ish);
    isb();
}

void clear_page(void *to);

#endif /* __ARM_ARM64_PAGE_H__ */
