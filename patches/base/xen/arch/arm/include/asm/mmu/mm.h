/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM_MMU_MM_H__
#define __ARM_MMU_MM_H__

extern mfn_t directmap_mfn_start, directmap_mfn_end;
extern vaddr_t directmap_virt_start, directmap_virt_end;
extern unsigned long directmap_base_pdx;

#define frame_table ((struct page_info *)FRAMETABLE_VIRT_START)

#endif /* __ARM_MMU_MM_H__ */
