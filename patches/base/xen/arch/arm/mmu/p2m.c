/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage-2 translation tables of a domain, and what the CPUs cache of them.
 *
 * An entry has two kinds of "valid". Hardware looks at bit 0. Software looks
 * at the type: an entry with a type other than p2m_invalid is part of the p2m
 * even while bit 0 is clear, which is how accesses of a guest are tracked. The
 * first fault on such an entry sets bit 0 again.
 *
 * Rules that every change of a live entry keeps:
 *  - a valid entry is never overwritten with a different valid one: it is
 *    cleared, the TLBs are flushed, and then the new value is written
 *    (break-before-make);
 *  - a removal may leave its flush to p2m_write_unlock(), with need_flush;
 *  - a table is given back only after a flush that follows the clearing of
 *    the entry that pointed to it.
 */
#include <xen/cpu.h>
#include <xen/domain_page.h>
#include <xen/init.h>
#include <xen/ioreq.h>
#include <xen/lib.h>
#include <xen/sched.h>
#include <xen/softirq.h>

#include <asm/alternative.h>
#include <asm/event.h>
#include <asm/flushtlb.h>
#include <asm/page.h>

unsigned int __read_mostly p2m_root_order;
unsigned int __read_mostly p2m_root_level;

/* VTCR_EL2 of every CPU: written once, by the boot CPU. */
static register_t __read_mostly vtcr;

/* A root without entries, for CPUs with ARM64_WORKAROUND_AT_SPECULATE. */
static mfn_t __read_mostly empty_root_mfn;

static uint64_t generate_vttbr(uint16_t vmid, mfn_t root_mfn)
{
    return ((uint64_t)vmid << 48) | mfn_to_maddr(root_mfn);
}

/* ------------------------------ Single entries --------------------------- */

static inline bool p2m_is_valid(lpae_t pte)
{
    return pte.p2m.type != p2m_invalid;
}

/* What an entry is says nothing unless it is part of the p2m. */
static inline bool p2m_is_mapping(lpae_t pte, unsigned int level)
{
    return p2m_is_valid(pte) && lpae_is_mapping(pte, level);
}

static inline bool p2m_is_superpage(lpae_t pte, unsigned int level)
{
    return p2m_is_valid(pte) && lpae_is_superpage(pte, level);
}

/* The type grants rights, the access can only take some of them away. */
static void p2m_set_permission(lpae_t *e, p2m_type_t t, p2m_access_t a)
{
    unsigned int rights;

    switch ( t )
    {
    case p2m_ram_rw:
        e->p2m.write = 1;
        e->p2m.xn = 0;
        break;

    case p2m_ram_ro:
        e->p2m.write = 0;
        e->p2m.xn = 0;
        break;

    case p2m_mmio_direct_dev:
    case p2m_mmio_direct_nc:
    case p2m_mmio_direct_c:
    case p2m_map_foreign_rw:
    case p2m_grant_map_rw:
    case p2m_iommu_map_rw:
        e->p2m.write = 1;
        e->p2m.xn = 1;
        break;

    case p2m_map_foreign_ro:
    case p2m_grant_map_ro:
    case p2m_iommu_map_ro:
    case p2m_invalid:
        e->p2m.write = 0;
        e->p2m.xn = 1;
        break;

    case p2m_max_real_type:
        BUG();
        break;
    }

    /* Until an access changes them, the special kinds are plain rights. */
    switch ( a )
    {
    case p2m_access_rx2rw:
        rights = p2m_access_rx;
        break;

    case p2m_access_n2rwx:
        rights = p2m_access_n;
        break;

    case p2m_access_r_pw:
        rights = p2m_access_r;
        break;

    default:
        rights = a;
        break;
    }

    if ( !(rights & p2m_access_r) )
        e->p2m.read = 0;
    if ( !(rights & p2m_access_w) )
        e->p2m.write = 0;
    if ( !(rights & p2m_access_x) )
        e->p2m.xn = 1;
}

/* A page entry. For a block, the caller clears the table bit. */
static lpae_t mfn_to_p2m_entry(mfn_t mfn, p2m_type_t t, p2m_access_t a)
{
    lpae_t e = (lpae_t) {
        .p2m.valid = 1,
        .p2m.table = 1,
        .p2m.read = 1,
        .p2m.af = 1,
        .p2m.type = t,
    };

    BUILD_BUG_ON(p2m_max_real_type > (1 << 4));

    switch ( t )
    {
    case p2m_mmio_direct_dev:
        e.p2m.mattr = MATTR_DEV;
        e.p2m.sh = LPAE_SH_OUTER;
        break;

    /* Non-cacheable memory is outer shareable, whatever an entry says. */
    case p2m_mmio_direct_nc:
        e.p2m.mattr = MATTR_MEM_NC;
        e.p2m.sh = LPAE_SH_OUTER;
        break;

    case p2m_mmio_direct_c:
        e.p2m.mattr = MATTR_MEM;
        e.p2m.sh = LPAE_SH_OUTER;
        break;

    default:
        e.p2m.mattr = MATTR_MEM;
        e.p2m.sh = LPAE_SH_INNER;
        break;
    }

    p2m_set_permission(&e, t, a);

    ASSERT(!(mfn_to_maddr(mfn) & ~PADDR_MASK));
    lpae_set_mfn(e, mfn);

    return e;
}

/*
 * An entry that points to a table. Hardware ignores the permissions, software
 * needs a type that is not p2m_invalid.
 */
static lpae_t page_to_p2m_table(struct page_info *page)
{
    return mfn_to_p2m_entry(page_to_mfn(page), p2m_ram_rw, p2m_access_rwx);
}

static inline void p2m_write_pte(lpae_t *p, lpae_t pte, bool clean_pte)
{
    write_pte(p, pte);
    if ( clean_pte )
        clean_dcache(*p);
}

static inline void p2m_remove_pte(lpae_t *p, bool clean_pte)
{
    lpae_t pte;

    memset(&pte, 0, sizeof(pte));
    p2m_write_pte(p, pte, clean_pte);
}

/* ---------------------------- TLB maintenance ---------------------------- */

/*
 * Drop all that any CPU holds for this p2m, now. To be called with the p2m
 * locked for writing.
 */
void p2m_force_tlb_flush_sync(struct p2m_domain *p2m)
{
    unsigned long flags = 0;
    uint64_t ovttbr;

    ASSERT(p2m_is_write_locked(p2m));

    /*
     * The TLBI goes by the VMID that VTTBR_EL2 holds. If another one is
     * loaded, borrow the register, with nobody else on this CPU meanwhile.
     */
    ovttbr = READ_SYSREG64(VTTBR_EL2);
    if ( ovttbr != p2m->vttbr )
    {
        uint64_t vttbr = p2m->vttbr;

        local_irq_save(flags);

        /*
         * ARM64_WORKAROUND_AT_SPECULATE: the EL1 registers are those of some
         * other vCPU, and a speculated AT could put a mix of the two into the
         * TLB. Only the VMID matters here, so leave nothing to walk.
         */
        if ( cpus_have_const_cap(ARM64_WORKAROUND_AT_SPECULATE) )
            vttbr = generate_vttbr(p2m->vmid, empty_root_mfn);

        WRITE_SYSREG64(vttbr, VTTBR_EL2);

        /* The TLBI must not see the VMID from before. */
        isb();
    }

    flush_guest_tlb();

    if ( ovttbr != READ_SYSREG64(VTTBR_EL2) )
    {
        WRITE_SYSREG64(ovttbr, VTTBR_EL2);
        /* Whatever comes next belongs to the VMID from before again. */
        isb();
        local_irq_restore(flags);
    }

    p2m->need_flush = false;
}

/* The same, if a change since the last flush asked for one. */
void p2m_tlb_flush_sync(struct p2m_domain *p2m)
{
    if ( p2m->need_flush )
        p2m_force_tlb_flush_sync(p2m);
}

/*
 * The vCPU stops running here. With ARM64_WORKAROUND_AT_SPECULATE the CPU must
 * find nothing to walk from now until p2m_restore_state() is done with all
 * registers that a walk depends on.
 */
void p2m_save_state(struct vcpu *p)
{
    p->arch.sctlr = READ_SYSREG(SCTLR_EL1);

    if ( cpus_have_const_cap(ARM64_WORKAROUND_AT_SPECULATE) )
    {
        WRITE_SYSREG64(generate_vttbr(INVALID_VMID, empty_root_mfn), VTTBR_EL2);
        /* Ahead of the first register of the next vCPU. */
        isb();
    }
}

void p2m_restore_state(struct vcpu *n)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(n->domain);
    uint8_t *last_vcpu_ran;

    /* It never enters a guest. */
    if ( is_idle_vcpu(n) )
        return;

    WRITE_SYSREG(n->arch.sctlr, SCTLR_EL1);
    WRITE_SYSREG(n->arch.hcr_el2, HCR_EL2);

    /*
     * ARM64_WORKAROUND_AT_SPECULATE: the tables come last. Everything else
     * has to have taken effect before there is something to walk.
     */
    asm volatile (ALTERNATIVE("nop", "isb", ARM64_WORKAROUND_AT_SPECULATE));
    WRITE_SYSREG64(p2m->vttbr, VTTBR_EL2);

    last_vcpu_ran = &p2m->last_vcpu_ran[smp_processor_id()];

    /* Both the flush below and a later AT go by the registers just written. */
    isb();

    /*
     * The vCPUs of a domain share its VMID, but each has its own stage-1
     * tables and may use an ASID for something else than its siblings. If a
     * sibling was the last to run here, this CPU may hold its translations.
     */
    if ( *last_vcpu_ran != INVALID_VCPU_ID && *last_vcpu_ran != n->vcpu_id )
        flush_guest_tlb_local();

    *last_vcpu_ran = n->vcpu_id;
}

/* ---------------------------- Pages for tables --------------------------- */

/*
 * Tables of a guest come out of a pool of its own, so that it cannot use up
 * the memory of others. The hardware domain has no such limit.
 */
static struct page_info *p2m_alloc_page(struct domain *d)
{
    struct page_info *pg;

    if ( !is_hardware_domain(d) )
    {
        spin_lock(&d->arch.paging.lock);
        pg = page_list_remove_head(&d->arch.paging.p2m_freelist);
        spin_unlock(&d->arch.paging.lock);

        return pg;
    }

    pg = alloc_domheap_page(d, MEMF_no_owner);
    if ( !pg )
        printk(XENLOG_G_ERR "No memory for stage-2 tables of the hwdom\n");

    return pg;
}

static void p2m_free_page(struct domain *d, struct page_info *pg)
{
    if ( is_hardware_domain(d) )
    {
        free_domheap_page(pg);
        return;
    }

    spin_lock(&d->arch.paging.lock);
    page_list_add_tail(pg, &d->arch.paging.p2m_freelist);
    spin_unlock(&d->arch.paging.lock);
}

/*
 * Grow or shrink the pool, page by page, to the size asked for. May stop to
 * let other work of this CPU run, if the caller can be told so.
 */
int p2m_set_allocation(struct domain *d, unsigned long pages, bool *preempted)
{
    struct paging_domain *paging = &d->arch.paging;
    struct page_info *pg;

    ASSERT(spin_is_locked(&paging->lock));

    while ( paging->p2m_total_pages != pages )
    {
        if ( paging->p2m_total_pages < pages )
        {
            pg = alloc_domheap_page(d, MEMF_no_owner);
            if ( !pg )
            {
                printk(XENLOG_ERR "No memory for a stage-2 table pool\n");
                return -ENOMEM;
            }
            page_list_add_tail(pg, &paging->p2m_freelist);
            /* Read elsewhere without the lock: change it in one go. */
            ACCESS_ONCE(paging->p2m_total_pages) = paging->p2m_total_pages + 1;
        }
        else
        {
            pg = page_list_remove_head(&paging->p2m_freelist);
            if ( !pg )
            {
                printk(XENLOG_ERR "Stage-2 table pool is in use\n");
                return -ENOMEM;
            }
            ACCESS_ONCE(paging->p2m_total_pages) = paging->p2m_total_pages - 1;
            free_domheap_page(pg);
        }

        if ( preempted && general_preempt_check() )
        {
            *preempted = true;
            return -ERESTART;
        }
    }

    return 0;
}

int p2m_teardown_allocation(struct domain *d)
{
    bool preempted = false;
    int rc;

    spin_lock(&d->arch.paging.lock);
    rc = p2m_set_allocation(d, 0, &preempted);
    ASSERT(preempted || d->arch.paging.p2m_total_pages == 0);
    spin_unlock(&d->arch.paging.lock);

    return rc;
}

int arch_get_paging_mempool_size(struct domain *d, uint64_t *size)
{
    unsigned long pages = ACCESS_ONCE(d->arch.paging.p2m_total_pages);

    *size = (uint64_t)pages << PAGE_SHIFT;

    return 0;
}

int arch_set_paging_mempool_size(struct domain *d, uint64_t size)
{
    bool preempted = false;
    int rc;

    if ( size & ~PAGE_MASK )
        return -EINVAL;

    spin_lock(&d->arch.paging.lock);
    rc = p2m_set_allocation(d, size >> PAGE_SHIFT, &preempted);
    spin_unlock(&d->arch.paging.lock);

    ASSERT(preempted == (rc == -ERESTART));

    return rc;
}

/* ---------------------------- Walking the tables ------------------------- */

/*
 * Map the root table for a frame. With a concatenated root, the index bits
 * above those of one table select the page. NULL if the frame is too high.
 */
static lpae_t *p2m_get_root_pointer(struct p2m_domain *p2m, gfn_t gfn)
{
    unsigned int shift = XEN_PT_LEVEL_ORDER(P2M_ROOT_LEVEL) + XEN_PT_LPAE_SHIFT;
    unsigned long root_table = gfn_x(gfn) >> shift;

    if ( root_table >= P2M_ROOT_PAGES )
        return NULL;

    return __map_domain_page(p2m->root + root_table);
}

/* Hang a new, empty table into an entry that is not in use. */
static int p2m_create_table(struct p2m_domain *p2m, lpae_t *entry)
{
    struct page_info *page;
    lpae_t *table;

    ASSERT(!p2m_is_valid(*entry));

    page = p2m_alloc_page(p2m->domain);
    if ( !page )
        return -ENOMEM;

    page_list_add(page, &p2m->pages);

    /* Empty for every walker before any walker can find it. */
    table = __map_domain_page(page);
    clear_page(table);
    if ( p2m->clean_pte )
        clean_dcache_va_range(table, PAGE_SIZE);
    unmap_domain_page(table);

    p2m_write_pte(entry, page_to_p2m_table(page), p2m->clean_pte);

    return 0;
}

/* What p2m_next_level() found. */
#define GUEST_TABLE_MAP_FAILED  0   /* nothing, and it was not to be created */
#define GUEST_TABLE_SUPER_PAGE  1   /* a block: the walk ends here */
#define GUEST_TABLE_NORMAL_PAGE 2   /* a table: *table is now that one */

static int p2m_next_level(struct p2m_domain *p2m, bool read_only,
                          unsigned int level, lpae_t **table,
                          unsigned int offset)
{
    lpae_t *entry = *table + offset;
    mfn_t mfn;

    /* Below level 3 there is nothing. */
    ASSERT(level < 3);

    if ( !p2m_is_valid(*entry) &&
         (read_only || p2m_create_table(p2m, entry)) )
        return GUEST_TABLE_MAP_FAILED;

    if ( p2m_is_mapping(*entry, level) )
        return GUEST_TABLE_SUPER_PAGE;

    mfn = lpae_get_mfn(*entry);

    unmap_domain_page(*table);
    *table = map_domain_page(mfn);

    return GUEST_TABLE_NORMAL_PAGE;
}

/* The access rights that a monitor gave a frame. */
static p2m_access_t p2m_mem_access_radix_get(struct p2m_domain *p2m, gfn_t gfn)
{
    void *ptr;

    if ( !p2m->mem_access_enabled )
        return p2m->default_access;

    ptr = radix_tree_lookup(&p2m->mem_access_settings, gfn_x(gfn));

    return ptr ? radix_tree_ptr_to_int(ptr) : p2m_access_rwx;
}

/* Only what differs from rwx is stored. */
static int p2m_mem_access_radix_set(struct p2m_domain *p2m, gfn_t gfn,
                                    p2m_access_t a)
{
    struct radix_tree_root *settings = &p2m->mem_access_settings;
    int rc;

    if ( !p2m->mem_access_enabled )
        return 0;

    if ( a == p2m_access_rwx )
    {
        radix_tree_delete(settings, gfn_x(gfn));
        return 0;
    }

    rc = radix_tree_insert(settings, gfn_x(gfn), radix_tree_int_to_ptr(a));
    if ( rc != -EEXIST )
        return rc;

    radix_tree_replace_slot(radix_tree_lookup_slot(settings, gfn_x(gfn)),
                            radix_tree_int_to_ptr(a));

    return 0;
}

/*
 * What is a frame mapped to? INVALID_MFN if to nothing. *page_order is that of
 * the entry the frame lies in, or of the largest hole around it that one entry
 * could fill. *valid is what hardware thinks of the entry. All pointers may be
 * NULL.
 */
mfn_t p2m_get_entry(struct p2m_domain *p2m, gfn_t gfn,
                    p2m_type_t *t, p2m_access_t *a,
                    unsigned int *page_order,
                    bool *valid)
{
    unsigned int level = P2M_ROOT_LEVEL;
    mfn_t mfn = INVALID_MFN;
    p2m_type_t ignored;
    lpae_t entry, *table;
    DECLARE_OFFSETS(offsets, gfn_to_gaddr(gfn));

    ASSERT(p2m_is_locked(p2m));
    BUILD_BUG_ON(THIRD_MASK != PAGE_MASK);

    if ( !t )
        t = &ignored;

    *t = p2m_invalid;
    if ( valid )
        *valid = false;

    /* Past the end: the largest entry that would lie past it, too. */
    if ( gfn_x(gfn) > gfn_x(p2m->max_mapped_gfn) )
    {
        while ( level < 3 &&
                (gfn_x(gfn) & (XEN_PT_LEVEL_MASK(level) >> PAGE_SHIFT)) <=
                gfn_x(p2m->max_mapped_gfn) )
            level++;

        goto out;
    }

    table = p2m_get_root_pointer(p2m, gfn);
    if ( !table )
    {
        /* max_mapped_gfn is never beyond the root. */
        ASSERT_UNREACHABLE();
        goto out;
    }

    for ( ; level < 3; level++ )
    {
        int rc = p2m_next_level(p2m, true, level, &table, offsets[level]);

        if ( rc == GUEST_TABLE_MAP_FAILED )
            goto out_unmap;
        if ( rc == GUEST_TABLE_SUPER_PAGE )
            break;
    }

    entry = table[offsets[level]];
    if ( p2m_is_valid(entry) )
    {
        unsigned long inside = (1UL << XEN_PT_LEVEL_ORDER(level)) - 1;

        mfn = mfn_add(lpae_get_mfn(entry), gfn_x(gfn) & inside);
        *t = entry.p2m.type;
        if ( a )
            *a = p2m_mem_access_radix_get(p2m, gfn);
        if ( valid )
            *valid = lpae_is_valid(entry);
    }

 out_unmap:
    unmap_domain_page(table);

 out:
    if ( page_order )
        *page_order = XEN_PT_LEVEL_ORDER(level);

    return mfn;
}

/* ---------------------------- Changing the tables ------------------------ */

/*
 * A foreign page may go back to its owner with this reference, before the TLBs
 * are flushed. The allocator flushes them all before it gives the page to
 * anyone else.
 */
static void p2m_put_foreign_page(struct page_info *pg)
{
    put_page(pg);
}

static void p2m_put_l3_page(mfn_t mfn, p2m_type_t type)
{
    if ( p2m_is_foreign(type) )
    {
        ASSERT(mfn_valid(mfn));
        p2m_put_foreign_page(mfn_to_page(mfn));
    }
    /* Memory of Xen's own remembers where the guest has it. No longer. */
    else if ( p2m_is_ram(type) && is_xen_heap_mfn(mfn) )
        page_set_xenheap_gfn(mfn_to_page(mfn), INVALID_GFN);
}

static void p2m_put_l2_superpage(mfn_t mfn, p2m_type_t type)
{
    struct page_info *pg;
    unsigned int i;

    if ( !p2m_is_foreign(type) )
        return;

    ASSERT(mfn_valid(mfn));

    pg = mfn_to_page(mfn);
    for ( i = 0; i < XEN_PT_LPAE_ENTRIES; i++ )
        p2m_put_foreign_page(pg + i);
}

/*
 * Give up what a mapping held of the memory it mapped. At level 1 that could
 * be 2^18 references, which is too long without preemption: foreign memory is
 * never mapped there.
 */
static void p2m_put_page(const lpae_t pte, unsigned int level)
{
    mfn_t mfn = lpae_get_mfn(pte);

    ASSERT(p2m_is_valid(pte));

    switch ( level )
    {
    case 2:
        p2m_put_l2_superpage(mfn, pte.p2m.type);
        break;

    case 3:
        p2m_put_l3_page(mfn, pte.p2m.type);
        break;
    }
}

/*
 * Release all that hangs on an entry. The entry is a copy: the caller has
 * taken it out of the tables.
 */
static void p2m_free_entry(struct p2m_domain *p2m,
                           lpae_t entry, unsigned int level)
{
    struct page_info *pg;
    lpae_t *table;
    unsigned int i;

    if ( !p2m_is_valid(entry) )
        return;

    if ( level == 3 || p2m_is_superpage(entry, level) )
    {
#ifdef CONFIG_IOREQ_SERVER
        /* A device emulator may have the memory mapped by its guest frame. */
        if ( p2m_is_ram(entry.p2m.type) &&
             domain_has_ioreq_server(p2m->domain) )
            ioreq_request_mapcache_invalidate(p2m->domain);
#endif

        p2m->stats.mappings[level]--;
        p2m_put_page(entry, level);

        return;
    }

    table = map_domain_page(lpae_get_mfn(entry));
    for ( i = 0; i < XEN_PT_LPAE_ENTRIES; i++ )
        p2m_free_entry(p2m, table[i], level + 1);
    unmap_domain_page(table);

    /*
     * A CPU may hold the entry that led here and read the table until then.
     * Afterwards the page may become anything.
     */
    p2m_tlb_flush_sync(p2m);

    ASSERT(mfn_valid(lpae_get_mfn(entry)));
    pg = mfn_to_page(lpae_get_mfn(entry));

    page_list_del(pg, &p2m->pages);
    p2m_free_page(p2m->domain, pg);
}

/*
 * Turn *entry, a copy of a block's entry, into one that points to a table with
 * the same mapping in smaller pieces; and the piece at offsets[] again, until
 * it is of the target level. The new tables are not live: they need neither
 * break-before-make nor a flush.
 *
 * If a page for a table is missing, *entry is still good to be freed.
 */
static bool p2m_split_superpage(struct p2m_domain *p2m, lpae_t *entry,
                                unsigned int level, unsigned int target,
                                const unsigned int *offsets)
{
    const unsigned int next_level = level + 1;
    const lpae_t block = *entry;
    struct page_info *page;
    lpae_t *table;
    bool rv = true;
    unsigned int i;

    ASSERT(level < target);
    ASSERT(p2m_is_superpage(block, level));

    page = p2m_alloc_page(p2m->domain);
    if ( !page )
        return false;

    page_list_add(page, &p2m->pages);
    table = __map_domain_page(page);

    for ( i = 0; i < XEN_PT_LPAE_ENTRIES; i++ )
    {
        unsigned long frames = 1UL << XEN_PT_LEVEL_ORDER(next_level);
        lpae_t pte = block;

        lpae_set_mfn(pte, mfn_add(lpae_get_mfn(block), i * frames));
        /* The bit that makes a page of an entry makes no block. */
        pte.p2m.table = (next_level == 3);

        write_pte(table + i, pte);
    }

    p2m->stats.shattered[level]++;
    p2m->stats.mappings[level]--;
    p2m->stats.mappings[next_level] += XEN_PT_LPAE_ENTRIES;

    if ( next_level != target )
        rv = p2m_split_superpage(p2m, table + offsets[next_level],
                                 next_level, target, offsets);

    if ( p2m->clean_pte )
        clean_dcache_va_range(table, PAGE_SIZE);

    unmap_domain_page(table);

    p2m_write_pte(entry, page_to_p2m_table(page), p2m->clean_pte);

    return rv;
}

/*
 * Map, remap or (INVALID_MFN) unmap what a single entry covers: 4K, 2M or 1G,
 * aligned. To be called with the p2m locked for writing.
 */
static int __p2m_set_entry(struct p2m_domain *p2m,
                           gfn_t sgfn,
                           unsigned int page_order,
                           mfn_t smfn,
                           p2m_type_t t,
                           p2m_access_t a)
{
    const unsigned int target = 3 - (page_order / XEN_PT_LPAE_SHIFT);
    const bool removing_mapping = mfn_eq(smfn, INVALID_MFN);
    lpae_t *entry, *table, orig_pte;
    unsigned int level;
    int rc;
    DECLARE_OFFSETS(offsets, gfn_to_gaddr(sgfn));

    ASSERT(p2m_is_write_locked(p2m));
    ASSERT(target >= 1 && target <= 3);

    table = p2m_get_root_pointer(p2m, sgfn);
    if ( !table )
        return -EINVAL;

    /* Down to the entry. To unmap, no table is created on the way. */
    for ( level = P2M_ROOT_LEVEL; level < target; level++ )
    {
        rc = p2m_next_level(p2m, removing_mapping, level, &table,
                            offsets[level]);
        if ( rc == GUEST_TABLE_MAP_FAILED )
        {
            /* What is not there need not be unmapped. */
            rc = removing_mapping ? 0 : -ENOENT;
            goto out;
        }
        if ( rc == GUEST_TABLE_SUPER_PAGE )
            break;
    }

    entry = table + offsets[level];

    /* A block is in the way: replace it by a table with the same mapping. */
    if ( level < target )
    {
        lpae_t split_pte = *entry;

        ASSERT(p2m_is_superpage(*entry, level));

        if ( !p2m_split_superpage(p2m, &split_pte, level, target, offsets) )
        {
            /* The block stays, only the new tables go: if there are any. */
            if ( lpae_is_table(split_pte, level) )
            {
                p2m->stats.mappings[level]++;
                p2m_free_entry(p2m, split_pte, level);
            }

            rc = -ENOMEM;
            goto out;
        }

        /* Break, flush, make. */
        p2m_remove_pte(entry, p2m->clean_pte);
        p2m_force_tlb_flush_sync(p2m);
        p2m_write_pte(entry, split_pte, p2m->clean_pte);

        for ( ; level < target; level++ )
        {
            rc = p2m_next_level(p2m, true, level, &table, offsets[level]);
            ASSERT(rc == GUEST_TABLE_NORMAL_PAGE ||
                   (rc == GUEST_TABLE_SUPER_PAGE && target < 3));
        }

        entry = table + offsets[level];
    }

    ASSERT(level == target);
    orig_pte = *entry;

    /* Access rights are kept page by page, and unmapping ends them. */
    ASSERT(!p2m->mem_access_enabled || page_order == 0 ||
           p2m->domain->is_dying);
    ASSERT(!removing_mapping || a == p2m_access_rwx);

    /* Ahead of the entry: from here on nothing fails. */
    rc = p2m_mem_access_radix_set(p2m, sgfn, a);
    if ( rc )
        goto out;

    /*
     * Break. When unmapping, also if hardware does not use the entry: with its
     * type in place, the next fault would make it valid again.
     */
    if ( removing_mapping || lpae_is_valid(orig_pte) )
        p2m_remove_pte(entry, p2m->clean_pte);

    if ( removing_mapping )
        /* Nothing is written over it: the flush can wait. */
        p2m->need_flush |= lpae_is_valid(orig_pte);
    else
    {
        lpae_t pte = mfn_to_p2m_entry(smfn, t, a);

        if ( level < 3 )
            pte.p2m.table = 0;

        if ( lpae_is_valid(orig_pte) )
        {
            /*
             * Flush before the make, unless only permissions change, as they
             * do for a monitor: that is allowed without.
             */
            if ( likely(!p2m->mem_access_enabled) ||
                 P2M_CLEAR_PERM(pte) != P2M_CLEAR_PERM(orig_pte) )
                p2m_force_tlb_flush_sync(p2m);
            else
                p2m->need_flush = true;
        }
        else if ( !p2m_is_valid(orig_pte) )
            p2m->stats.mappings[level]++;

        p2m_write_pte(entry, pte, p2m->clean_pte);

        p2m->lowest_mapped_gfn = gfn_min(p2m->lowest_mapped_gfn, sgfn);
        p2m->max_mapped_gfn = gfn_max(p2m->max_mapped_gfn,
                                      gfn_add(sgfn, (1UL << page_order) - 1));
    }

    /* Devices may hold the entry in TLBs of their own. */
    rc = 0;
    if ( is_iommu_enabled(p2m->domain) &&
         (lpae_is_valid(orig_pte) || lpae_is_valid(*entry)) )
    {
        unsigned int flush_flags = 0;

        if ( lpae_is_valid(*entry) )
            flush_flags |= IOMMU_FLUSHF_added;
        if ( lpae_is_valid(orig_pte) )
            flush_flags |= IOMMU_FLUSHF_modified;

        rc = iommu_iotlb_flush(p2m->domain, _dfn(gfn_x(sgfn)),
                               1UL << page_order, flush_flags);
    }

    /* The same memory with other rights stays in use. */
    if ( p2m_is_valid(orig_pte) &&
         !mfn_eq(lpae_get_mfn(orig_pte), lpae_get_mfn(*entry)) )
        p2m_free_entry(p2m, orig_pte, level);

 out:
    unmap_domain_page(table);

    return rc;
}

/* The same for a range, in the largest pieces that alignment allows. */
int p2m_set_entry(struct p2m_domain *p2m,
                  gfn_t sgfn,
                  unsigned long nr,
                  mfn_t smfn,
                  p2m_type_t t,
                  p2m_access_t a)
{
    const bool removing_mapping = mfn_eq(smfn, INVALID_MFN);
    int rc = 0;

    /* What is mapped now would not be released any more. */
    if ( unlikely(p2m->domain->is_dying) )
        return -ENOMEM;

    while ( nr && !rc )
    {
        unsigned long mask = gfn_x(sgfn) | nr;
        unsigned int order = THIRD_ORDER;

        if ( !removing_mapping )
            mask |= mfn_x(smfn);

        if ( likely(!p2m->mem_access_enabled) )
        {
            if ( !(mask & ((1UL << FIRST_ORDER) - 1)) )
                order = FIRST_ORDER;
            else if ( !(mask & ((1UL << SECOND_ORDER) - 1)) )
                order = SECOND_ORDER;
        }

        rc = __p2m_set_entry(p2m, sgfn, order, smfn, t, a);

        sgfn = gfn_add(sgfn, 1UL << order);
        if ( !removing_mapping )
            smfn = mfn_add(smfn, 1UL << order);
        nr -= 1UL << order;
    }

    return rc;
}

/* ----------------------------- Access tracking --------------------------- */

/* Make hardware fault on every entry of a table, and software remember all. */
static void p2m_invalidate_table(struct p2m_domain *p2m, mfn_t mfn)
{
    lpae_t *table = map_domain_page(mfn);
    unsigned int i;

    ASSERT(p2m_is_write_locked(p2m));

    for ( i = 0; i < XEN_PT_LPAE_ENTRIES; i++ )
    {
        lpae_t pte = table[i];

        if ( !lpae_is_valid(pte) )
            continue;

        pte.p2m.valid = 0;
        p2m_write_pte(table + i, pte, p2m->clean_pte);
    }

    unmap_domain_page(table);

    p2m->need_flush = true;
}

/* The same for the whole p2m. A device could not handle the faults. */
static void p2m_invalidate_root(struct p2m_domain *p2m)
{
    unsigned int i;

    ASSERT(!iommu_use_hap_pt(p2m->domain));

    p2m_write_lock(p2m);

    for ( i = 0; i < P2M_ROOT_PAGES; i++ )
        p2m_invalidate_table(p2m, page_to_mfn(p2m->root + i));

    p2m_write_unlock(p2m);
}

/*
 * The guest faulted on a frame. True if it may try again: the entry was only
 * waiting for an access, or somebody has changed it by now.
 */
bool p2m_resolve_translation_fault(struct domain *d, gfn_t gfn)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int level = P2M_ROOT_LEVEL;
    bool resolved = false;
    lpae_t entry, *table;
    DECLARE_OFFSETS(offsets, gfn_to_gaddr(gfn));

    p2m_write_lock(p2m);

    if ( gfn_x(gfn) > gfn_x(p2m->max_mapped_gfn) )
        goto out;

    table = p2m_get_root_pointer(p2m, gfn);
    if ( !table )
    {
        ASSERT_UNREACHABLE();
        goto out;
    }

    /* Down to the first entry that hardware does not follow, or to the end. */
    for ( ; ; level++ )
    {
        entry = table[offsets[level]];

        if ( level == 3 || !lpae_is_valid(entry) ||
             p2m_next_level(p2m, true, level, &table, offsets[level]) !=
             GUEST_TABLE_NORMAL_PAGE )
            break;
    }

    if ( lpae_is_valid(entry) )
    {
        resolved = true;
        goto out_unmap;
    }

    if ( !p2m_is_valid(entry) )
        goto out_unmap;

    /* What was skipped when only the table's own entry was invalidated. */
    if ( lpae_is_table(entry, level) )
        p2m_invalidate_table(p2m, lpae_get_mfn(entry));

    /* No TLB holds an entry that was not valid. */
    entry.p2m.valid = 1;
    p2m_write_pte(table + offsets[level], entry, p2m->clean_pte);
    resolved = true;

 out_unmap:
    unmap_domain_page(table);

 out:
    p2m_write_unlock(p2m);

    return resolved;
}

/* Clean what the vCPU's domain has touched, and start tracking anew. */
void p2m_flush_vm(struct vcpu *v)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(v->domain);
    gfn_t start = _gfn(0);
    int rc;

    /* Only the vCPU itself can be preempted on the way. */
    ASSERT(v == current);
    ASSERT(local_irq_is_enabled());
    ASSERT(v->arch.need_flush_to_ram);

    while ( (rc = p2m_cache_flush_range(v->domain, &start,
                                        _gfn(ULONG_MAX))) == -ERESTART )
        do_softirq();

    if ( rc )
        gprintk(XENLOG_WARNING, "P2M was not cleaned (rc = %d)\n", rc);

    p2m_invalidate_root(p2m);

    v->arch.need_flush_to_ram = false;
}

/* -------------------------- Creation and teardown ------------------------ */

static struct page_info *p2m_allocate_root(void)
{
    struct page_info *page = alloc_domheap_pages(NULL, P2M_ROOT_ORDER, 0);
    unsigned int i;

    for ( i = 0; page && i < P2M_ROOT_PAGES; i++ )
        clear_and_clean_page(page + i);

    return page;
}

static int p2m_alloc_table(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);

    p2m->root = p2m_allocate_root();
    if ( !p2m->root )
        return -ENOMEM;

    p2m->vttbr = generate_vttbr(p2m->vmid, page_to_mfn(p2m->root));

    /* The VMID may be second-hand: drop what is left of its last owner. */
    p2m_write_lock(p2m);
    p2m_force_tlb_flush_sync(p2m);
    p2m_write_unlock(p2m);

    return 0;
}

int p2m_init(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int cpu;
    int rc;

    rwlock_init(&p2m->lock);
    INIT_PAGE_LIST_HEAD(&p2m->pages);

    spin_lock_init(&d->arch.paging.lock);
    INIT_PAGE_LIST_HEAD(&d->arch.paging.p2m_freelist);

    p2m->vmid = INVALID_VMID;

    /* An empty range. */
    p2m->max_mapped_gfn = _gfn(0);
    p2m->lowest_mapped_gfn = _gfn(ULONG_MAX);

    p2m->mem_access_enabled = false;
    p2m->default_access = p2m_access_rwx;
    radix_tree_init(&p2m->mem_access_settings);

    p2m->clean_pte = is_iommu_enabled(d) &&
        !iommu_has_feature(d, IOMMU_FEAT_COHERENT_WALK);

    /* Every id of a vCPU, and that of none, has to fit. */
    BUILD_BUG_ON((1 << (sizeof(p2m->last_vcpu_ran[0]) * 8)) < MAX_VIRT_CPUS);
    BUILD_BUG_ON((1 << (sizeof(p2m->last_vcpu_ran[0]) * 8)) < INVALID_VCPU_ID);

    for_each_possible_cpu ( cpu )
        p2m->last_vcpu_ran[cpu] = INVALID_VCPU_ID;

    /* From here on there is something to tear down. */
    p2m->domain = d;

    rc = p2m_alloc_vmid(d);
    if ( rc )
        return rc;

    return p2m_alloc_table(d);
}

void p2m_domain_creation_finished(struct domain *d)
{
    /*
     * Track from the start what the guest touches, so that its first request
     * to clean the caches does not have to go through all of its memory.
     */
    if ( !iommu_use_hap_pt(d) )
        p2m_invalidate_root(p2m_get_hostp2m(d));
}

/*
 * Unmap everything from a domain that will not run again, for the references
 * that the mappings hold. Goes on where it was stopped with -ERESTART.
 */
int relinquish_p2m_mapping(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned long count = 0;
    gfn_t start, end;
    unsigned int order;
    int rc = 0;

    BUG_ON(!d->is_dying);

    /* Nothing is added any more: see p2m_set_entry(). */
    p2m_write_lock(p2m);

    end = gfn_add(p2m->max_mapped_gfn, 1);

    for ( start = p2m->lowest_mapped_gfn; gfn_x(start) < gfn_x(end);
          start = gfn_next_boundary(start, order) )
    {
        p2m_type_t t;
        mfn_t mfn = p2m_get_entry(p2m, start, &t, NULL, &order, NULL);

        /* A block of foreign memory is much to release: look up often then. */
        if ( (!(++count % 512) ||
              (p2m_is_foreign(t) && order > XEN_PT_LEVEL_ORDER(2))) &&
             hypercall_preempt_check() )
        {
            rc = -ERESTART;
            break;
        }

        if ( mfn_eq(mfn, INVALID_MFN) )
            continue;

        rc = __p2m_set_entry(p2m, start, order, INVALID_MFN, p2m_invalid,
                             p2m_access_rwx);
        if ( unlikely(rc) )
        {
            printk(XENLOG_G_ERR
                   "dom%d: cannot unmap gfn=%#"PRI_gfn" order=%u\n",
                   d->domain_id, gfn_x(start), order);
            break;
        }
    }

    p2m->lowest_mapped_gfn = start;

    p2m_write_unlock(p2m);

    return rc;
}

/*
 * First step of giving the tables back: after this no walk gets anywhere. The
 * domain does not run and its devices are gone, so the CPUs' TLBs are all that
 * is left.
 */
void p2m_clear_root_pages(struct p2m_domain *p2m)
{
    unsigned int i;

    p2m_write_lock(p2m);

    for ( i = 0; i < P2M_ROOT_PAGES; i++ )
        clear_and_clean_page(p2m->root + i);

    p2m_force_tlb_flush_sync(p2m);

    p2m_write_unlock(p2m);
}

/* Second step: the tables below the root. May have to be called again. */
int p2m_teardown(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    struct page_info *pg;
    unsigned long count = 0;
    int rc = 0;

    p2m_write_lock(p2m);

    while ( (pg = page_list_remove_head(&p2m->pages)) != NULL )
    {
        p2m_free_page(p2m->domain, pg);

        if ( !(++count % 512) && hypercall_preempt_check() )
        {
            rc = -ERESTART;
            break;
        }
    }

    p2m_write_unlock(p2m);

    return rc;
}

/* Last step: what has to wait for the end of the domain. */
void p2m_final_teardown(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);

    /* p2m_init() was never called. */
    if ( !p2m->domain )
        return;

    ASSERT(page_list_empty(&p2m->pages));

    while ( p2m_teardown_allocation(d) == -ERESTART )
        continue;
    ASSERT(page_list_empty(&d->arch.paging.p2m_freelist));

    if ( p2m->root )
        free_domheap_pages(p2m->root, P2M_ROOT_ORDER);
    p2m->root = NULL;

    p2m_free_vmid(d);

    radix_tree_destroy(&p2m->mem_access_settings, NULL);

    p2m->domain = NULL;
}

/* --------------------------------- Console ------------------------------- */

void p2m_dump_info(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);
    unsigned int level;

    p2m_read_lock(p2m);

    printk("dom%d: stage-2 tables, vmid %d\n", d->domain_id, p2m->vmid);
    for ( level = 1; level <= 3; level++ )
        printk("  level %u: %lu mappings (%lu shattered)\n", level,
               p2m->stats.mappings[level], p2m->stats.shattered[level]);

    p2m_read_unlock(p2m);
}

void dump_p2m_lookup(struct domain *d, paddr_t addr)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);

    printk("dom%d IPA 0x%"PRIpaddr": root mfn %#"PRI_mfn"\n",
           d->domain_id, addr, mfn_x(page_to_mfn(p2m->root)));

    dump_pt_walk(page_to_maddr(p2m->root), addr, P2M_ROOT_LEVEL,
                 P2M_ROOT_PAGES);
}

/* ---------------------------------- Boot --------------------------------- */

static void setup_virt_paging_one(void *data)
{
    WRITE_SYSREG(vtcr, VTCR_EL2);

    /*
     * ARM64_WORKAROUND_AT_SPECULATE: until the first vCPU runs, leave nothing
     * to walk and have stage 2 on, so that this is what a walk goes by. What
     * was allocated before goes.
     */
    if ( cpus_have_cap(ARM64_WORKAROUND_AT_SPECULATE) )
    {
        WRITE_SYSREG64(generate_vttbr(INVALID_VMID, empty_root_mfn), VTTBR_EL2);
        WRITE_SYSREG(READ_SYSREG(HCR_EL2) | HCR_VM, HCR_EL2);
        isb();

        flush_all_guests_tlb_local();
    }
}

void __init setup_virt_paging(void)
{
    /*
     * What a size of physical addresses allows for tables: guest addresses
     * are as wide. Where the start level has only a few index bits of its own
     * left, concatenated tables one level down save a level.
     */
    static const struct {
        unsigned int pabits;
        unsigned int t0sz;
        unsigned int root_order;
        unsigned int sl0;
    } pa_range_info[] __initconst = {
        [0] = { 32, 32, 0, 1 },
        [1] = { 36, 28, 0, 1 },
        [2] = { 40, 24, 1, 1 },
        [3] = { 42, 22, 3, 1 },
        [4] = { 44, 20, 0, 2 },
        [5] = { 48, 16, 0, 2 },
        [6] = { 52, 12, 4, 2 },
        [7] = { 0 },
    };
#ifdef CONFIG_ARM_64
    const unsigned int cpu_range = system_cpuinfo.mm64.pa_range;
#else
    const unsigned int cpu_range = 2;   /* LPAE: 40 bits */
#endif
    unsigned int pa_range;
    register_t val;

    if ( pa_range_info[cpu_range].pabits < p2m_ipa_bits )
        p2m_ipa_bits = pa_range_info[cpu_range].pabits;

#ifdef CONFIG_ARM_64
    if ( system_cpuinfo.mm64.vmid_bits == MM64_VMID_16_BITS_SUPPORT )
        max_vmid = MAX_VMID_16_BIT;
#endif

    /* Somebody may have asked for less than the CPUs have. */
    for ( pa_range = 0; pa_range < ARRAY_SIZE(pa_range_info); pa_range++ )
        if ( pa_range_info[pa_range].pabits == p2m_ipa_bits )
            break;

    if ( pa_range >= ARRAY_SIZE(pa_range_info) || !p2m_ipa_bits )
        panic("No stage-2 tables for %u-bit addresses\n", p2m_ipa_bits);

    val = VTCR_RES1 | VTCR_SH0_IS | VTCR_ORGN0_WBWA | VTCR_IRGN0_WBWA;
#ifdef CONFIG_ARM_64
    val |= VTCR_TG0_4K | VTCR_PS(pa_range);
#endif
    val |= VTCR_SL0(pa_range_info[pa_range].sl0);
    val |= VTCR_T0SZ(pa_range_info[pa_range].t0sz);
    if ( MAX_VMID == MAX_VMID_16_BIT )
        val |= VTCR_VS;

    p2m_root_order = pa_range_info[pa_range].root_order;
    p2m_root_level = 2 - pa_range_info[pa_range].sl0;
    p2m_ipa_bits = 64 - pa_range_info[pa_range].t0sz;

    printk("P2M: %u-bit addresses, %d-bit VMID, %u levels, order-%u root\n",
           p2m_ipa_bits, MAX_VMID == MAX_VMID_16_BIT ? 16 : 8,
           4 - P2M_ROOT_LEVEL, P2M_ROOT_ORDER);

    p2m_vmid_allocator_init();

    /* The architecture has no level above 0 to save. */
    BUG_ON(P2M_ROOT_LEVEL == 0 && P2M_ROOT_ORDER > 0);
    vtcr = val;

    if ( cpus_have_cap(ARM64_WORKAROUND_AT_SPECULATE) )
    {
        struct page_info *root = p2m_allocate_root();

        if ( !root )
            panic("No memory for an empty root table\n");

        empty_root_mfn = page_to_mfn(root);
    }

    setup_virt_paging_one(NULL);
    smp_call_function(setup_virt_paging_one, NULL, 1);
}

/* A CPU that comes up after boot sets itself up. */
static int cpu_virt_paging_callback(struct notifier_block *nfb,
                                    unsigned long action, void *hcpu)
{
    if ( action == CPU_STARTING )
    {
        ASSERT(system_state != SYS_STATE_boot);
        setup_virt_paging_one(NULL);
    }

    return NOTIFY_DONE;
}

static struct notifier_block cpu_virt_paging_nfb = {
    .notifier_call = cpu_virt_paging_callback,
};

/*
 * An initcall, and so after setup_virt_paging(): the callback needs the value
 * of VTCR_EL2.
 */
static int __init cpu_virt_paging_init(void)
{
    register_cpu_notifier(&cpu_virt_paging_nfb);

    return 0;
}
__initcall(cpu_virt_paging_init);
