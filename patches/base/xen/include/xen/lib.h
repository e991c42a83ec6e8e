/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_LIB_H__
#define __XEN_LIB_H__

#include <xen/bug.h>
#include <xen/errno.h>
#include <xen/inttypes.h>
#include <xen/macros.h>
#include <xen/types.h>

/* One access, which the compiler neither splits nor repeats. */
#define __ACCESS_ONCE(x) ({ (void)(typeof(x))0; (volatile typeof(x) *)&(x); })
#define ACCESS_ONCE(x)   (*__ACCESS_ONCE(x))

#define __read_mostly    __section(".data.read_mostly")

void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void noreturn panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define gprintk(lvl, fmt, args...) \
    printk(XENLOG_GUEST lvl "%pv " fmt, current, ## args)

void *memset(void *s, int c, size_t n);
void *memcpy(void *dest, const void *src, size_t n);
#define memset(s, c, n)       __builtin_memset(s, c, n)
#define memcpy(dest, src, n)  __builtin_memcpy(dest, src, n)

#endif /* __XEN_LIB_H__ */
