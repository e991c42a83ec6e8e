/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_SMP_H
#define __ASM_SMP_H

#include <xen/cpumask.h>
#include <asm/current.h>

#endif /* __ASM_SMP_H */
