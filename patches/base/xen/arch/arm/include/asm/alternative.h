/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code that depends on the CPU. ALTERNATIVE(old, new, feature[, config]) is
 * old, and is overwritten with new at boot on a system that has the feature.
 * Both must be of one length. With a config option that is off, there is no
 * code at all.
 */
#ifndef __ASM_ALTERNATIVE_H
#define __ASM_ALTERNATIVE_H

#include <xen/stringify.h>
#include <xen/types.h>
#include <asm/cpufeature.h>

/* One entry of the table that the patching at boot goes through. */
struct alt_instr {
    int32_t  orig_offset;
    int32_t  repl_offset;
    uint16_t cpufeature;
    uint8_t  orig_len;
    uint8_t  repl_len;
};

#define ALTINSTR_ENTRY(feature)                             \
    " .word 661b - .\n"                                     \
    " .word 663f - .\n"                                     \
    " .hword " __stringify(feature) "\n"                    \
    " .byte 662b-661b\n"                                    \
    " .byte 664f-663f\n"

/* The .org lines are errors unless the two lengths are equal. */
#define __ALTERNATIVE_CFG(oldinstr, newinstr, feature, cfg_enabled) \
    ".if " __stringify(cfg_enabled) " == 1\n"               \
    "661:\n\t"                                              \
    oldinstr "\n"                                           \
    "662:\n"                                                \
    ".pushsection .altinstructions,\"a\"\n"                 \
    ALTINSTR_ENTRY(feature)                                 \
    ".popsection\n"                                         \
    ".pushsection .altinstr_replacement, \"ax\"\n"          \
    "663:\n\t"                                              \
    newinstr "\n"                                           \
    "664:\n\t"                                              \
    ".popsection\n\t"                                       \
    ".org . - (664b-663b) + (662b-661b)\n\t"                \
    ".org . - (662b-661b) + (664b-663b)\n"                  \
    ".endif\n"

#define _ALTERNATIVE_CFG(oldinstr, newinstr, feature, cfg, ...) \
    __ALTERNATIVE_CFG(oldinstr, newinstr, feature, IS_ENABLED(cfg))

#define ALTERNATIVE(oldinstr, newinstr, ...) \
    _ALTERNATIVE_CFG(oldinstr, newinstr, __VA_ARGS__, 1)

#endif /* __ASM_ALTERNATIVE_H */
