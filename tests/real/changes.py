"""Patches for a real Xen tree, made by replacing short strings in its files."""

from __future__ import annotations

import difflib
from pathlib import Path

MMU_P2M = "xen/arch/arm/mmu/p2m.c"
FLUSHTLB = "xen/arch/arm/include/asm/arm64/flushtlb.h"

Change = tuple[str, str, str]  # file, old text, new text


def patch(tree: Path, changes: list[Change]) -> bytes:
    """Return the diff of replacing each old text, which must occur once."""
    files: dict[str, str] = {}
    for name, old, new in changes:
        text = files.setdefault(name, (tree / name).read_text())
        assert text.count(old) == 1, f"{name}: {old!r} occurs {text.count(old)} times"
        files[name] = text.replace(old, new)
    return b"".join(_diff(tree, name, text) for name, text in files.items())


def _diff(tree: Path, name: str, text: str) -> bytes:
    lines = difflib.unified_diff(
        (tree / name).read_text().splitlines(keepends=True),
        text.splitlines(keepends=True),
        f"a/{name}",
        f"b/{name}",
    )
    return "".join(lines).encode()


_BY_IPA = """
/* One leaf of the current VMID: its stage-2 entries, then the combined ones. */
static inline void flush_guest_tlb_leaf(paddr_t ipa)
{
    asm volatile (
        "dsb  ishst;"
        "tlbi ipas2e1is, %0;"
        "dsb  ish;"
        "tlbi vmalle1is;"
        ALTERNATIVE(
            "nop; nop;",
            "dsb  ish;"
            "tlbi vale2is, xzr;",
            ARM64_WORKAROUND_REPEAT_TLBI,
            CONFIG_ARM64_WORKAROUND_REPEAT_TLBI)
        "dsb  ish;"
        "isb;"
        : : "r" (ipa >> PAGE_SHIFT) : "memory");
}
"""

_FLUSH_LEAF = """
static void p2m_flush_leaf(struct p2m_domain *p2m, gfn_t gfn)
{
    unsigned long flags = 0;
    uint64_t loaded = READ_SYSREG64(VTTBR_EL2);

    if ( loaded != p2m->vttbr )
    {
        uint64_t wanted = p2m->vttbr;

        local_irq_save(flags);
        if ( cpus_have_const_cap(ARM64_WORKAROUND_AT_SPECULATE) )
            wanted = generate_vttbr(p2m->vmid, empty_root_mfn);
        WRITE_SYSREG64(wanted, VTTBR_EL2);
        isb();
    }

    flush_guest_tlb_leaf(gfn_to_gaddr(gfn));

    if ( loaded != READ_SYSREG64(VTTBR_EL2) )
    {
        WRITE_SYSREG64(loaded, VTTBR_EL2);
        isb();
        local_irq_restore(flags);
    }
}

"""

# What the list asked for: by IPA where one leaf is removed, complete.
IPA_FLUSH: list[Change] = [
    (
        FLUSHTLB,
        "TLB_HELPER(flush_guest_tlb, vmalls12e1is)\n",
        "TLB_HELPER(flush_guest_tlb, vmalls12e1is)\n"
        "TLB_HELPER_LOCAL(flush_guest_tlb_s1_local, vmalle1)\n",
    ),
    (FLUSHTLB, "#undef TLB_HELPER\n", "#undef TLB_HELPER\n" + _BY_IPA),
    (
        MMU_P2M,
        "        flush_guest_tlb_local();\n",
        "        flush_guest_tlb_s1_local();\n",
    ),
    (
        MMU_P2M,
        "void p2m_tlb_flush_sync(struct p2m_domain *p2m)\n{",
        _FLUSH_LEAF.lstrip() + "void p2m_tlb_flush_sync(struct p2m_domain *p2m)\n{",
    ),
    (
        MMU_P2M,
        "        p2m->need_flush |= !!lpae_is_valid(orig_pte);\n",
        "    {\n"
        "        if ( lpae_is_valid(orig_pte) && lpae_is_mapping(orig_pte, level) )\n"
        "            p2m_flush_leaf(p2m, sgfn);\n"
        "        else\n"
        "            p2m->need_flush |= !!lpae_is_valid(orig_pte);\n"
        "    }\n",
    ),
]
