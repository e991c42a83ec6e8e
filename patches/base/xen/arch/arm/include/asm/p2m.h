/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest frames to machine frames: the stage-2 tables of a domain. */
#ifndef _XEN_P2M_H
#define _XEN_P2M_H

#include <xen/mem_access.h>
#include <xen/mm.h>
#include <xen/radix-tree.h>
#include <xen/rwlock.h>
#include <asm/current.h>

struct domain;
struct vcpu;

/* Size of guest physical addresses; the same for all domains. */
extern unsigned int p2m_ipa_bits;

#define MAX_VMID_8_BIT   (1UL << 8)
#define MAX_VMID_16_BIT  (1UL << 16)

extern unsigned int max_vmid;
#define MAX_VMID         max_vmid

/* Belongs to no domain. */
#define INVALID_VMID     0

struct p2m_domain {
    rwlock_t lock;

    /* All tables but the root, and the root, which may be several pages. */
    struct page_list_head pages;
    struct page_info *root;

    /* The address space's tag in the TLBs, and the register that selects it. */
    uint16_t vmid;
    uint64_t vttbr;

    /* Nothing is, or was, mapped outside of these two, both included. */
    gfn_t max_mapped_gfn;
    gfn_t lowest_mapped_gfn;

    /* A walker that sees no caches reads the tables: an IOMMU's. */
    bool clean_pte;

    /*
     * An entry was taken away and TLBs may still hold it. Whoever sets this
     * may leave the flush to the end of the locked section, unless something
     * has to happen only after it.
     */
    bool need_flush;

    /* By level: entries that map memory, and blocks that were split. */
    struct {
        unsigned long mappings[4];
        unsigned long shattered[4];
    } stats;

    /* Access rights that a monitor has set, where they are not the default. */
    bool mem_access_enabled;
    p2m_access_t default_access;
    struct radix_tree_root mem_access_settings;

    struct domain *domain;

    /* For each pCPU, the last vCPU of the domain that was loaded there. */
    uint8_t last_vcpu_ran[NR_CPUS];
};

#define p2m_get_hostp2m(d) (&(d)->arch.p2m)

/* What a frame is to the guest. Has to fit the four bits in an entry. */
typedef enum {
    p2m_invalid = 0,
    p2m_ram_rw,
    p2m_ram_ro,
    p2m_mmio_direct_dev,
    p2m_mmio_direct_nc,
    p2m_mmio_direct_c,
    p2m_map_foreign_rw,
    p2m_map_foreign_ro,
    p2m_grant_map_rw,
    p2m_grant_map_ro,
    p2m_iommu_map_rw,
    p2m_iommu_map_ro,
    p2m_max_real_type,
} p2m_type_t;

/* Sets of types. */
#define p2m_to_mask(t)  (1UL << (t))

#define P2M_RAM_TYPES \
    (p2m_to_mask(p2m_ram_rw) | p2m_to_mask(p2m_ram_ro))
#define P2M_FOREIGN_TYPES \
    (p2m_to_mask(p2m_map_foreign_rw) | p2m_to_mask(p2m_map_foreign_ro))
#define P2M_GRANT_TYPES \
    (p2m_to_mask(p2m_grant_map_rw) | p2m_to_mask(p2m_grant_map_ro))

#define p2m_is_ram(t)      (p2m_to_mask(t) & P2M_RAM_TYPES)
#define p2m_is_foreign(t)  (p2m_to_mask(t) & P2M_FOREIGN_TYPES)
#define p2m_is_any_ram(t) \
    (p2m_to_mask(t) & (P2M_RAM_TYPES | P2M_FOREIGN_TYPES | P2M_GRANT_TYPES))

#include <asm/mmu/p2m.h>

static inline void p2m_write_lock(struct p2m_domain *p2m)
{
    write_lock(&p2m->lock);
}

/* Does the pending flush, if there is one, while the lock is still held. */
void p2m_write_unlock(struct p2m_domain *p2m);

static inline void p2m_read_lock(struct p2m_domain *p2m)
{
    read_lock(&p2m->lock);
}

static inline void p2m_read_unlock(struct p2m_domain *p2m)
{
    read_unlock(&p2m->lock);
}

static inline int p2m_is_locked(struct p2m_domain *p2m)
{
    return rw_is_locked(&p2m->lock);
}

static inline int p2m_is_write_locked(struct p2m_domain *p2m)
{
    return rw_is_write_locked(&p2m->lock);
}

/* Boot. */
void p2m_restrict_ipa_bits(unsigned int ipa_bits);
void setup_virt_paging(void);
void p2m_vmid_allocator_init(void);

/* Life of a domain, in this order. */
int p2m_init(struct domain *d);
int p2m_alloc_vmid(struct domain *d);
void p2m_domain_creation_finished(struct domain *d);
int relinquish_p2m_mapping(struct domain *d);
int p2m_teardown(struct domain *d);
void p2m_final_teardown(struct domain *d);
void p2m_free_vmid(struct domain *d);

/* Memory for tables, in pages; with paging.lock held. */
int p2m_set_allocation(struct domain *d, unsigned long pages, bool *preempted);
int p2m_teardown_allocation(struct domain *d);
int arch_get_paging_mempool_size(struct domain *d, uint64_t *size);
int arch_set_paging_mempool_size(struct domain *d, uint64_t size);

/* A vCPU leaves this pCPU; a vCPU comes to it. */
void p2m_save_state(struct vcpu *p);
void p2m_restore_state(struct vcpu *n);

/* With the lock held, for writing where the p2m changes. */
mfn_t p2m_get_entry(struct p2m_domain *p2m, gfn_t gfn,
                    p2m_type_t *t, p2m_access_t *a,
                    unsigned int *page_order,
                    bool *valid);
int p2m_set_entry(struct p2m_domain *p2m,
                  gfn_t sgfn,
                  unsigned long nr,
                  mfn_t smfn,
                  p2m_type_t t,
                  p2m_access_t a);

/* All from here on take the lock. */
mfn_t p2m_lookup(struct domain *d, gfn_t gfn, p2m_type_t *t);
mfn_t gfn_to_mfn(struct domain *d, gfn_t gfn);
struct page_info *p2m_get_page_from_gfn(struct domain *d, gfn_t gfn,
                                        p2m_type_t *t);
bool p2m_resolve_translation_fault(struct domain *d, gfn_t gfn);
int p2m_cache_flush_range(struct domain *d, gfn_t *pstart, gfn_t end);
void p2m_flush_vm(struct vcpu *v);
void p2m_dump_info(struct domain *d);

int p2m_insert_mapping(struct domain *d, gfn_t start_gfn, unsigned long nr,
                       mfn_t mfn, p2m_type_t t);
int map_regions_p2mt(struct domain *d, gfn_t gfn, unsigned long nr, mfn_t mfn,
                     p2m_type_t p2mt);
int unmap_regions_p2mt(struct domain *d, gfn_t gfn, unsigned long nr,
                       mfn_t mfn);
int map_mmio_regions(struct domain *d, gfn_t start_gfn, unsigned long nr,
                     mfn_t mfn);
int unmap_mmio_regions(struct domain *d, gfn_t start_gfn, unsigned long nr,
                       mfn_t mfn);
int guest_physmap_add_entry(struct domain *d, gfn_t gfn, mfn_t mfn,
                            unsigned long page_order, p2m_type_t t);
int guest_physmap_remove_page(struct domain *d, gfn_t gfn, mfn_t mfn,
                              unsigned int page_order);
int set_foreign_p2m_entry(struct domain *d, const struct domain *fd,
                          unsigned long gfn, mfn_t mfn);

/* First frame past the entry of this order that gfn lies in. */
static inline gfn_t gfn_next_boundary(gfn_t gfn, unsigned int order)
{
    unsigned long frames = 1UL << order;

    return _gfn((gfn_x(gfn) & ~(frames - 1)) + frames);
}

#endif /* _XEN_P2M_H */
