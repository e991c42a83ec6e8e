/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XEN_BITOPS_H
#define XEN_BITOPS_H

#include <xen/compiler.h>
#include <xen/types.h>

#include <asm/bitops.h>

unsigned long find_next_bit(const unsigned long *addr, unsigned long size,
                            unsigned long offset);
unsigned long find_next_zero_bit(const unsigned long *addr, unsigned long size,
                                 unsigned long offset);

#define find_first_bit(addr, size)       find_next_bit(addr, size, 0)
#define find_first_zero_bit(addr, size)  find_next_zero_bit(addr, size, 0)

/* A bitmap is read in words of 32 bits, whatever the type it is held in. */
static always_inline bool test_bit(int nr, const volatile void *addr)
{
    const volatile uint32_t *word = (const volatile uint32_t *)addr + nr / 32;

    return (*word >> (nr % 32)) & 1;
}

#endif /* XEN_BITOPS_H */
