/* SPDX-License-Identifier: GPL-2.0-only */
/* Access to the content of a page that may not be mapped. */
#ifndef __XEN_DOMAIN_PAGE_H__
#define __XEN_DOMAIN_PAGE_H__

#include <xen/mm.h>

#ifdef CONFIG_ARM_64

/* All memory is in the direct map: mapping a page is arithmetic. */
#define map_domain_page(mfn)    __mfn_to_virt(mfn_x(mfn))
#define __map_domain_page(pg)   page_to_virt(pg)
#define unmap_domain_page(ptr)  ((void)(ptr))

#else

/* Mapped from the first call to as many calls of the second, on this CPU. */
void *map_domain_page(mfn_t mfn);
void unmap_domain_page(const void *ptr);

#define __map_domain_page(pg)   map_domain_page(page_to_mfn(pg))

#endif

#endif /* __XEN_DOMAIN_PAGE_H__ */
