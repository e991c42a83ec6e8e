/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_MMU_P2M_H__
#define __ARM_MMU_P2M_H__

/*
 * The level a walk starts at, and the order of the number of tables that are
 * concatenated there. The same for all domains; set once, at boot.
 */
extern unsigned int p2m_root_level;
extern unsigned int p2m_root_order;

#define P2M_ROOT_LEVEL p2m_root_level
#define P2M_ROOT_ORDER p2m_root_order
#define P2M_ROOT_PAGES (1U << P2M_ROOT_ORDER)

struct p2m_domain;

/* Flush what the TLBs hold of a p2m: always; only when a flush is pending. */
void p2m_force_tlb_flush_sync(struct p2m_domain *p2m);
void p2m_tlb_flush_sync(struct p2m_domain *p2m);

void p2m_clear_root_pages(struct p2m_domain *p2m);

#endif /* __ARM_MMU_P2M_H__ */
