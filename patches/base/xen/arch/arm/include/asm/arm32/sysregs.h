/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System registers are those of coprocessor 15. Common code knows them by
 * the names that they have on arm64.
 */
#ifndef __ASM_ARM_ARM32_SYSREGS_H
#define __ASM_ARM_ARM32_SYSREGS_H

#include <xen/stringify.h>

/* 32 bits: coprocessor, opc1, CRn, CRm, opc2. 64 bits: coprocessor, opc1, CRm. */
#define SCTLR           p15, 0, c1, c0, 0
#define HCR             p15, 4, c1, c1, 0
#define VTCR            p15, 4, c2, c1, 2
#define VTTBR           p15, 6, c2
#define HTPIDR          p15, 4, c13, c0, 2

#define SCTLR_EL1       SCTLR
#define HCR_EL2         HCR
#define VTCR_EL2        VTCR
#define VTTBR_EL2       VTTBR
#define TPIDR_EL2       HTPIDR

/* Operations. */
#define ICIALLUIS       p15, 0, c7, c1, 0
#define BPIALLIS        p15, 0, c7, c1, 6
#define DCCMVAC         p15, 0, c7, c10, 1
#define DCCIMVAC        p15, 0, c7, c14, 1
#define TLBIALLIS       p15, 0, c8, c3, 0
#define TLBIALL         p15, 0, c8, c7, 0
#define TLBIALLHIS      p15, 4, c8, c3, 0
#define TLBIMVAHIS      p15, 4, c8, c3, 1
#define TLBIALLNSNHIS   p15, 4, c8, c3, 4
#define TLBIALLH        p15, 4, c8, c7, 0
#define TLBIMVAH        p15, 4, c8, c7, 1
#define TLBIALLNSNH     p15, 4, c8, c7, 4

/* The register to move goes in between. */
#define __CP32(r, coproc, opc1, crn, crm, opc2) coproc, opc1, r, crn, crm, opc2
#define __CP64(r1, r2, coproc, opc1, crm)       coproc, opc1, r1, r2, crm
#define CP32(r, name...)         __CP32(r, name)
#define CP64(r1, r2, name...)    __CP64(r1, r2, name)

#define LOAD_CP32(r, name...)    "mrc " __stringify(CP32(%r, name)) ";"
#define STORE_CP32(r, name...)   "mcr " __stringify(CP32(%r, name)) ";"
#define LOAD_CP64(r, name...)    "mrrc " __stringify(CP64(%r, %H##r, name)) ";"
#define STORE_CP64(r, name...)   "mcrr " __stringify(CP64(%r, %H##r, name)) ";"
/* An operation that takes no operand still names a register. */
#define CMD_CP32(name...)        "mcr " __stringify(CP32(r0, name)) ";"

#define READ_CP32(name...) ({                                           \
    uint32_t r_;                                                        \
    asm volatile (LOAD_CP32(0, name) : "=r" (r_));                      \
    r_; })

#define WRITE_CP32(v, name...) do {                                     \
    uint32_t r_ = (v);                                                  \
    asm volatile (STORE_CP32(0, name) : : "r" (r_));                    \
} while ( 0 )

#define READ_CP64(name...) ({                                           \
    uint64_t r_;                                                        \
    asm volatile (LOAD_CP64(0, name) : "=r" (r_));                      \
    r_; })

#define WRITE_CP64(v, name...) do {                                     \
    uint64_t r_ = (v);                                                  \
    asm volatile (STORE_CP64(0, name) : : "r" (r_));                    \
} while ( 0 )

#define READ_SYSREG64(name...)     READ_CP64(name)
#define WRITE_SYSREG64(v, name...) WRITE_CP64(v, name)

/* Those that are as wide as a general-purpose register. */
#define READ_SYSREG(name...)       READ_CP32(name)
#define WRITE_SYSREG(v, name...)   WRITE_CP32(v, name)

#endif /* __ASM_ARM_ARM32_SYSREGS_H */
