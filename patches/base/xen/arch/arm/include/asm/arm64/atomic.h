/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters, changed by load and store exclusive. Those that return a value
 * order all accesses around them, the others order nothing.
 */
#ifndef __ARCH_ARM_ARM64_ATOMIC
#define __ARCH_ARM_ARM64_ATOMIC

static inline int atomic_add_return(int i, atomic_t *v)
{
    unsigned long failed;
    int result;

    asm volatile (
        "1: ldxr   %w0, %2\n"
        "   add    %w0, %w0, %w3\n"
        "   stlxr  %w1, %w0, %2\n"
        "   cbnz   %w1, 1b"
        : "=&r" (result), "=&r" (failed), "+Q" (v->counter)
        : "Ir" (i)
        : "memory");
    smp_mb();

    return result;
}

static inline void atomic_sub(int i, atomic_t *v)
{
    unsigned long failed;
    int result;

    asm volatile (
        "1: ldxr   %w0, %2\n"
        "   sub    %w0, %w0, %w3\n"
        "   stxr   %w1, %w0, %2\n"
        "   cbnz   %w1, 1b"
        : "=&r" (result), "=&r" (failed), "+Q" (v->counter)
        : "Ir" (i));
}

static inline void atomic_and(int m, atomic_t *v)
{
    unsigned long failed;
    int result;

    asm volatile (
        "1: ldxr   %w0, %2\n"
        "   and    %w0, %w0, %w3\n"
        "   stxr   %w1, %w0, %2\n"
        "   cbnz   %w1, 1b"
        : "=&r" (result), "=&r" (failed), "+Q" (v->counter)
        : "r" (m));
}

static inline int atomic_cmpxchg(atomic_t *v, int old, int new)
{
    unsigned long failed;
    int seen;

    smp_mb();
    asm volatile (
        "1: ldxr   %w1, %2\n"
        "   cmp    %w1, %w3\n"
        "   b.ne   2f\n"
        "   stxr   %w0, %w4, %2\n"
        "   cbnz   %w0, 1b\n"
        "2:"
        : "=&r" (failed), "=&r" (seen), "+Q" (v->counter)
        : "Ir" (old), "r" (new)
        : "cc");
    smp_mb();

    return seen;
}

#endif /* __ARCH_ARM_ARM64_ATOMIC */
