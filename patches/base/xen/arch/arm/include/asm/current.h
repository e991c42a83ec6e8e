/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_CURRENT_H__
#define __ARM_CURRENT_H__

#include <xen/page-size.h>
#include <xen/percpu.h>
#include <asm/processor.h>
#include <asm/sysregs.h>

struct vcpu;

/* The vCPU whose context is loaded on this pCPU, and the pCPU's number. */
DECLARE_PER_CPU(struct vcpu *, curr_vcpu);
DECLARE_PER_CPU(unsigned int, cpu_id);

#define get_per_cpu_offset()  READ_SYSREG(TPIDR_EL2)

#define current               (this_cpu(curr_vcpu))
#define smp_processor_id()    this_cpu(cpu_id)

/* At the top of the stack of a vCPU. */
struct cpu_info {
    struct cpu_user_regs guest_cpu_user_regs;
    unsigned long elr;
    uint32_t flags;
};

#endif /* __ARM_CURRENT_H__ */
