/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_PREEMPT_H__
#define __XEN_PREEMPT_H__

#include <xen/percpu.h>

/* Depth of nested sections that must not be descheduled. */
DECLARE_PER_CPU(unsigned int, __preempt_count);

#define preempt_count()    (this_cpu(__preempt_count))
#define preempt_disable()  do { preempt_count()++; barrier(); } while ( 0 )
#define preempt_enable()   do { barrier(); preempt_count()--; } while ( 0 )

#endif /* __XEN_PREEMPT_H__ */
