/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_EVENT_H__
#define __ASM_EVENT_H__

#include <asm/domain.h>

int vgic_vcpu_pending_irq(struct vcpu *v);
bool vgic_evtchn_irq_pending(struct vcpu *v);

static inline int vcpu_event_delivery_is_enabled(struct vcpu *v)
{
    return !(v->arch.cpu_info->guest_cpu_user_regs.cpsr & PSR_IRQ_MASK);
}

static inline int local_events_need_delivery_nomask(void)
{
    if ( vgic_vcpu_pending_irq(current) )
        return 1;

    return current->vcpu_info->evtchn_upcall_pending &&
           vgic_evtchn_irq_pending(current);
}

/* Would the current vCPU take an interrupt if it ran on now? */
static inline int local_events_need_delivery(void)
{
    return vcpu_event_delivery_is_enabled(current) &&
           local_events_need_delivery_nomask();
}

#endif /* __ASM_EVENT_H__ */
