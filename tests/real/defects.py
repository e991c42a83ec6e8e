"""Changes of real trees: defects of Xen's history made again, and good changes.

Each names the rule that must be found, if any, and the scenarios that show it:
a run of all of them takes longer and finds no other rule at error level, but
those in ``besides``.
"""

from __future__ import annotations

from dataclasses import dataclass

from changes import FLUSHTLB, Change

__all__ = ["CHANGES", "P2M", "Known"]

P2M = {"4.17.5": "xen/arch/arm/p2m.c", "4.20.3": "xen/arch/arm/mmu/p2m.c"}

# A file, P2M or FLUSHTLB; old text; new text.  Blanks before a backslash at the end
# of a line differ between versions: "~" stands for as many as there are.
_P = "p2m"
_F = "flushtlb"


@dataclass(frozen=True)
class Known:
    """A change and what must be said of it."""

    edits: tuple[tuple[str, str, str], ...]
    rule: str | None
    scenarios: tuple[str, ...]
    besides: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ("P0-v8.0",)

    def on(self, version: str) -> list[Change]:
        """Return the replacements in the files of one version."""
        files = {_P: P2M[version], _F: FLUSHTLB}
        return [(files[file], old, new) for file, old, new in self.edits]


_BREAK = "        p2m_remove_pte(entry, p2m->clean_pte);\n"
_FLUSH = "        p2m_force_tlb_flush_sync(p2m);\n"
_MARK = "        p2m->need_flush |= !!lpae_is_valid(orig_pte);\n"
_SWITCH = (
    "    if ( *last_vcpu_ran != INVALID_VCPU_ID && *last_vcpu_ran != n->vcpu_id )\n"
    "        flush_guest_tlb_local();\n"
)
_NEW_VMID = (
    "    p2m_write_lock(p2m);\n"
    "    p2m_force_tlb_flush_sync(p2m);\n"
    "    p2m_write_unlock(p2m);\n"
    "\n"
    "    return 0;\n"
)
_BACK = (
    "    if ( ovttbr != READ_SYSREG64(VTTBR_EL2) )\n"
    "    {\n"
    "        WRITE_SYSREG64(ovttbr, VTTBR_EL2);\n"
    "        /* Ensure VTTBR_EL2 is back in place before continuing. */\n"
    "        isb();\n"
    "        local_irq_restore(flags);\n"
    "    }\n"
)
_TITLE = "/*\n * Force a synchronous P2M TLB flush.\n"

_HELPERS = ("flush-all-guests-tlb", "flush-all-guests-tlb-local", "flush-xen-tlb-local")

CHANGES: dict[str, Known] = {
    "wrong-kind": Known(
        ((_F, "(flush_guest_tlb, vmalls12e1is)", "(flush_guest_tlb, vmalle1is)"),),
        "tlbi-wrong-stage",
        ("unmap-4k", "create-domain"),
        ("vmid-reuse-without-flush",),
    ),
    "wrong-scope": Known(
        ((_P, "    flush_guest_tlb();\n", "    flush_guest_tlb_local();\n"),),
        "tlbi-not-broadcast",
        ("unmap-4k", "create-domain"),
        ("vmid-reuse-without-flush",),
    ),
    "vcpu-switch": Known(
        ((_P, _SWITCH, ""),),
        "vcpu-switch-missing-s1-flush",
        ("vcpu-switch-same-domain",),
    ),
    "no-isb-after-vttbr": Known(
        (
            (
                _P,
                "        /* Ensure VTTBR_EL2 is synchronized before "
                "flushing the TLBs */\n        isb();\n",
                "",
            ),
        ),
        "vttbr-write-not-synchronised",
        ("unmap-4k", "create-domain"),
        ("vmid-reuse-without-flush",),
    ),
    "at-speculate": Known(
        (
            (
                _P,
                "        if ( !cpus_have_const_cap(ARM64_WORKAROUND_AT_SPECULATE) )\n"
                "            vttbr = p2m->vttbr;\n",
                "        if ( true )\n            vttbr = p2m->vttbr;\n",
            ),
        ),
        "at-speculate-mixed-context",
        ("unmap-4k",),
        profiles=("P4-at-spec",),
    ),
    "replace-valid-by-valid": Known(
        (
            (
                _P,
                "if ( lpae_is_valid(orig_pte) || removing_mapping )",
                "if ( removing_mapping )",
            ),
            (
                _P,
                "                p2m_force_tlb_flush_sync(p2m);\n"
                "            else\n"
                "                p2m->need_flush = true;\n",
                "                p2m->need_flush = true;\n"
                "            else\n"
                "                p2m->need_flush = true;\n",
            ),
        ),
        "bbm-oa-change",
        ("replace-4k",),
    ),
    "break-without-flush": Known(
        (
            (
                _P,
                f"{_BREAK}{_FLUSH}\n"
                "        p2m_write_pte(entry, split_pte, p2m->clean_pte);\n",
                f"{_BREAK}\n"
                "        p2m_write_pte(entry, split_pte, p2m->clean_pte);\n"
                "        p2m->need_flush = true;\n",
            ),
        ),
        "bbm-make-before-tlbi-complete",
        ("unmap-4k-in-2m",),
    ),
    "removal-without-flush": Known(
        ((_P, _MARK, "        p2m->need_flush |= false;\n"),),
        "missing-tlbi-after-unmap",
        ("unmap-4k", "destroy-domain"),
        ("table-freed-before-tlbi",),
    ),
    "vmid-reuse": Known(
        ((_P, _NEW_VMID, "    return 0;\n"),),
        "vmid-reuse-without-flush",
        ("create-domain",),
    ),
    "dsb-st-after-tlbi": Known(
        (
            (
                _F,
                '        "dsb  ish;"~\\\n        "isb;"~\\\n',
                '        "dsb  ishst;"~\\\n        "isb;"~\\\n',
            ),
        ),
        "dsb-st-does-not-complete-tlbi",
        ("unmap-4k",),
    ),
    "lost-flag": Known(
        ((_P, _MARK, _MARK.replace("|=", "=")),),
        "missing-tlbi-after-unmap",
        ("unmap-4k-then-hole",),
    ),
    "all-guests-but-others": Known(
        (
            (
                _F,
                "(flush_all_guests_tlb, alle1is)",
                "(flush_all_guests_tlb, vmalls12e1is)",
            ),
        ),
        "tlbi-wrong-vmid",
        ("flush-all-guests-tlb",),
    ),
    "all-guests-here-only": Known(
        ((_F, "(flush_all_guests_tlb, alle1is)", "(flush_all_guests_tlb, alle1)"),),
        "tlbi-not-broadcast",
        ("flush-all-guests-tlb",),
    ),
    "own-entries-stay": Known(
        ((_F, "(flush_xen_tlb_local, alle2)", "(flush_xen_tlb_local, alle1)"),),
        "missing-tlbi-after-unmap",
        ("flush-xen-tlb-local",),
    ),
    "own-page-here-only": Known(
        ((_F, '"tlbi vae2is, %0', '"tlbi vae2, %0'),),
        "tlbi-not-broadcast",
        ("flush-xen-tlb-range-va",),
    ),
    # What follows is right.
    "no-dsb-before-tlbi": Known(
        # DSB SY of write_pte() has ordered the store already.
        ((_F, '        "dsb  ishst;"~\\\n', ""),),
        None,
        ("unmap-4k", "replace-4k", "vcpu-switch-same-domain", *_HELPERS),
    ),
    "switch-flushes-stage-1-only": Known(
        (
            (
                _F,
                "(flush_guest_tlb_local, vmalls12e1)",
                "(flush_guest_tlb_local, vmalle1)",
            ),
        ),
        None,
        ("vcpu-switch-same-domain", "vcpu-switch-back", "unmap-4k"),
    ),
    "restore-in-a-function": Known(
        (
            (_P, _BACK, "    p2m_vttbr_back(ovttbr, flags);\n"),
            (
                _P,
                _TITLE,
                "static void p2m_vttbr_back(uint64_t ovttbr, unsigned long flags)\n"
                "{\n" + _BACK + "}\n\n" + _TITLE,
            ),
        ),
        None,
        ("unmap-4k",),
    ),
    "flush-at-once": Known(
        ((_P, _MARK, "    {\n" + _MARK + "        p2m_tlb_flush_sync(p2m);\n    }\n"),),
        None,
        ("unmap-4k",),
    ),
    "flag-before-removal": Known(
        (
            (_P, _MARK, "        ;\n"),
            (
                _P,
                "    if ( lpae_is_valid(orig_pte) || removing_mapping )\n",
                "    if ( removing_mapping )\n"
                + _MARK
                + "    if ( lpae_is_valid(orig_pte) || removing_mapping )\n",
            ),
        ),
        None,
        ("unmap-4k",),
    ),
}
