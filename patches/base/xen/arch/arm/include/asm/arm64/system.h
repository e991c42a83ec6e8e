/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM64_SYSTEM_H
#define __ASM_ARM64_SYSTEM_H

#include <public/xen.h>
#include <asm/arm64/cmpxchg.h>

/* DAIFSet and DAIFClr take a mask of which bit 1 is I, interrupts. */
#define local_irq_disable()  asm volatile ("msr daifset, #2\n" : : : "memory")
#define local_irq_enable()   asm volatile ("msr daifclr, #2\n" : : : "memory")

#define local_save_flags(x) ({                                          \
    BUILD_BUG_ON(sizeof(x) != sizeof(long));                            \
    asm volatile ("mrs %0, daif" : "=r" (x) : : "memory"); })

#define local_irq_save(x) ({                                            \
    local_save_flags(x);                                                \
    local_irq_disable(); })

#define local_irq_restore(x) ({                                         \
    BUILD_BUG_ON(sizeof(x) != sizeof(long));                            \
    asm volatile ("msr daif, %0" : : "r" (x) : "memory"); })

static inline int local_irq_is_enabled(void)
{
    unsigned long flags;

    local_save_flags(flags);

    return !(flags & PSR_IRQ_MASK);
}

#endif /* __ASM_ARM64_SYSTEM_H */
