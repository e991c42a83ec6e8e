/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XEN_IOMMU_H_
#define _XEN_IOMMU_H_

#include <xen/lib.h>
#include <xen/mm-frame.h>
#include <xen/typesafe.h>

struct domain;

/* Device frames: what a device behind an IOMMU puts on the bus. */
TYPE_SAFE(uint64_t, dfn);

enum iommu_feature
{
    IOMMU_FEAT_COHERENT_WALK,
    IOMMU_FEAT_count
};

/* What happened to the entries that a flush is asked for. */
#define IOMMU_FLUSHF_added    (1u << 0)
#define IOMMU_FLUSHF_modified (1u << 1)

int __must_check iommu_iotlb_flush(struct domain *d, dfn_t dfn,
                                   unsigned long page_count,
                                   unsigned int flush_flags);
bool iommu_has_feature(struct domain *d, enum iommu_feature feature);

struct domain_iommu {
    /* Do the devices of the domain walk its stage-2 tables? */
    bool hap_pt_share;
    bool need_sync;
};

#define dom_iommu(d)         (&(d)->iommu)
#define iommu_use_hap_pt(d)  (dom_iommu(d)->hap_pt_share)

#endif /* _XEN_IOMMU_H_ */
