/* SPDX-License-Identifier: GPL-2.0-only */
/* All memory is in the direct map: mapping a page is arithmetic. */
#ifndef __XEN_DOMAIN_PAGE_H__
#define __XEN_DOMAIN_PAGE_H__

#include <xen/mm.h>

#define map_domain_page(mfn)    __mfn_to_virt(mfn_x(mfn))
#define __map_domain_page(pg)   page_to_virt(pg)
#define unmap_domain_page(ptr)  ((void)(ptr))

#endif /* __XEN_DOMAIN_PAGE_H__ */
