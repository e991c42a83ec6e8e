/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_HARDIRQ_H
#define __ASM_HARDIRQ_H

typedef struct {
    unsigned long __softirq_pending;
    unsigned int __local_irq_count;
} __aligned(128) irq_cpustat_t;

#endif /* __ASM_HARDIRQ_H */
