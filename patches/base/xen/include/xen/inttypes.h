/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_INTTYPES_H
#define __XEN_INTTYPES_H

#define PRIx32 "x"
#ifdef CONFIG_ARM_64
#define PRIx64 "lx"
#define PRIu64 "lu"
#else
#define PRIx64 "llx"
#define PRIu64 "llu"
#endif

#endif /* __XEN_INTTYPES_H */
