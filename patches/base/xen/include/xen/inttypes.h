/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_INTTYPES_H
#define __XEN_INTTYPES_H

#define PRIx32 "x"
#define PRIx64 "lx"
#define PRIu64 "lu"

#endif /* __XEN_INTTYPES_H */
