/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_XMALLOC_H__
#define __XEN_XMALLOC_H__

#include <xen/types.h>

void *_xzalloc(unsigned long size, unsigned long align);
void xfree(void *p);

static inline void *_xzalloc_array(unsigned long size, unsigned long align,
                                   unsigned long num)
{
    /* Refuse what cannot be meant rather than overflow. */
    if ( size && num > UINT_MAX / size )
        return NULL;

    return _xzalloc(size * num, align);
}

#define xzalloc(type) ((type *)_xzalloc(sizeof(type), __alignof__(type)))
#define xzalloc_array(type, num) \
    ((type *)_xzalloc_array(sizeof(type), __alignof__(type), num))

#endif /* __XEN_XMALLOC_H__ */
