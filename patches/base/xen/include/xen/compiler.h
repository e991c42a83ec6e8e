/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_COMPILER_H
#define __XEN_COMPILER_H

#define likely(x)       __builtin_expect(!!(x), 1)
#define unlikely(x)     __builtin_expect(!!(x), 0)
#define unreachable()   __builtin_unreachable()
#define barrier()       __asm__ __volatile__("" : : : "memory")

#define always_inline   inline __attribute__((__always_inline__))
#define noreturn        __attribute__((__noreturn__))
#define fallthrough     __attribute__((__fallthrough__))
#define attr_const      __attribute__((__const__))
#define cf_check
#define __packed        __attribute__((__packed__))
#define __aligned(n)    __attribute__((__aligned__(n)))
#define __section(s)    __attribute__((__section__(s)))
#define __used          __attribute__((__used__))
#define __used_section(s) __used __section(s)
#define __must_check    __attribute__((__warn_unused_result__))
#define __maybe_unused  __attribute__((__unused__))

#define offsetof(type, member) __builtin_offsetof(type, member)

#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 201112L
#define alignof __alignof__
#endif

/* Fails to build for a pointer, which an array decays to but is not. */
#define __must_be_array(a) \
    BUILD_BUG_ON_ZERO(__builtin_types_compatible_p(typeof(a), typeof(&(a)[0])))

/* Move a pointer without the compiler seeing which object it now names. */
#define RELOC_HIDE(ptr, off)                        \
    ({ unsigned long __ptr;                         \
       __asm__ ("" : "=r" (__ptr) : "0" (ptr));     \
       (typeof(ptr))(__ptr + (off)); })

#endif /* __XEN_COMPILER_H */
