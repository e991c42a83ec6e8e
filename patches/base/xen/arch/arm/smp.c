/* SPDX-License-Identifier: GPL-2.0-only */
#include <xen/smp.h>
#include <asm/flushtlb.h>

void arch_flush_tlb_mask(const cpumask_t *mask)
{
    /* One broadcast reaches every CPU: there is nobody to interrupt. */
    flush_all_guests_tlb();
}
