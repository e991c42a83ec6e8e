/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_TYPES_H__
#define __ARM_TYPES_H__

#ifdef CONFIG_ARM_64

typedef u64 vaddr_t;
typedef u64 paddr_t;
typedef u64 register_t;

#define INVALID_PADDR (~0UL)
#define PRIvaddr      PRIx64
#define PRIpaddr      "016lx"
#define PRIregister   "016lx"

#else

typedef u32 vaddr_t;
typedef u64 paddr_t;            /* 40 bits of it: LPAE */
typedef u32 register_t;

#define INVALID_PADDR (~0ULL)
#define PRIvaddr      PRIx32
#define PRIpaddr      "016llx"
#define PRIregister   "08x"

#endif

#endif /* __ARM_TYPES_H__ */
