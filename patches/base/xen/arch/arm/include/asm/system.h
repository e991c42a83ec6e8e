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
#ifdef CONFIG_ARM_64
#define rmb()       dsb(ld)
#else
#define rmb()       dsb(sy)     /* Armv7 has no barrier for loads alone */
#endif
#define wmb()       dsb(st)

/* With other CPUs as observers. */
#define smp_mb()    dmb(ish)
#ifdef CONFIG_ARM_64
#define smp_rmb()   dmb(ishld)
#else
#define smp_rmb()   dmb(ish)
#endif
#define smp_wmb()   dmb(ishst)

#ifdef CONFIG_ARM_64
#include <asm/arm64/system.h>
#else
#include <asm/arm32/system.h>
#endif

#endif /* __ASM_SYSTEM_H */
