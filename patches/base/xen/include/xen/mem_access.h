/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XEN_MEM_ACCESS_H
#define _XEN_MEM_ACCESS_H

#include <xen/types.h>

/* What a monitor lets the guest do with a page, on top of the page's type. */
typedef enum {
    p2m_access_n     = 0,
    p2m_access_r     = 1 << 0,
    p2m_access_w     = 1 << 1,
    p2m_access_x     = 1 << 2,
    p2m_access_rw    = p2m_access_r | p2m_access_w,
    p2m_access_rx    = p2m_access_r | p2m_access_x,
    p2m_access_wx    = p2m_access_w | p2m_access_x,
    p2m_access_rwx   = p2m_access_r | p2m_access_w | p2m_access_x,

    /* Plain rights until an access changes them. */
    p2m_access_rx2rw = 8,
    p2m_access_n2rwx = 9,
    p2m_access_r_pw  = 10,
} p2m_access_t;

#endif /* _XEN_MEM_ACCESS_H */
