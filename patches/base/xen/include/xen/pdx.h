/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page index: the frame number with a hole of always-zero bits cut out, so
 * that the frame table and the direct map need no space for the hole.
 */
#ifndef __XEN_PDX_H__
#define __XEN_PDX_H__

#ifdef CONFIG_PDX_COMPRESSION

/* Frame-number bits below and above the hole, and how wide it is. */
extern unsigned long pfn_pdx_bottom_mask, pfn_top_mask;
extern unsigned int pfn_pdx_hole_shift;
/* The same two sets of bits, for addresses. */
extern unsigned long ma_va_bottom_mask, ma_top_mask;

static inline unsigned long pfn_to_pdx(unsigned long pfn)
{
    unsigned long top = (pfn & pfn_top_mask) >> pfn_pdx_hole_shift;

    return top | (pfn & pfn_pdx_bottom_mask);
}

static inline unsigned long pdx_to_pfn(unsigned long pdx)
{
    unsigned long top = (pdx << pfn_pdx_hole_shift) & pfn_top_mask;

    return top | (pdx & pfn_pdx_bottom_mask);
}

static inline unsigned long maddr_to_directmapoff(paddr_t ma)
{
    unsigned long top = (ma & ma_top_mask) >> pfn_pdx_hole_shift;

    return top | (ma & ma_va_bottom_mask);
}

#else /* !CONFIG_PDX_COMPRESSION */

#define pfn_to_pdx(x)             (x)
#define pdx_to_pfn(x)             (x)
#define maddr_to_directmapoff(x)  (x)

#endif /* CONFIG_PDX_COMPRESSION */

/* Is there a page of memory, with an entry in the frame table, at this mfn? */
bool __mfn_valid(unsigned long mfn);

#define mfn_to_pdx(mfn) pfn_to_pdx(mfn_x(mfn))
#define pdx_to_mfn(pdx) _mfn(pdx_to_pfn(pdx))

#endif /* __XEN_PDX_H__ */
