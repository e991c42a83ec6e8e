/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM_CPUFEATURE_H
#define __ASM_ARM_CPUFEATURE_H

/* System capabilities: bit numbers in cpu_hwcaps, and in ALTERNATIVE. */
#define ARM64_WORKAROUND_CLEAN_CACHE            0
#define ARM64_WORKAROUND_DEVICE_LOAD_ACQUIRE    1
#define ARM32_WORKAROUND_766422                 2
#define ARM64_WORKAROUND_834220                 3
#define LIVEPATCH_FEATURE                       4
#define SKIP_SYNCHRONIZE_SERROR_ENTRY_EXIT      5
#define ARM_HARDEN_BRANCH_PREDICTOR             6
#define ARM_SSBD                                7
#define ARM_SMCCC_1_1                           8
#define ARM64_WORKAROUND_AT_SPECULATE           9
#define ARM_WORKAROUND_858921                   10
#define ARM64_WORKAROUND_REPEAT_TLBI            11
#define ARM_WORKAROUND_BHB_LOOP_8               12
#define ARM_WORKAROUND_BHB_LOOP_24              13
#define ARM_WORKAROUND_BHB_LOOP_32              14
#define ARM_WORKAROUND_BHB_SMCC_3               15
#define ARM_HAS_SB                              16
#define ARM64_WORKAROUND_1508412                17

#define ARM_NCAPS                               18

#include <xen/bitops.h>
#include <xen/lib.h>
#include <xen/types.h>

/* Set while CPUs come up, constant once the system runs. */
extern DECLARE_BITMAP(cpu_hwcaps, ARM_NCAPS);

static inline bool cpus_have_cap(unsigned int num)
{
    return num < ARM_NCAPS && test_bit(num, cpu_hwcaps);
}

/* The same for code that only runs after the alternatives were applied. */
#define cpus_have_const_cap(num) ({                                     \
        register_t have_;                                               \
        asm volatile (ALTERNATIVE("mov %0, #0", "mov %0, #1", num)      \
                      : "=r" (have_));                                  \
        unlikely(have_); })

/*
 * ID registers, as read (bits) and field by field. In system_cpuinfo each
 * field has the least value that any CPU reports.
 */
struct cpuinfo_arm {
    union {
        register_t bits;
        struct {
            unsigned long revision:4;
            unsigned long part_number:12;
            unsigned long architecture:4;
            unsigned long variant:4;
            unsigned long implementer:8;
#ifdef CONFIG_ARM_64
            unsigned long _res0:32;
#endif
        };
    } midr;

#ifdef CONFIG_ARM_64
    union {
        register_t bits[2];
        struct {
            /* PFR0 */
            unsigned long el0:4;
            unsigned long el1:4;
            unsigned long el2:4;
            unsigned long el3:4;
            unsigned long fp:4;
            unsigned long simd:4;
            unsigned long gic:4;
            unsigned long ras:4;
            unsigned long sve:4;
            unsigned long sel2:4;
            unsigned long mpam:4;
            unsigned long amu:4;
            unsigned long dit:4;
            unsigned long __res0:4;
            unsigned long csv2:4;
            unsigned long csv3:4;

            /* PFR1 */
            unsigned long __res1:64;
        };
    } pfr64;

    union {
        register_t bits[3];
        struct {
            /* MMFR0 */
            unsigned long pa_range:4;
            unsigned long asid_bits:4;
            unsigned long bigend:4;
            unsigned long secure_ns:4;
            unsigned long bigend_el0:4;
            unsigned long tgranule_16K:4;
            unsigned long tgranule_64K:4;
            unsigned long tgranule_4K:4;
            unsigned long tgranule_16k_2:4;
            unsigned long tgranule_64k_2:4;
            unsigned long tgranule_4k_2:4;
            unsigned long exs:4;
            unsigned long __res0:8;
            unsigned long fgt:4;
            unsigned long ecv:4;

            /* MMFR1 */
            unsigned long hafdbs:4;
            unsigned long vmid_bits:4;
            unsigned long vh:4;
            unsigned long hpds:4;
            unsigned long lo:4;
            unsigned long pan:4;
            unsigned long specsei:4;
            unsigned long xnx:4;
            unsigned long twed:4;
            unsigned long ets:4;
            unsigned long __res1:4;
            unsigned long afp:4;
            unsigned long __res2:12;
            unsigned long ecbhb:4;

            /* MMFR2 */
            unsigned long __res3:64;
        };
    } mm64;

    union {
        register_t bits[3];
        struct {
            /* ISAR0 */
            unsigned long __res0:4;
            unsigned long aes:4;
            unsigned long sha1:4;
            unsigned long sha2:4;
            unsigned long crc32:4;
            unsigned long atomic:4;
            unsigned long __res1:4;
            unsigned long rdm:4;
            unsigned long sha3:4;
            unsigned long sm3:4;
            unsigned long sm4:4;
            unsigned long dp:4;
            unsigned long fhm:4;
            unsigned long ts:4;
            unsigned long tlb:4;
            unsigned long rndr:4;

            /* ISAR1, ISAR2 */
            unsigned long __res2:64;
            unsigned long __res3:64;
        };
    } isa64;
#else
    struct {
        register_t bits[3];
    } pfr32;

    struct {
        register_t bits[6];
    } mm32;

    struct {
        register_t bits[7];
    } isa32;
#endif

    struct {
        register_t bits[1];
    } ctr;
};

extern struct cpuinfo_arm system_cpuinfo;

#endif /* __ASM_ARM_CPUFEATURE_H */
