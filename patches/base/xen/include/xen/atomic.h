/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_ATOMIC_H__
#define __XEN_ATOMIC_H__

typedef struct { int counter; } atomic_t;

#define ATOMIC_INIT(i) { (i) }

#endif /* __XEN_ATOMIC_H__ */
