/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_IOREQ_H__
#define __XEN_IOREQ_H__

#include <xen/sched.h>

bool domain_has_ioreq_server(const struct domain *d);
void ioreq_request_mapcache_invalidate(const struct domain *d);

#endif /* __XEN_IOREQ_H__ */
