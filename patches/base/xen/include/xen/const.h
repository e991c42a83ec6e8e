/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_CONST_H__
#define __XEN_CONST_H__

/* Constants with a suffix or a cast. */
#define __AC(value, suffix) (value##suffix)
#define _AC(value, suffix)  __AC(value, suffix)
#define _AT(type, value)    ((type)(value))

#define BIT(pos, suffix)    (_AC(1, suffix) << (pos))

#endif /* __XEN_CONST_H__ */
