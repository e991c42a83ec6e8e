/* SPDX-License-Identifier: GPL-2.0-only */
/* Domains and virtual CPUs, as far as stage-2 code looks at them. */
#ifndef __XEN_SCHED_H__
#define __XEN_SCHED_H__

#include <xen/cpumask.h>
#include <xen/iommu.h>
#include <xen/mm.h>
#include <xen/percpu.h>
#include <xen/rwlock.h>
#include <xen/smp.h>
#include <xen/softirq.h>
#include <xen/spinlock.h>
#include <xen/types.h>
#include <public/xen.h>
#include <asm/domain.h>

struct vcpu
{
    int               vcpu_id;
    int               processor;    /* the pCPU it runs or last ran on */
    struct domain    *domain;
    struct vcpu      *next_in_list;
    struct vcpu_info *vcpu_info;
    bool              is_initialised;
    bool              is_running;

    struct arch_vcpu  arch;
};

struct domain
{
    domid_t           domain_id;
    unsigned int      max_vcpus;
    struct vcpu     **vcpu;

    /* Flags given at creation. */
    unsigned int      options;

    enum { DOMDYING_alive, DOMDYING_dying, DOMDYING_dead } is_dying;
    bool              creation_finished;

    struct domain_iommu iommu;

    struct arch_domain arch;
};

extern struct domain *hardware_domain;

#define is_idle_domain(d) ((d)->domain_id == DOMID_IDLE)
#define is_idle_vcpu(v)   (is_idle_domain((v)->domain))

static always_inline bool is_hardware_domain(const struct domain *d)
{
    return evaluate_nospec(d == hardware_domain);
}

static always_inline bool is_iommu_enabled(const struct domain *d)
{
    return evaluate_nospec(d->options & XEN_DOMCTL_CDF_iommu);
}

#include <asm/event.h>

/* Should a long hypercall give way, and be continued later? */
#define hypercall_preempt_check() (unlikely(    \
        softirq_pending(smp_processor_id()) |   \
        local_events_need_delivery()            \
    ))

/* The same where the idle vCPU, which has no events, may be current. */
#define general_preempt_check() (unlikely(                          \
        softirq_pending(smp_processor_id()) ||                      \
        (!is_idle_vcpu(current) && local_events_need_delivery())    \
    ))

#endif /* __XEN_SCHED_H__ */
