/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM_SYSREGS_H
#define __ASM_ARM_SYSREGS_H

#ifdef CONFIG_ARM_64
#include <asm/arm64/sysregs.h>
#else
#include <asm/arm32/sysregs.h>
#endif

#endif /* __ASM_ARM_SYSREGS_H */
