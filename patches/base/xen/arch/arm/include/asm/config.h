/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_CONFIG_H__
#define __ARM_CONFIG_H__

#ifdef CONFIG_ARM_64
#define LONG_BYTEORDER  3
#else
#define LONG_BYTEORDER  2
#endif
#define BYTES_PER_LONG  (1 << LONG_BYTEORDER)
#define BITS_PER_LONG   (BYTES_PER_LONG << 3)

#define CONFIG_PAGEALLOC_MAX_ORDER 18

/* A vCPU id fits a byte, and so does the value that stands for none. */
#define MAX_VIRT_CPUS   128u
#define INVALID_VCPU_ID MAX_VIRT_CPUS

#include <xen/const.h>
#include <xen/page-size.h>
#include <asm/mmu/layout.h>

#endif /* __ARM_CONFIG_H__ */
