/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_FRAME_NUM_H__
#define __XEN_FRAME_NUM_H__

#include <xen/kernel.h>
#include <xen/typesafe.h>

/* Machine frames: real physical memory. */
TYPE_SAFE(unsigned long, mfn);
#define PRI_mfn          "05lx"
#define INVALID_MFN_RAW  (~0UL)
#define INVALID_MFN      _mfn(INVALID_MFN_RAW)

static inline mfn_t __must_check mfn_add(mfn_t mfn, unsigned long i)
{
    return _mfn(mfn_x(mfn) + i);
}

static inline bool mfn_eq(mfn_t x, mfn_t y)
{
    return mfn_x(x) == mfn_x(y);
}

/* Guest frames: intermediate physical addresses. */
TYPE_SAFE(unsigned long, gfn);
#define PRI_gfn          "05lx"
#define INVALID_GFN_RAW  (~0UL)
#define INVALID_GFN      _gfn(INVALID_GFN_RAW)

static inline gfn_t __must_check gfn_add(gfn_t gfn, unsigned long i)
{
    return _gfn(gfn_x(gfn) + i);
}

static inline gfn_t gfn_max(gfn_t x, gfn_t y)
{
    return _gfn(max(gfn_x(x), gfn_x(y)));
}

static inline gfn_t gfn_min(gfn_t x, gfn_t y)
{
    return _gfn(min(gfn_x(x), gfn_x(y)));
}

static inline bool gfn_eq(gfn_t x, gfn_t y)
{
    return gfn_x(x) == gfn_x(y);
}

#endif /* __XEN_FRAME_NUM_H__ */
