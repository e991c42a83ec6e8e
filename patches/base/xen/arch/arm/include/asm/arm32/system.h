/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM32_SYSTEM_H
#define __ASM_ARM32_SYSTEM_H

#include <public/xen.h>
#include <asm/arm32/cmpxchg.h>

#define local_irq_disable()  asm volatile ("cpsid i" : : : "memory")
#define local_irq_enable()   asm volatile ("cpsie i" : : : "memory")

#define local_save_flags(x) ({                                          \
    BUILD_BUG_ON(sizeof(x) != sizeof(long));                            \
    asm volatile ("mrs %0, cpsr" : "=r" (x) : : "memory", "cc"); })

#define local_irq_save(x) ({                                            \
    local_save_flags(x);                                                \
    local_irq_disable(); })

#define local_irq_restore(x) ({                                         \
    BUILD_BUG_ON(sizeof(x) != sizeof(long));                            \
    asm volatile ("msr cpsr_c, %0" : : "r" (x) : "memory", "cc"); })

static inline int local_irq_is_enabled(void)
{
    unsigned long flags;

    local_save_flags(flags);

    return !(flags & PSR_IRQ_MASK);
}

#endif /* __ASM_ARM32_SYSTEM_H */
