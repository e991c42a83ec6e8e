/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ARM_BITOPS_H
#define _ARM_BITOPS_H

/* Atomic, in words of 32 bits. */
void set_bit(int nr, volatile void *p);
void clear_bit(int nr, volatile void *p);

#endif /* _ARM_BITOPS_H */
