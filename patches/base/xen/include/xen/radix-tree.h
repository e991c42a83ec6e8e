/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XEN_RADIX_TREE_H
#define _XEN_RADIX_TREE_H

#include <xen/lib.h>
#include <xen/types.h>
#include <asm/system.h>

struct radix_tree_node;

struct radix_tree_root {
    unsigned int height;
    struct radix_tree_node *rnode;
};

void radix_tree_init(struct radix_tree_root *root);
void radix_tree_destroy(struct radix_tree_root *root,
                        void (*slot_free)(void *));
int radix_tree_insert(struct radix_tree_root *root, unsigned long index,
                      void *item);
void *radix_tree_lookup(struct radix_tree_root *root, unsigned long index);
void **radix_tree_lookup_slot(struct radix_tree_root *root,
                              unsigned long index);
void *radix_tree_delete(struct radix_tree_root *root, unsigned long index);

/* Publish item: what it points to is visible before the slot changes. */
static inline void radix_tree_replace_slot(void **pslot, void *item)
{
    BUG_ON((unsigned long)item & 1);
    smp_wmb();
    *pslot = item;
}

/*
 * A small integer can be stored in place of a pointer. Bit 0 belongs to the
 * tree, bit 1 tells an integer from a pointer, the value starts at bit 2.
 */
static inline void *radix_tree_int_to_ptr(int val)
{
    long boxed = (long)val * 4 | 2L;

    ASSERT((boxed >> 2) == val);
    return (void *)boxed;
}

static inline int radix_tree_ptr_to_int(void *ptr)
{
    ASSERT(((long)ptr & 3) == 2);
    return (int)((long)ptr >> 2);
}

#endif /* _XEN_RADIX_TREE_H */
