/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the p2m that does not know what a table entry looks like. */
#include <xen/bitops.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/xmalloc.h>

#include <asm/event.h>
#include <asm/flushtlb.h>
#include <asm/page.h>

unsigned int __read_mostly max_vmid = MAX_VMID_8_BIT;

/* Starts as what the build supports; every user of IPAs may lower it. */
unsigned int __read_mostly p2m_ipa_bits = PADDR_BITS;

void __init p2m_restrict_ipa_bits(unsigned int ipa_bits)
{
    if ( ipa_bits < p2m_ipa_bits )
        p2m_ipa_bits = ipa_bits;
}

void p2m_write_unlock(struct p2m_domain *p2m)
{
    /*
     * Flush first: as soon as the lock is free another CPU may read the p2m,
     * find the frame gone and believe that no guest reaches it any more.
     */
    p2m_tlb_flush_sync(p2m);

    write_unlock(&p2m->lock);
}

/* Which VMIDs are taken. */
static spinlock_t vmid_alloc_lock = SPIN_LOCK_UNLOCKED;
static unsigned long *vmid_mask;

void p2m_vmid_allocator_init(void)
{
    /* The number of VMIDs is known only now: max_vmid depends on the CPUs. */
    vmid_mask = xzalloc_array(unsigned long, BITS_TO_LONGS(MAX_VMID));
    if ( !vmid_mask )
        panic("Could not allocate VMID bitmap space\n");

    set_bit(INVALID_VMID, vmid_mask);
}

int p2m_alloc_vmid(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    int vmid, rc = 0;

    spin_lock(&vmid_alloc_lock);

    vmid = find_first_zero_bit(vmid_mask, MAX_VMID);
    ASSERT(vmid != INVALID_VMID);

    if ( vmid == MAX_VMID )
    {
        printk(XENLOG_ERR "dom%d: out of VMIDs\n", d->domain_id);
        rc = -EBUSY;
    }
    else
    {
        set_bit(vmid, vmid_mask);
        p2m->vmid = vmid;
    }

    spin_unlock(&vmid_alloc_lock);

    return rc;
}

/*
 * No flush here: p2m_alloc_table() flushes for the next domain that gets the
 * VMID, before that domain can run.
 */
void p2m_free_vmid(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);

    spin_lock(&vmid_alloc_lock);
    if ( p2m->vmid != INVALID_VMID )
        clear_bit(p2m->vmid, vmid_mask);
    spin_unlock(&vmid_alloc_lock);
}

mfn_t p2m_lookup(struct domain *d, gfn_t gfn, p2m_type_t *t)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    mfn_t mfn;

    p2m_read_lock(p2m);
    mfn = p2m_get_entry(p2m, gfn, t, NULL, NULL, NULL);
    p2m_read_unlock(p2m);

    return mfn;
}

mfn_t gfn_to_mfn(struct domain *d, gfn_t gfn)
{
    return p2m_lookup(d, gfn, NULL);
}

struct page_info *p2m_get_page_from_gfn(struct domain *d, gfn_t gfn,
                                        p2m_type_t *t)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    struct page_info *page = NULL;
    struct domain *owner;
    p2m_type_t type;
    mfn_t mfn;

    p2m_read_lock(p2m);

    mfn = p2m_get_entry(p2m, gfn, &type, NULL, NULL, NULL);
    if ( t )
        *t = type;

    if ( p2m_is_any_ram(type) && mfn_valid(mfn) )
        page = mfn_to_page(mfn);

    if ( !page || !p2m_is_foreign(type) )
    {
        p2m_read_unlock(p2m);
        return page && get_page(page, d) ? page : NULL;
    }

    /*
     * A foreign page belongs to another domain, by definition. The reference
     * has to be taken while the mapping cannot go away.
     */
    owner = page_get_owner_and_reference(page);
    p2m_read_unlock(p2m);

    if ( owner == d )
    {
        ASSERT_UNREACHABLE();
        put_page(page);
        return NULL;
    }

    return owner ? page : NULL;
}

int p2m_insert_mapping(struct domain *d, gfn_t start_gfn, unsigned long nr,
                       mfn_t mfn, p2m_type_t t)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    int rc;

    p2m_write_lock(p2m);
    rc = p2m_set_entry(p2m, start_gfn, nr, mfn, t, p2m->default_access);
    p2m_write_unlock(p2m);

    return rc;
}

static inline int p2m_remove_mapping(struct domain *d, gfn_t start_gfn,
                                     unsigned long nr, mfn_t mfn)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned long i = 0;
    int rc;

    p2m_write_lock(p2m);

    /*
     * The caller says what it believes is mapped. Remove nothing if memory is
     * mapped that is not that: someone else changed the range meanwhile.
     */
    while ( i < nr )
    {
        gfn_t gfn = gfn_add(start_gfn, i);
        unsigned int order;
        p2m_type_t t;
        mfn_t mapped = p2m_get_entry(p2m, gfn, &t, NULL, &order, NULL);

        if ( p2m_is_any_ram(t) &&
             (!mfn_valid(mfn) || !mfn_eq(mapped, mfn_add(mfn, i))) )
        {
            rc = -EILSEQ;
            goto out;
        }

        i = gfn_x(gfn_next_boundary(gfn, order)) - gfn_x(start_gfn);
    }

    rc = p2m_set_entry(p2m, start_gfn, nr, INVALID_MFN, p2m_invalid,
                       p2m_access_rwx);

 out:
    p2m_write_unlock(p2m);

    return rc;
}

int map_regions_p2mt(struct domain *d, gfn_t gfn, unsigned long nr, mfn_t mfn,
                     p2m_type_t p2mt)
{
    return p2m_insert_mapping(d, gfn, nr, mfn, p2mt);
}

int unmap_regions_p2mt(struct domain *d, gfn_t gfn, unsigned long nr,
                       mfn_t mfn)
{
    return p2m_remove_mapping(d, gfn, nr, mfn);
}

int map_mmio_regions(struct domain *d, gfn_t start_gfn, unsigned long nr,
                     mfn_t mfn)
{
    return p2m_insert_mapping(d, start_gfn, nr, mfn, p2m_mmio_direct_dev);
}

int unmap_mmio_regions(struct domain *d, gfn_t start_gfn, unsigned long nr,
                       mfn_t mfn)
{
    return p2m_remove_mapping(d, start_gfn, nr, mfn);
}

int guest_physmap_add_entry(struct domain *d, gfn_t gfn, mfn_t mfn,
                            unsigned long page_order, p2m_type_t t)
{
    return p2m_insert_mapping(d, gfn, 1UL << page_order, mfn, t);
}

int guest_physmap_remove_page(struct domain *d, gfn_t gfn, mfn_t mfn,
                              unsigned int page_order)
{
    return p2m_remove_mapping(d, gfn, 1UL << page_order, mfn);
}

/* The mapping holds a reference on the page; removing the mapping drops it. */
int set_foreign_p2m_entry(struct domain *d, const struct domain *fd,
                          unsigned long gfn, mfn_t mfn)
{
    struct page_info *page = mfn_to_page(mfn);
    int rc;

    ASSERT(d != fd);

    if ( !get_page(page, fd) )
        return -EINVAL;

    rc = guest_physmap_add_entry(d, _gfn(gfn), mfn, 0, p2m_map_foreign_rw);
    if ( rc )
        put_page(page);

    return rc;
}

/*
 * Clean the memory that is mapped, and that the guest may have touched, from
 * *pstart up to end. When there is other work to do for this CPU, stop and
 * return -ERESTART, with *pstart where to go on.
 */
int p2m_cache_flush_range(struct domain *d, gfn_t *pstart, gfn_t end)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int work = 0;
    gfn_t gfn, entry_end;
    mfn_t mfn = INVALID_MFN;
    int rc = 0;

    /* Cleaning changes no entry, so others may read the p2m, too. */
    p2m_read_lock(p2m);

    gfn = gfn_max(*pstart, p2m->lowest_mapped_gfn);
    end = gfn_min(end, gfn_add(p2m->max_mapped_gfn, 1));
    entry_end = gfn;

    while ( gfn_x(gfn) < gfn_x(end) )
    {
        /* An entry that is skipped counts 1, a page that is cleaned 10. */
        if ( work >= 512 )
        {
            if ( softirq_pending(smp_processor_id()) )
            {
                rc = -ERESTART;
                break;
            }
            work = 0;
        }

        /* Look an entry up once, however many pages it maps. */
        if ( gfn_eq(gfn, entry_end) )
        {
            unsigned int order;
            p2m_type_t t;
            bool valid;

            mfn = p2m_get_entry(p2m, gfn, &t, NULL, &order, &valid);
            entry_end = gfn_next_boundary(gfn, order);

            if ( mfn_eq(mfn, INVALID_MFN) || !p2m_is_any_ram(t) || !valid )
            {
                work++;
                gfn = entry_end;
                continue;
            }
        }

        flush_page_to_ram(mfn_x(mfn), false);
        work += 10;

        gfn = gfn_add(gfn, 1);
        mfn = mfn_add(mfn, 1);
    }

    if ( rc != -ERESTART )
        invalidate_icache();

    p2m_read_unlock(p2m);

    *pstart = gfn;

    return rc;
}
