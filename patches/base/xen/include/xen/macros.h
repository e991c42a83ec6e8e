/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_MACROS_H__
#define __XEN_MACROS_H__

#include <xen/compiler.h>

#define IS_ALIGNED(val, align)  (!((val) & ((align) - 1)))
#define ROUNDUP(x, a)           (((x) + (a) - 1) & ~((a) - 1))
#define ARRAY_SIZE(x) \
    (sizeof(x) / sizeof((x)[0]) + __must_be_array(x))

/* Stop the build when cond is true: as a statement, and as a zero. */
#define BUILD_BUG_ON(cond) ({ _Static_assert(!(cond), "!(" #cond ")"); })
#define BUILD_BUG_ON_ZERO(cond) \
    (sizeof(struct { char c; _Static_assert(!(cond), "!(" #cond ")"); }) & 0)

/* Both operands once, and of one type: comparing the addresses checks it. */
#define min(x, y)                           \
    ({  const typeof(x) x_min = (x);        \
        const typeof(y) y_min = (y);        \
        (void)(&x_min == &y_min);           \
        x_min < y_min ? x_min : y_min; })
#define max(x, y)                           \
    ({  const typeof(x) x_max = (x);        \
        const typeof(y) y_max = (y);        \
        (void)(&x_max == &y_max);           \
        x_max > y_max ? x_max : y_max; })
#define min_t(type, x, y)                   \
    ({  type x_t = (x);                     \
        type y_t = (y);                     \
        x_t < y_t ? x_t : y_t; })

#endif /* __XEN_MACROS_H__ */
