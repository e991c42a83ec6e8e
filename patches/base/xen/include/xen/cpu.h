/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_CPU_H__
#define __XEN_CPU_H__

#include <xen/notifier.h>
#include <xen/spinlock.h>
#include <xen/types.h>

void register_cpu_notifier(struct notifier_block *nb);

/* The CPU that comes up runs this one itself, with interrupts masked. */
#define CPU_STARTING (0x0003 | NOTIFY_FORWARD)

#endif /* __XEN_CPU_H__ */
