/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_PUBLIC_XEN_H__
#define __XEN_PUBLIC_XEN_H__

#include <xen/types.h>

typedef uint16_t domid_t;

#define DOMID_FIRST_RESERVED 0x7FF0U
#define DOMID_XEN            0x7FF2U
#define DOMID_IDLE           0x7FFFU

#define XEN_DOMCTL_CDF_iommu (1U << 5)

/* Processor state a guest returns to: the part read here. */
#define PSR_FIQ_MASK (1U << 6)
#define PSR_IRQ_MASK (1U << 7)
#define PSR_ABT_MASK (1U << 8)

struct vcpu_info {
    uint8_t evtchn_upcall_pending;
    uint8_t evtchn_upcall_mask;
};

#endif /* __XEN_PUBLIC_XEN_H__ */
