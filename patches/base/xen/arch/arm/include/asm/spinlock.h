/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_SPINLOCK_H
#define __ASM_SPINLOCK_H

#define arch_lock_acquire_barrier() smp_mb()
#define arch_lock_release_barrier() smp_mb()

#endif /* __ASM_SPINLOCK_H */
