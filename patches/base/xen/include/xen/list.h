/* SPDX-License-Identifier: GPL-2.0-only */
/* Circular doubly linked list; an empty head points at itself. */
#ifndef __XEN_LIST_H__
#define __XEN_LIST_H__

#include <xen/kernel.h>

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name) { &(name), &(name) }

static inline void INIT_LIST_HEAD(struct list_head *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
    return head->next == head;
}

static inline void __list_add(struct list_head *entry, struct list_head *prev,
                              struct list_head *next)
{
    entry->prev = prev;
    entry->next = next;
    prev->next = entry;
    next->prev = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
    __list_add(entry, head, head->next);
}

static inline void list_add_tail(struct list_head *entry,
                                 struct list_head *head)
{
    __list_add(entry, head->prev, head);
}

/* Values that fault, so that a second removal is seen. */
#define LIST_POISON1 ((void *)0x00100100UL)
#define LIST_POISON2 ((void *)0x00200200UL)

static inline void list_del(struct list_head *entry)
{
    entry->next->prev = entry->prev;
    entry->prev->next = entry->next;
    entry->next = LIST_POISON1;
    entry->prev = LIST_POISON2;
}

#define list_entry(ptr, type, member)       container_of(ptr, type, member)
#define list_first_entry(ptr, type, member) \
    list_entry((ptr)->next, type, member)

#endif /* __XEN_LIST_H__ */
