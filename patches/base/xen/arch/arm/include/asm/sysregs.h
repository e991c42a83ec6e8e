/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM_SYSREGS_H
#define __ASM_ARM_SYSREGS_H

#include <asm/arm64/sysregs.h>

#endif /* __ASM_ARM_SYSREGS_H */
