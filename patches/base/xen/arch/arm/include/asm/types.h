/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_TYPES_H__
#define __ARM_TYPES_H__

typedef u64 vaddr_t;
typedef u64 paddr_t;
typedef u64 register_t;

#define INVALID_PADDR (~0UL)
#define PRIvaddr      PRIx64
#define PRIpaddr      "016lx"
#define PRIregister   "016lx"

#endif /* __ARM_TYPES_H__ */
