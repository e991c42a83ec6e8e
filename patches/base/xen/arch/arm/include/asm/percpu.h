/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_PERCPU_H__
#define __ARM_PERCPU_H__

/* The offset of this CPU's copies is in TPIDR_EL2: get_per_cpu_offset(). */

#endif /* __ARM_PERCPU_H__ */
