/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_PAGE_SIZE_H__
#define __XEN_PAGE_SIZE_H__

#include <xen/const.h>
#include <asm/page-bits.h>

#define PAGE_SIZE           (_AC(1, L) << PAGE_SHIFT)
#define PAGE_MASK           (~(PAGE_SIZE - 1))
#define PAGE_OFFSET(ptr)    ((unsigned long)(ptr) & ~PAGE_MASK)
#define PAGE_ALIGN(x)       (((x) + PAGE_SIZE - 1) & PAGE_MASK)

#define PADDR_MASK          ((_AC(1, ULL) << PADDR_BITS) - 1)

#endif /* __XEN_PAGE_SIZE_H__ */
