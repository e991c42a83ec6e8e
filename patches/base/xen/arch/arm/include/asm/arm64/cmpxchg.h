/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM64_CMPXCHG_H
#define __ASM_ARM64_CMPXCHG_H

unsigned long __bad_cmpxchg(volatile void *ptr, int size);

/*
 * Store new if *ptr is old. Returns what was there. The exclusive store fails
 * if anyone else came between, and all starts again.
 */
static inline unsigned long __cmpxchg_case_8(volatile void *ptr,
                                             unsigned long old,
                                             unsigned long new)
{
    unsigned long seen, failed;

    asm volatile (
        "1: ldxr  %1, %2\n"
        "   cmp   %1, %3\n"
        "   b.ne  2f\n"
        "   stxr  %w0, %4, %2\n"
        "   cbnz  %w0, 1b\n"
        "2:"
        : "=&r" (failed), "=&r" (seen), "+Q" (*(volatile unsigned long *)ptr)
        : "r" (old), "r" (new)
        : "cc", "memory");

    return seen;
}

static always_inline unsigned long __cmpxchg(volatile void *ptr,
                                             unsigned long old,
                                             unsigned long new, int size)
{
    unsigned long seen;

    smp_mb();
    seen = (size == 8) ? __cmpxchg_case_8(ptr, old, new)
                       : __bad_cmpxchg(ptr, size);
    smp_mb();

    return seen;
}

#define cmpxchg(ptr, o, n)                                              \
    ((__typeof__(*(ptr)))__cmpxchg(ptr, (unsigned long)(o),             \
                                   (unsigned long)(n), sizeof(*(ptr))))

#endif /* __ASM_ARM64_CMPXCHG_H */
