/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_BUG_H__
#define __XEN_BUG_H__

#include <xen/macros.h>
#include <xen/types.h>

#define BUGFRAME_run_fn 0
#define BUGFRAME_warn   1
#define BUGFRAME_bug    2
#define BUGFRAME_assert 3
#define BUGFRAME_NR     4

#include <asm/bug.h>

#define BUG_ON(p) do { if ( unlikely(p) ) BUG(); } while ( 0 )

#ifndef NDEBUG
#define ASSERT(p) do { if ( unlikely(!(p)) ) assert_failed(#p); } while ( 0 )
#define ASSERT_UNREACHABLE() assert_failed("unreachable")
#else
#define ASSERT(p) do { if ( 0 && (p) ) {} } while ( 0 )
#define ASSERT_UNREACHABLE() do { } while ( 0 )
#endif

#endif /* __XEN_BUG_H__ */
