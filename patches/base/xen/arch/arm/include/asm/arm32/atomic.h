/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters, changed by load and store exclusive. The one that returns a value
 * orders all accesses around it, the others order nothing.
 */
#ifndef __ARCH_ARM_ARM32_ATOMIC
#define __ARCH_ARM_ARM32_ATOMIC

/* 64 bits at once, as a walk of the tables sees them: the CPU has LPAE. */
static inline void write_u64_atomic(volatile uint64_t *addr, uint64_t val)
{
    asm volatile ("strd %1, %H1, %0" : "=Q" (*addr) : "r" (val));
}

static inline int atomic_add_return(int i, atomic_t *v)
{
    unsigned long failed;
    int result;

    smp_mb();
    asm volatile (
        "1: ldrex  %0, %2\n"
        "   add    %0, %0, %3\n"
        "   strex  %1, %0, %2\n"
        "   teq    %1, #0\n"
        "   bne    1b"
        : "=&r" (result), "=&r" (failed), "+Q" (v->counter)
        : "Ir" (i)
        : "cc", "memory");
    smp_mb();

    return result;
}

static inline void atomic_sub(int i, atomic_t *v)
{
    unsigned long failed;
    int result;

    asm volatile (
        "1: ldrex  %0, %2\n"
        "   sub    %0, %0, %3\n"
        "   strex  %1, %0, %2\n"
        "   teq    %1, #0\n"
        "   bne    1b"
        : "=&r" (result), "=&r" (failed), "+Q" (v->counter)
        : "Ir" (i)
        : "cc");
}

static inline void atomic_and(int m, atomic_t *v)
{
    unsigned long failed;
    int result;

    asm volatile (
        "1: ldrex  %0, %2\n"
        "   and    %0, %0, %3\n"
        "   strex  %1, %0, %2\n"
        "   teq    %1, #0\n"
        "   bne    1b"
        : "=&r" (result), "=&r" (failed), "+Q" (v->counter)
        : "r" (m)
        : "cc");
}

static inline int atomic_cmpxchg(atomic_t *v, int old, int new)
{
    unsigned long failed;
    int seen;

    smp_mb();
    do {
        asm volatile (
            "ldrex   %1, %2\n"
            "mov     %0, #0\n"
            "teq     %1, %3\n"
            "strexeq %0, %4, %2"
            : "=&r" (failed), "=&r" (seen), "+Q" (v->counter)
            : "Ir" (old), "r" (new)
            : "cc", "memory");
    } while ( failed );
    smp_mb();

    return seen;
}

#endif /* __ARCH_ARM_ARM32_ATOMIC */
