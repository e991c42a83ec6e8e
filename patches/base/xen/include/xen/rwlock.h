/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queued reader/writer lock. One word holds everything: the writer's CPU in
 * the low bits, two writer flags above it, the number of readers on top.
 */
#ifndef __XEN_RWLOCK_H__
#define __XEN_RWLOCK_H__

#include <xen/percpu.h>
#include <xen/preempt.h>
#include <xen/spinlock.h>
#include <asm/atomic.h>
#include <asm/system.h>

typedef struct {
    atomic_t cnts;
    spinlock_t lock;    /* where those who must wait queue up */
} rwlock_t;

#define RW_LOCK_UNLOCKED { .cnts = ATOMIC_INIT(0), .lock = SPIN_LOCK_UNLOCKED }
#define rwlock_init(l)   (*(l) = (rwlock_t)RW_LOCK_UNLOCKED)

#define _QW_SHIFT    14
#define _QW_CPUMASK  ((1U << _QW_SHIFT) - 1)
#define _QW_WAITING  (1U << _QW_SHIFT)
#define _QW_LOCKED   (3U << _QW_SHIFT)
#define _QW_WMASK    (3U << _QW_SHIFT)
#define _QR_SHIFT    (_QW_SHIFT + 2)
#define _QR_BIAS     (1U << _QR_SHIFT)

void queue_read_lock_slowpath(rwlock_t *lock);
void queue_write_lock_slowpath(rwlock_t *lock);

static inline bool _is_write_locked_by_me(unsigned int cnts)
{
    BUILD_BUG_ON((_QW_CPUMASK + 1) < NR_CPUS);

    if ( (cnts & _QW_WMASK) != _QW_LOCKED )
        return false;

    return (cnts & _QW_CPUMASK) == smp_processor_id();
}

/* The writer itself may read: the lock nests in that one way. */
static inline bool _can_read_lock(unsigned int cnts)
{
    if ( cnts > INT_MAX )
        return false;

    return !(cnts & _QW_WMASK) || _is_write_locked_by_me(cnts);
}

static inline void _read_lock(rwlock_t *lock)
{
    unsigned int cnts;

    preempt_disable();
    cnts = atomic_add_return(_QR_BIAS, &lock->cnts);
    if ( unlikely(!_can_read_lock(cnts)) )
        queue_read_lock_slowpath(lock);
}

static inline void _read_unlock(rwlock_t *lock)
{
    arch_lock_release_barrier();
    atomic_sub(_QR_BIAS, &lock->cnts);
    preempt_enable();
}

static inline unsigned int _write_lock_val(void)
{
    return _QW_LOCKED | smp_processor_id();
}

static inline void _write_lock(rwlock_t *lock)
{
    preempt_disable();
    if ( unlikely(atomic_cmpxchg(&lock->cnts, 0, _write_lock_val()) != 0) )
        queue_write_lock_slowpath(lock);
}

static inline void _write_unlock(rwlock_t *lock)
{
    ASSERT(_is_write_locked_by_me(atomic_read(&lock->cnts)));
    arch_lock_release_barrier();
    atomic_and(~(_QW_CPUMASK | _QW_WMASK), &lock->cnts);
    preempt_enable();
}

static inline int _rw_is_locked(const rwlock_t *lock)
{
    return atomic_read(&lock->cnts);
}

static inline int _rw_is_write_locked(const rwlock_t *lock)
{
    return (atomic_read(&lock->cnts) & _QW_WMASK) == _QW_LOCKED;
}

static always_inline void read_lock(rwlock_t *l)
{
    _read_lock(l);
    block_lock_speculation();
}

static always_inline void write_lock(rwlock_t *l)
{
    _write_lock(l);
    block_lock_speculation();
}

#define read_unlock(l)         _read_unlock(l)
#define write_unlock(l)        _write_unlock(l)
#define rw_is_locked(l)        _rw_is_locked(l)
#define rw_is_write_locked(l)  _rw_is_write_locked(l)

#endif /* __XEN_RWLOCK_H__ */
