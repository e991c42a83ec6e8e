/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_SYSTEM_H
#define __ASM_SYSTEM_H

#include <xen/lib.h>

#define isb()       asm volatile ("isb" : : : "memory")
#define dsb(scope)  asm volatile ("dsb " #scope : : : "memory")
#define dmb(scope)  asm volatile ("dmb " #scope : : : "memory")
#define wfe()       asm volatile ("wfe" : : : "memory")
#define sev()       asm volatile ("sev" : : : "memory")

/* With devices as observers. */
#define mb()        dsb(sy)
#define rmb()       dsb(ld)
#define wmb()       dsb(st)

/* With other CPUs as observers. */
#define smp_mb()    dmb(ish)
#define smp_rmb()   dmb(ishld)
#define smp_wmb()   dmb(ishst)

#include <asm/arm64/system.h>

#endif /* __ASM_SYSTEM_H */
