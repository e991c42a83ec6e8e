/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_PAGE_BITS_H__
#define __ARM_PAGE_BITS_H__

#define PAGE_SHIFT 12
#define PADDR_BITS CONFIG_PADDR_BITS

#endif /* __ARM_PAGE_BITS_H__ */
