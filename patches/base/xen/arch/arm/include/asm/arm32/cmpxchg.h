/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM32_CMPXCHG_H
#define __ASM_ARM32_CMPXCHG_H

unsigned long __bad_cmpxchg(volatile void *ptr, int size);

/*
 * Store new if *ptr is old. Returns what was there. The exclusive store fails
 * if anyone else came between, and all starts again.
 */
static inline unsigned long __cmpxchg_case_4(volatile void *ptr,
                                             unsigned long old,
                                             unsigned long new)
{
    unsigned long seen, failed;

    do {
        asm volatile (
            "ldrex   %1, %2\n"
            "mov     %0, #0\n"
            "teq     %1, %3\n"
            "strexeq %0, %4, %2"
            : "=&r" (failed), "=&r" (seen),
              "+Q" (*(volatile unsigned long *)ptr)
            : "r" (old), "r" (new)
            : "cc", "memory");
    } while ( failed );

    return seen;
}

static always_inline unsigned long __cmpxchg(volatile void *ptr,
                                             unsigned long old,
                                             unsigned long new, int size)
{
    unsigned long seen;

    smp_mb();
    seen = (size == 4) ? __cmpxchg_case_4(ptr, old, new)
                       : __bad_cmpxchg(ptr, size);
    smp_mb();

    return seen;
}

#define cmpxchg(ptr, o, n)                                              \
    ((__typeof__(*(ptr)))__cmpxchg(ptr, (unsigned long)(o),             \
                                   (unsigned long)(n), sizeof(*(ptr))))

#endif /* __ASM_ARM32_CMPXCHG_H */
