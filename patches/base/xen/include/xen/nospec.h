/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_NOSPEC_H__
#define __XEN_NOSPEC_H__

#include <asm/nospec.h>

static always_inline void block_lock_speculation(void)
{
}

#endif /* __XEN_NOSPEC_H__ */
