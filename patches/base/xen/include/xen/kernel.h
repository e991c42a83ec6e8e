/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_KERNEL_H
#define __XEN_KERNEL_H

#include <xen/macros.h>
#include <xen/types.h>

/* The object that holds *ptr as its member. */
#define container_of(ptr, type, member) ({                      \
        typeof(((type *)0)->member) *member_ptr = (ptr);        \
        (type *)((char *)member_ptr - offsetof(type, member)); })

extern enum system_state {
    SYS_STATE_early_boot,
    SYS_STATE_boot,
    SYS_STATE_smp_boot,
    SYS_STATE_active,
    SYS_STATE_suspend,
    SYS_STATE_resume
} system_state;

#endif /* __XEN_KERNEL_H */
