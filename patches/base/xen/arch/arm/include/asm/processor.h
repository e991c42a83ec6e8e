/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ASM_ARM_PROCESSOR_H
#define __ASM_ARM_PROCESSOR_H

#include <xen/const.h>
#include <xen/types.h>
#include <public/xen.h>

/* SCTLR_ELx: MMU and data cache on. */
#define SCTLR_Axx_ELx_M  BIT(0, UL)
#define SCTLR_Axx_ELx_C  BIT(2, UL)

/* HCR_EL2: stage 2 on; broadcast the guest's TLB maintenance; trap VM regs. */
#define HCR_VM           BIT(0, UL)
#define HCR_FB           BIT(9, UL)
#define HCR_TVM          BIT(26, UL)

/* VTCR_EL2: how stage-2 tables are walked. */
#define VTCR_T0SZ(x)     ((x) << 0)
#define VTCR_SL0(x)      ((x) << 6)
#define VTCR_IRGN0_WBWA  (_AC(0x1, UL) << 8)
#define VTCR_ORGN0_WBWA  (_AC(0x1, UL) << 10)
#define VTCR_SH0_IS      (_AC(0x3, UL) << 12)
#define VTCR_TG0_4K      (_AC(0x0, UL) << 14)
#define VTCR_PS(x)       ((x) << 16)
#define VTCR_VS          (_AC(0x1, UL) << 19)
#define VTCR_RES1        (_AC(0x1, UL) << 31)

/* Values of ID_AA64MMFR1_EL1.VMIDBits. */
#define MM64_VMID_8_BITS_SUPPORT  0x0
#define MM64_VMID_16_BITS_SUPPORT 0x2

/* What is saved of a guest on entry to the hypervisor: the part read here. */
struct cpu_user_regs
{
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t cpsr;
};

#define vcpu_hcr_set_flags(v, flags) do {           \
    ASSERT((v) == current);                         \
    (v)->arch.hcr_el2 |= (flags);                   \
    WRITE_SYSREG((v)->arch.hcr_el2, HCR_EL2);       \
} while ( 0 )

#define vcpu_hcr_clear_flags(v, flags) do {         \
    ASSERT((v) == current);                         \
    (v)->arch.hcr_el2 &= ~(flags);                  \
    WRITE_SYSREG((v)->arch.hcr_el2, HCR_EL2);       \
} while ( 0 )

#endif /* __ASM_ARM_PROCESSOR_H */
