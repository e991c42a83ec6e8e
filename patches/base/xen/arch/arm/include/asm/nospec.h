/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_ARM_NOSPEC_H
#define _ASM_ARM_NOSPEC_H

#include <xen/types.h>

static inline bool evaluate_nospec(bool condition)
{
    return condition;
}

#endif /* _ASM_ARM_NOSPEC_H */
