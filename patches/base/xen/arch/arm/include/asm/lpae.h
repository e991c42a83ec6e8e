/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Long-descriptor translation tables. Levels count as the architecture counts
 * them: a walk starts at the lowest number and pages are at level 3.
 */
#ifndef __ARM_LPAE_H__
#define __ARM_LPAE_H__

#include <xen/mm-frame.h>

/* Stage 1, as the hypervisor's own tables use it. */
typedef struct __packed {
    unsigned long valid:1;
    unsigned long table:1;      /* also set in a page entry */
    unsigned long ai:3;         /* index of the memory attributes */
    unsigned long ns:1;
    unsigned long up:1;
    unsigned long ro:1;
    unsigned long sh:2;
    unsigned long af:1;
    unsigned long ng:1;
    unsigned long long base:36; /* frame of the page, block or next table */
    unsigned long sbz:4;
    unsigned long contig:1;
    unsigned long pxn:1;
    unsigned long xn:1;
    unsigned long avail:4;      /* left to software */
    unsigned long pxnt:1;       /* from here on: table entries only */
    unsigned long xnt:1;
    unsigned long apt:2;
    unsigned long nst:1;
} lpae_pt_t;

/* Stage 2, as a p2m uses it. */
typedef struct __packed {
    unsigned long valid:1;
    unsigned long table:1;
    unsigned long mattr:4;      /* memory attributes themselves */
    unsigned long read:1;
    unsigned long write:1;
    unsigned long sh:2;
    unsigned long af:1;
    unsigned long sbz4:1;
    unsigned long long base:36;
    unsigned long sbz3:4;
    unsigned long contig:1;
    unsigned long sbz2:1;
    unsigned long xn:1;
    unsigned long type:4;       /* left to software: a p2m_type_t */
    unsigned long sbz1:5;
} lpae_p2m_t;

/* What a walk needs, and both stages share. */
typedef struct __packed {
    unsigned long valid:1;
    unsigned long table:1;
    unsigned long pad2:10;
    unsigned long long base:36;
    unsigned long pad1:16;
} lpae_walk_t;

typedef union {
    uint64_t bits;
    lpae_pt_t pt;
    lpae_p2m_t p2m;
    lpae_walk_t walk;
} lpae_t;

/* Stage-2 permissions: xn (bit 54), write (7), read (6). */
#define P2M_PERM_MASK        ((1ULL << 54) | (1ULL << 7) | (1ULL << 6))
#define P2M_CLEAR_PERM(pte)  ((pte).bits & ~P2M_PERM_MASK)

static inline bool lpae_is_valid(lpae_t pte)
{
    return pte.walk.valid;
}

/*
 * The kind of an entry does not depend on its valid bit: an entry that
 * hardware must not use may still record what it would be.
 */
static inline bool lpae_is_table(lpae_t pte, unsigned int level)
{
    return level < 3 && pte.walk.table;
}

static inline bool lpae_is_mapping(lpae_t pte, unsigned int level)
{
    return (level == 3) ? pte.walk.table : !pte.walk.table;
}

static inline bool lpae_is_superpage(lpae_t pte, unsigned int level)
{
    return level < 3 && lpae_is_mapping(pte, level);
}

#define lpae_get_mfn(pte)      (_mfn((pte).walk.base))
#define lpae_set_mfn(pte, mfn) ((pte).walk.base = mfn_x(mfn))

/* Geometry of a table of 8-byte entries, for a granule of 1 << gs bytes. */
#define LPAE_SHIFT_GS(gs)         ((gs) - 3)
#define LPAE_ENTRIES_GS(gs)       (_AC(1, U) << LPAE_SHIFT_GS(gs))
#define LPAE_ENTRY_MASK_GS(gs)    (LPAE_ENTRIES_GS(gs) - 1)
#define LEVEL_ORDER_GS(gs, lvl)   ((3 - (lvl)) * LPAE_SHIFT_GS(gs))
#define LEVEL_SHIFT_GS(gs, lvl)   (LEVEL_ORDER_GS(gs, lvl) + (gs))
#define LEVEL_SIZE_GS(gs, lvl)    (_AT(paddr_t, 1) << LEVEL_SHIFT_GS(gs, lvl))

/* The same for the granule in use. */
#define XEN_PT_LPAE_SHIFT         LPAE_SHIFT_GS(PAGE_SHIFT)
#define XEN_PT_LPAE_ENTRIES       LPAE_ENTRIES_GS(PAGE_SHIFT)
#define XEN_PT_LPAE_ENTRY_MASK    LPAE_ENTRY_MASK_GS(PAGE_SHIFT)
#define XEN_PT_LEVEL_SHIFT(lvl)   LEVEL_SHIFT_GS(PAGE_SHIFT, lvl)
#define XEN_PT_LEVEL_ORDER(lvl)   LEVEL_ORDER_GS(PAGE_SHIFT, lvl)
#define XEN_PT_LEVEL_SIZE(lvl)    LEVEL_SIZE_GS(PAGE_SHIFT, lvl)
#define XEN_PT_LEVEL_MASK(lvl)    (~(XEN_PT_LEVEL_SIZE(lvl) - 1))

#define FIRST_ORDER   XEN_PT_LEVEL_ORDER(1)
#define SECOND_ORDER  XEN_PT_LEVEL_ORDER(2)
#define THIRD_ORDER   XEN_PT_LEVEL_ORDER(3)
#define THIRD_MASK    XEN_PT_LEVEL_MASK(3)

/* Index into the table at a level, for an address. */
#define XEN_PT_TABLE_OFFSET(lvl, addr) \
    (_AT(unsigned int, (addr) >> XEN_PT_LEVEL_SHIFT(lvl)) & \
     XEN_PT_LPAE_ENTRY_MASK)
#define zeroeth_table_offset(addr)  XEN_PT_TABLE_OFFSET(0, addr)
#define first_table_offset(addr)    XEN_PT_TABLE_OFFSET(1, addr)
#define second_table_offset(addr)   XEN_PT_TABLE_OFFSET(2, addr)
#define third_table_offset(addr)    XEN_PT_TABLE_OFFSET(3, addr)

/* Declare var[], the index at every level. */
#define DECLARE_OFFSETS(var, addr)                                      \
    const unsigned int var[4] = {                                       \
        zeroeth_table_offset(addr), first_table_offset(addr),           \
        second_table_offset(addr), third_table_offset(addr) }

#endif /* __ARM_LPAE_H__ */
