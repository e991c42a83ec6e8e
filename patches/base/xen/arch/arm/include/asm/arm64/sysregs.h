/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM_ARM64_SYSREGS_H
#define __ASM_ARM_ARM64_SYSREGS_H

#include <xen/stringify.h>

/* For assemblers that do not know the name. */
#ifndef ID_AA64MMFR2_EL1
#define ID_AA64MMFR2_EL1             S3_0_C0_C7_2
#endif

/* id_aa64mmfr0 */
#define ID_AA64MMFR0_PARANGE_SHIFT   0
#define ID_AA64MMFR0_ASID_SHIFT      4

/* id_aa64mmfr1 */
#define ID_AA64MMFR1_HADBS_SHIFT     0
#define ID_AA64MMFR1_VMIDBITS_SHIFT  4
#define ID_AA64MMFR1_VHE_SHIFT       8
#define ID_AA64MMFR1_HPD_SHIFT       12
#define ID_AA64MMFR1_LOR_SHIFT       16
#define ID_AA64MMFR1_PAN_SHIFT       20
#define ID_AA64MMFR1_XNX_SHIFT       28
#define ID_AA64MMFR1_TWED_SHIFT      32
#define ID_AA64MMFR1_ETS_SHIFT       36
#define ID_AA64MMFR1_AFP_SHIFT       44
#define ID_AA64MMFR1_ECBHB_SHIFT     60

#define WRITE_SYSREG64(v, name) do {                                    \
    uint64_t _r = (v);                                                  \
    asm volatile ("msr " __stringify(name) ", %0" : : "r" (_r));        \
} while ( 0 )

#define READ_SYSREG64(name) ({                                          \
    uint64_t _r;                                                        \
    asm volatile ("mrs %0, " __stringify(name) : "=r" (_r));            \
    _r; })

/* A register is 64 bits wide here, whatever its fields are. */
#define READ_SYSREG(name)     READ_SYSREG64(name)
#define WRITE_SYSREG(v, name) WRITE_SYSREG64(v, name)

#endif /* __ASM_ARM_ARM64_SYSREGS_H */
