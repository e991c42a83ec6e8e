/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_CPUMASK_H
#define __XEN_CPUMASK_H

#include <xen/bitops.h>
#include <xen/lib.h>

typedef struct cpumask { DECLARE_BITMAP(bits, NR_CPUS); } cpumask_t;

extern unsigned int nr_cpu_ids;
extern cpumask_t cpu_possible_map;
extern cpumask_t cpu_online_map;

static inline int cpumask_first(const cpumask_t *srcp)
{
    return min_t(int, nr_cpu_ids, find_first_bit(srcp->bits, nr_cpu_ids));
}

static inline int cpumask_next(int n, const cpumask_t *srcp)
{
    return min_t(int, nr_cpu_ids,
                 find_next_bit(srcp->bits, nr_cpu_ids, n + 1));
}

#define for_each_cpu(cpu, mask)                 \
    for ( (cpu) = cpumask_first(mask);          \
          (cpu) < nr_cpu_ids;                   \
          (cpu) = cpumask_next(cpu, mask) )

#define for_each_possible_cpu(cpu) for_each_cpu(cpu, &cpu_possible_map)
#define for_each_online_cpu(cpu)   for_each_cpu(cpu, &cpu_online_map)

#endif /* __XEN_CPUMASK_H */
