/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_ARM32_PAGE_H__
#define __ARM_ARM32_PAGE_H__

#include <asm/alternative.h>

/* Cache maintenance by address, which is operand R of the asm around it. */
#define __clean_dcache_one(R)                STORE_CP32(R, DCCMVAC)
#define __clean_and_invalidate_dcache_one(R) STORE_CP32(R, DCCIMVAC)

/* Instruction caches, and branch predictors, of every CPU. */
static inline void invalidate_icache(void)
{
    asm volatile (CMD_CP32(ICIALLUIS) CMD_CP32(BPIALLIS) : : : "memory");
    dsb(ish);
    isb();
}

void clear_page(void *to);

#endif /* __ARM_ARM32_PAGE_H__ */
