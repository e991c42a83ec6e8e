/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARCH_ARM_ATOMIC__
#define __ARCH_ARM_ATOMIC__

#include <xen/atomic.h>
#include <xen/lib.h>
#include <asm/system.h>

/* One load or store instruction of the size named. */
#define build_atomic_access(bits, type, suffix, reg)                        \
static inline type read_u##bits##_atomic(const volatile type *addr)         \
{                                                                           \
    type ret;                                                               \
    asm volatile ("ldr" suffix " %" reg "0, %1" : "=r" (ret) : "m" (*addr));\
    return ret;                                                             \
}                                                                           \
static inline void write_u##bits##_atomic(volatile type *addr, type val)    \
{                                                                           \
    asm volatile ("str" suffix " %" reg "1, %0" : "=m" (*addr) : "r" (val));\
}

#ifdef CONFIG_ARM_64
build_atomic_access(8,  uint8_t,  "b", "w")
build_atomic_access(16, uint16_t, "h", "w")
build_atomic_access(32, uint32_t, "",  "w")
build_atomic_access(64, uint64_t, "",  "")
#else
build_atomic_access(8,  uint8_t,  "b", "")
build_atomic_access(16, uint16_t, "h", "")
build_atomic_access(32, uint32_t, "",  "")
#endif

#undef build_atomic_access

#ifdef CONFIG_ARM_64
#include <asm/arm64/atomic.h>
#else
#include <asm/arm32/atomic.h>
#endif

/* Never defined: a call that is not optimised away does not link. */
void __bad_atomic_size(void);

static always_inline void write_atomic_size(volatile void *p, void *val,
                                            unsigned int size)
{
    ASSERT(IS_ALIGNED((vaddr_t)p, size));

    switch ( size )
    {
    case 1: write_u8_atomic(p, *(uint8_t *)val); break;
    case 2: write_u16_atomic(p, *(uint16_t *)val); break;
    case 4: write_u32_atomic(p, *(uint32_t *)val); break;
    case 8: write_u64_atomic(p, *(uint64_t *)val); break;
    default: __bad_atomic_size(); break;
    }
}

#define write_atomic(p, x) do {                             \
    typeof(*(p)) val_ = (x);                                \
    write_atomic_size(p, &val_, sizeof(*(p)));              \
} while ( 0 )

static inline int atomic_read(const atomic_t *v)
{
    return *(const volatile int *)&v->counter;
}

#endif /* __ARCH_ARM_ATOMIC__ */
