/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __XEN_KCONFIG_H
#define __XEN_KCONFIG_H

#include <generated/autoconf.h>

/*
 * IS_ENABLED(CONFIG_X) is 1 when CONFIG_X is defined to 1 and 0 otherwise,
 * in C and in #if alike: pasting a 1 yields a macro that adds an argument,
 * pasting anything else does not, and the second argument is what counts.
 */
#define __ARG_PLACEHOLDER_1                  0,
#define __config_second(first, second, ...)  second
#define __config_pick(maybe_extra)           __config_second(maybe_extra 1, 0)
#define _config_enabled(value) \
    __config_pick(__ARG_PLACEHOLDER_##value)
#define config_enabled(cfg)                  _config_enabled(cfg)
#define IS_ENABLED(option)                   config_enabled(option)

#endif /* __XEN_KCONFIG_H */
