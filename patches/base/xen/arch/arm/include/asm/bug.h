/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A BRK traps, and an entry in a section of its own says what it stands for:
 * the distances from the entry to the BRK, to the file's name and to the
 * message, then the line.
 */
#ifndef __ARM_BUG_H__
#define __ARM_BUG_H__

#include <xen/stringify.h>

#define BRK_BUG_FRAME_IMM 1
#ifdef CONFIG_ARM_64
#define BUG_INSTR         "brk " __stringify(BRK_BUG_FRAME_IMM)
#else
#define BUG_INSTR         ".word 0xe7f000f0"    /* udf #0, which traps */
#endif

#define BUG_FRAME(type, line, file, has_msg, msg) do {                        \
    BUILD_BUG_ON((line) >> 16);                                               \
    BUILD_BUG_ON((type) >= BUGFRAME_NR);                                      \
    asm ("1:" BUG_INSTR "\n"                                                  \
         ".pushsection .rodata.str, \"aMS\", %progbits, 1\n"                  \
         "2:\t.asciz " __stringify(file) "\n"                                 \
         "3:\n"                                                               \
         ".if " #has_msg "\n"                                                 \
         "\t.asciz " #msg "\n"                                                \
         ".endif\n"                                                           \
         ".popsection\n"                                                      \
         ".pushsection .bug_frames." __stringify(type) ", \"a\", %progbits\n" \
         "4:\n"                                                               \
         ".p2align 2\n"                                                       \
         ".long (1b - 4b)\n"                                                  \
         ".long (2b - 4b)\n"                                                  \
         ".long (3b - 4b)\n"                                                  \
         ".hword " __stringify(line) ", 0\n"                                  \
         ".popsection");                                                      \
} while ( 0 )

#define BUG() do {                                                  \
    BUG_FRAME(BUGFRAME_bug, __LINE__, __FILE__, 0, "");             \
    unreachable();                                                  \
} while ( 0 )

#define assert_failed(msg) do {                                     \
    BUG_FRAME(BUGFRAME_assert, __LINE__, __FILE__, 1, msg);         \
    unreachable();                                                  \
} while ( 0 )

#endif /* __ARM_BUG_H__ */
