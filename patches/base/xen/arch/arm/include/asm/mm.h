/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARCH_ARM_MM__
#define __ARCH_ARM_MM__

#include <xen/kernel.h>
#include <xen/pdx.h>
#include <asm/page.h>
#include <asm/mmu/mm.h>

/*
 * One per page of memory, in the frame table. Which member of a union counts
 * follows from whether the page is in use, that is, has references.
 */
struct page_info
{
    struct page_list_entry list;

    /* References, and the PGC_* flags. */
    unsigned long count_info;

    union {
        /* In use: type references, PGT_* flags, and a GFN for xenheap pages. */
        struct {
            unsigned long type_info;
        } inuse;

        /* Free: what the allocator has to do before it hands the page out. */
        union {
            struct {
                unsigned long first_dirty:MAX_ORDER + 1;
                bool need_tlbflush:1;
                unsigned long scrub_state:2;
            };
            unsigned long val;
        } free;
    } u;

    union {
        struct {
            struct domain *domain;  /* the owner, if it has one */
        } inuse;
        struct {
            unsigned int order;     /* this page heads a free chunk */
        } free;
    } v;

    union {
        u32 tlbflush_timestamp;
    };
    u64 pad;
};

#define PG_shift(idx)     (BITS_PER_LONG - (idx))
#define PG_mask(x, idx)   (x##UL << PG_shift(idx))

#define PGT_type_mask     PG_mask(1, 1)
#define PGT_count_mask    PG_mask(3, 3)
#define PGT_gfn_width     PG_shift(3)
#define PGT_gfn_mask      ((1UL << PGT_gfn_width) - 1)

/* "Not mapped by any guest" in the GFN bits. */
#define PGT_INVALID_XENHEAP_GFN _gfn(PGT_gfn_mask)

#define PGC_allocated     PG_mask(1, 1)
#define PGC_xen_heap      PG_mask(1, 2)
#define PGC_extra         PG_mask(1, 10)
#define PGC_count_width   PG_shift(10)
#define PGC_count_mask    ((1UL << PGC_count_width) - 1)

#ifdef CONFIG_ARM_64
#define is_xen_heap_page(page) ((page)->count_info & PGC_xen_heap)
#define is_xen_heap_mfn(mfn) \
    (mfn_valid(mfn) && is_xen_heap_page(mfn_to_page(mfn)))
#else
#define is_xen_heap_page(page) is_xen_heap_mfn(page_to_mfn(page))
#define is_xen_heap_mfn(mfn) ({                                 \
    unsigned long mfn_h = mfn_x(mfn);                           \
    mfn_h >= mfn_x(directmap_mfn_start) &&                      \
    mfn_h < mfn_x(directmap_mfn_end); })
#endif

#define page_get_owner(pg)        ((pg)->v.inuse.domain)
#define page_set_owner(pg, d)     ((pg)->v.inuse.domain = (d))

/* Index of the page that the first entry of the frame table describes. */
extern unsigned long frametable_base_pdx;

#define mfn_valid(mfn) ({                                       \
    unsigned long mfn_v = mfn_x(mfn);                           \
    likely(pfn_to_pdx(mfn_v) >= frametable_base_pdx &&          \
           __mfn_valid(mfn_v)); })

#define mfn_to_page(mfn) \
    (frame_table + (mfn_to_pdx(mfn) - frametable_base_pdx))
#define page_to_mfn(pg) \
    pdx_to_mfn((unsigned long)((pg) - frame_table) + frametable_base_pdx)

/* Frame numbers and addresses. */
#define pfn_to_paddr(pfn)  ((paddr_t)(pfn) << PAGE_SHIFT)
#define paddr_to_pfn(pa)   ((unsigned long)((pa) >> PAGE_SHIFT))
#define mfn_to_maddr(mfn)  pfn_to_paddr(mfn_x(mfn))
#define maddr_to_mfn(ma)   _mfn(paddr_to_pfn(ma))
#define gfn_to_gaddr(gfn)  pfn_to_paddr(gfn_x(gfn))
#define gaddr_to_gfn(ga)   _gfn(paddr_to_pfn(ga))
#define page_to_maddr(pg)  (mfn_to_maddr(page_to_mfn(pg)))
#define maddr_to_page(ma)  mfn_to_page(maddr_to_mfn(ma))

#ifdef CONFIG_ARM_64
/*
 * The direct map starts with the page at directmap_base_pdx, so that memory
 * which begins high costs no virtual space below it.
 */
static inline void *maddr_to_virt(paddr_t ma)
{
    ASSERT((mfn_to_pdx(maddr_to_mfn(ma)) - directmap_base_pdx) <
           (DIRECTMAP_SIZE >> PAGE_SHIFT));

    return (void *)(XENHEAP_VIRT_START + maddr_to_directmapoff(ma) -
                    (directmap_base_pdx << PAGE_SHIFT));
}
#else
/* Only Xen's own heap is always mapped. */
static inline void *maddr_to_virt(paddr_t ma)
{
    ASSERT(is_xen_heap_mfn(maddr_to_mfn(ma)));

    return (void *)(unsigned long)(ma - mfn_to_maddr(directmap_mfn_start) +
                                   XENHEAP_VIRT_START);
}
#endif

#define __mfn_to_virt(mfn) (maddr_to_virt((paddr_t)(mfn) << PAGE_SHIFT))
#define mfn_to_virt(mfn)   __mfn_to_virt(mfn)

static inline void *page_to_virt(const struct page_info *pg)
{
    return mfn_to_virt(mfn_x(page_to_mfn(pg)));
}

static inline struct page_info *virt_to_page(const void *v)
{
    unsigned long offset = (unsigned long)v - XENHEAP_VIRT_START;

    ASSERT((unsigned long)v >= XENHEAP_VIRT_START);
    ASSERT((unsigned long)v < directmap_virt_end);

    return frame_table + (offset >> PAGE_SHIFT) +
           mfn_to_pdx(directmap_mfn_start) - frametable_base_pdx;
}

/* Zero a page, and make sure that an observer without caches sees zeroes. */
void clear_and_clean_page(struct page_info *page);

/* The p2m lock covers the GFN bits; the other bits change under other locks. */
static inline void page_set_xenheap_gfn(struct page_info *p, gfn_t gfn)
{
    gfn_t stored = gfn_eq(gfn, INVALID_GFN) ? PGT_INVALID_XENHEAP_GFN : gfn;
    unsigned long seen = p->u.inuse.type_info, old, new;

    ASSERT(is_xen_heap_page(p));

    do {
        old = seen;
        new = (old & ~PGT_gfn_mask) | gfn_x(stored);
        seen = cmpxchg(&p->u.inuse.type_info, old, new);
    } while ( seen != old );
}

#endif /* __ARCH_ARM_MM__ */
