/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_SPINLOCK_H__
#define __XEN_SPINLOCK_H__

#include <xen/nospec.h>
#include <xen/types.h>
#include <asm/spinlock.h>
#include <asm/system.h>

/* Ticket lock: whoever holds ticket 'head' owns it. */
typedef union {
    uint32_t head_tail;
    struct {
        uint16_t head;
        uint16_t tail;
    };
} spinlock_tickets_t;

typedef struct spinlock {
    spinlock_tickets_t tickets;
} spinlock_t;

#define SPIN_LOCK_UNLOCKED { .tickets = { 0 } }
#define DEFINE_SPINLOCK(l) spinlock_t l = SPIN_LOCK_UNLOCKED
#define spin_lock_init(l)  (*(l) = (spinlock_t)SPIN_LOCK_UNLOCKED)

void _spin_lock(spinlock_t *lock);
void _spin_unlock(spinlock_t *lock);
bool _spin_is_locked(const spinlock_t *lock);

static always_inline void spin_lock(spinlock_t *l)
{
    _spin_lock(l);
    block_lock_speculation();
}

#define spin_unlock(l)    _spin_unlock(l)
#define spin_is_locked(l) _spin_is_locked(l)

#endif /* __XEN_SPINLOCK_H__ */
