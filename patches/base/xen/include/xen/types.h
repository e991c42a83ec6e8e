/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_TYPES_H__
#define __XEN_TYPES_H__

typedef __INT8_TYPE__     int8_t;
typedef __UINT8_TYPE__    uint8_t;
typedef __INT16_TYPE__    int16_t;
typedef __UINT16_TYPE__   uint16_t;
typedef __INT32_TYPE__    int32_t;
typedef __UINT32_TYPE__   uint32_t;
typedef __INT64_TYPE__    int64_t;
typedef __UINT64_TYPE__   uint64_t;
typedef __UINTPTR_TYPE__  uintptr_t;
typedef __SIZE_TYPE__     size_t;
typedef __PTRDIFF_TYPE__  ptrdiff_t;
typedef signed long       ssize_t;

typedef uint8_t  u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define bool  _Bool
#define true  1
#define false 0

#define NULL ((void *)0)

#define INT_MAX   ((int)(~0U >> 1))
#define UINT_MAX  (~0U)
#define LONG_MAX  ((long)(~0UL >> 1))
#define ULONG_MAX (~0UL)

#define BITS_TO_LONGS(bits) (((bits) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]

#include <asm/types.h>

#endif /* __XEN_TYPES_H__ */
