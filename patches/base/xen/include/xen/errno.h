/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_ERRNO_H__
#define __XEN_ERRNO_H__

/* The part of the public list that this tree returns. */
#define EPERM        1
#define ENOENT       2
#define EIO          5
#define EAGAIN      11
#define ENOMEM      12
#define EFAULT      14
#define EBUSY       16
#define EEXIST      17
#define EINVAL      22
#define ENOSYS      38
#define EILSEQ      84
#define ERESTART    85
#define EOPNOTSUPP  95

#endif /* __XEN_ERRNO_H__ */
