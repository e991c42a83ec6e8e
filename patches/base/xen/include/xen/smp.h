/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_SMP_H__
#define __XEN_SMP_H__

#include <asm/smp.h>

/* Run func on every online CPU but this one; wait for it if asked to. */
void smp_call_function(void (*func)(void *info), void *info, int wait);

#endif /* __XEN_SMP_H__ */
