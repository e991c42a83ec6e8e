/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_SOFTIRQ_H__
#define __XEN_SOFTIRQ_H__

#include <xen/percpu.h>
#include <asm/hardirq.h>

extern irq_cpustat_t irq_stat[];

#define softirq_pending(cpu) (irq_stat[cpu].__softirq_pending)

void do_softirq(void);

#endif /* __XEN_SOFTIRQ_H__ */
