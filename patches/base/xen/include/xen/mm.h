/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_MM_H__
#define __XEN_MM_H__

#include <xen/compiler.h>
#include <xen/list.h>
#include <xen/mm-frame.h>
#include <xen/spinlock.h>
#include <xen/types.h>

struct domain;
struct page_info;

void put_page(struct page_info *page);
bool __must_check get_page(struct page_info *page, const struct domain *domain);
struct domain *__must_check
page_get_owner_and_reference(struct page_info *page);

/*
 * The allocator flushes every guest TLB before it hands out a page that was
 * freed since the last such flush. Dropping a reference ahead of the owner's
 * own flush relies on that.
 */
struct page_info *alloc_domheap_pages(struct domain *d, unsigned int order,
                                      unsigned int memflags);
void free_domheap_pages(struct page_info *pg, unsigned int order);

#define alloc_domheap_page(d, f)  (alloc_domheap_pages(d, 0, f))
#define free_domheap_page(p)      (free_domheap_pages(p, 0))

#define _MEMF_no_owner 5
#define MEMF_no_owner  (1U << _MEMF_no_owner)

#define MAX_ORDER CONFIG_PAGEALLOC_MAX_ORDER

#define page_list_entry list_head
#define page_list_head  list_head

#include <asm/mm.h>

#define INIT_PAGE_LIST_HEAD INIT_LIST_HEAD

static inline bool page_list_empty(const struct page_list_head *head)
{
    return list_empty(head);
}

static inline struct page_info *
page_list_first(const struct page_list_head *head)
{
    return list_first_entry(head, struct page_info, list);
}

static inline void
page_list_add(struct page_info *page, struct page_list_head *head)
{
    list_add(&page->list, head);
}

static inline void
page_list_add_tail(struct page_info *page, struct page_list_head *head)
{
    list_add_tail(&page->list, head);
}

static inline void
page_list_del(struct page_info *page, struct page_list_head *head)
{
    list_del(&page->list);
}

static inline struct page_info *
page_list_remove_head(struct page_list_head *head)
{
    struct page_info *page = NULL;

    if ( !page_list_empty(head) )
    {
        page = page_list_first(head);
        page_list_del(page, head);
    }

    return page;
}

#endif /* __XEN_MM_H__ */
