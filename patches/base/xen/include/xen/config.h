/* SPDX-License-Identifier: GPL-2.0-only */
/* Included ahead of every unit with -include. */
#ifndef __XEN_CONFIG_H__
#define __XEN_CONFIG_H__

#include <xen/kconfig.h>
#include <xen/compiler.h>
#include <asm/config.h>

/* Console levels. The guest prefix marks text a guest can provoke. */
#define XENLOG_ERR       "<0>"
#define XENLOG_WARNING   "<1>"
#define XENLOG_INFO      "<2>"
#define XENLOG_DEBUG     "<3>"
#define XENLOG_GUEST     "<G>"
#define XENLOG_G_ERR     XENLOG_GUEST XENLOG_ERR
#define XENLOG_G_WARNING XENLOG_GUEST XENLOG_WARNING
#define XENLOG_G_INFO    XENLOG_GUEST XENLOG_INFO
#define XENLOG_G_DEBUG   XENLOG_GUEST XENLOG_DEBUG

#define KB(n)   (_AC(n, ULL) << 10)
#define MB(n)   (_AC(n, ULL) << 20)
#define GB(n)   (_AC(n, ULL) << 30)

#define NR_CPUS CONFIG_NR_CPUS

#ifndef CONFIG_DEBUG
#define NDEBUG
#endif

#endif /* __XEN_CONFIG_H__ */
