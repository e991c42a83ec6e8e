/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypervisor virtual memory, in slots of 512 GiB:
 *
 *   slots   0..19    kept free for an identity mapping of Xen
 *   slot       20    Xen at +2M, vmap at +1G, frame table at +32G
 *   slots 256..265   direct map of all memory
 *
 * On arm32 there are 4 GiB: Xen at 2M, frame table at 32M, vmap at 256M, Xen's
 * own heap at 1G, and from 2G on what map_domain_page() maps.
 */
#ifndef __ARM_MMU_LAYOUT_H__
#define __ARM_MMU_LAYOUT_H__

#ifdef CONFIG_ARM_64

#define SLOT0_ENTRY_BITS        39
#define SLOT0(slot)             (_AT(vaddr_t, slot) << SLOT0_ENTRY_BITS)
#define SLOT0_ENTRY_SIZE        SLOT0(1)

#define IDENTITY_MAPPING_AREA_NR_L0 20
#define XEN_VM_MAPPING          SLOT0(IDENTITY_MAPPING_AREA_NR_L0)

#define XEN_VIRT_START          (XEN_VM_MAPPING + _AT(vaddr_t, MB(2)))
#define XEN_VIRT_SIZE           _AT(vaddr_t, MB(8))

#define FRAMETABLE_VIRT_START   (XEN_VM_MAPPING + GB(32))
#define FRAMETABLE_SIZE         GB(32)
#define FRAMETABLE_NR           (FRAMETABLE_SIZE / sizeof(*frame_table))

#define DIRECTMAP_VIRT_START    SLOT0(256)
#define DIRECTMAP_SIZE          (SLOT0_ENTRY_SIZE * (266 - 256))
#define DIRECTMAP_VIRT_END      (DIRECTMAP_VIRT_START + DIRECTMAP_SIZE - 1)

/* Where the first byte of memory is in it. */
#define XENHEAP_VIRT_START      directmap_virt_start

#else /* CONFIG_ARM_32 */

#define XEN_VIRT_START          _AT(vaddr_t, MB(2))
#define XEN_VIRT_SIZE           _AT(vaddr_t, MB(8))

#define FRAMETABLE_VIRT_START   _AT(vaddr_t, MB(32))
#define FRAMETABLE_SIZE         MB(128 - 32)
#define FRAMETABLE_NR           (FRAMETABLE_SIZE / sizeof(*frame_table))

#define XENHEAP_VIRT_START      _AT(vaddr_t, GB(1))
#define DOMHEAP_VIRT_START      _AT(vaddr_t, GB(2))

#endif /* CONFIG_ARM_64 */

#endif /* __ARM_MMU_LAYOUT_H__ */
