/* SPDX-License-Identifier: GPL-2.0-only */
/* Per-CPU variables: one copy a CPU, at the CPU's own offset. */
#ifndef __XEN_PERCPU_H__
#define __XEN_PERCPU_H__

#define DECLARE_PER_CPU(type, name) extern __typeof__(type) per_cpu__##name
#define DEFINE_PER_CPU(type, name) \
    __section(".bss.percpu") __typeof__(type) per_cpu__##name

#include <asm/percpu.h>
#include <xen/types.h>
#include <asm/current.h>

extern unsigned long __per_cpu_offset[];

#define per_cpu(var, cpu) \
    (*RELOC_HIDE(&per_cpu__##var, __per_cpu_offset[cpu]))
#define this_cpu(var) \
    (*RELOC_HIDE(&per_cpu__##var, get_per_cpu_offset()))

#endif /* __XEN_PERCPU_H__ */
