"""What each weakening of a flush has to be reported as: R-A, R-B and their parts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Harmless:
    """A weakening that breaks nothing; ``because`` cites the rule."""

    because: str


# Rule ids; with "|" between them, at least one has to be reported.
Verdict = str | Harmless


def each(hows: str, roles: str, verdict: Verdict) -> dict[str, Verdict]:
    """Return the verdict for every combination."""
    return {f"{how} {role}": verdict for how in hows.split() for role in roles.split()}


def swapped(pairs: str, verdict: Verdict) -> dict[str, Verdict]:
    return {f"swap {pair.replace('-', ' ')}": verdict for pair in pairs.split()}


# ------------------------------------------------------------------- any flush

CSE = Harmless("M6, R_BLDZX: of stage 2 the ERET is the CSE; EL2 uses no such entry")
NOTHING = Harmless("R_GPPYH is about changes: without the store nothing has changed")
FIRST_STAGE = "ASIDE1 VAAE1 VAE1 VAALE1 VALE1"
FLUSH: dict[str, Verdict] = {
    **each("drop LD NSH DMB", "order", "missing-dsb-before-tlbi"),
    **swapped("store-order order-vmid order-ipa", "missing-dsb-before-tlbi"),
    "drop vmid": "missing-tlbi-after-unmap",
    "local vmid": "tlbi-not-broadcast",
    "VMALLE1 vmid": "tlbi-wrong-stage",
    "IPAS2E1 vmid": "missing-s1-inval-after-ipas2",
    **each("drop DMB", "complete", "missing-dsb-after-tlbi"),
    **swapped("vmid-complete stage1-complete", "missing-dsb-after-tlbi"),
    **each("ST LD", "complete", "dsb-st-does-not-complete-tlbi"),
    "NSH complete": "dsb-scope-too-narrow",
    # What is left is a stage-1 operation (R_LGSCG: it hits no stage-2 entry).
    "drop ipa": "tlbi-wrong-stage",
    "local ipa": "tlbi-not-broadcast",
    **each("shift shift-2M", "ipa", "tlbi-range-too-small"),
    **each("TTL1 TTL2 TTL3", "ipa", "ttl-hint-mismatch"),
    **each(
        "drop ST LD NSH DMB",
        "between",
        "missing-dsb-between-ipas2-and-s1",
    ),
    **swapped("ipa-between between-stage1", "missing-dsb-between-ipas2-and-s1"),
    "drop stage1": "missing-s1-inval-after-ipas2",
    "local stage1": "stale-s12-after-local-vmalle1",
    # F1.1: they would do if every VA and ASID of the page were known.
    **each(FIRST_STAGE, "stage1", "missing-s1-inval-after-ipas2"),
    "drop isb": CSE,
    **swapped("complete-isb finish-isb", CSE),
    "drop store": NOTHING,
    "drop resync": CSE,
    "drop restore": Harmless("R_XXNPZ: what is then loaded translates nothing"),
    "VMID restore": Harmless("R_NRJPP: at EL2 nothing is filled under that VMID"),
    **swapped("isb-restore restore-resync", CSE),
    "swap order load": Harmless("R_SPVBD: the DSB is still before the TLBI"),
    **each("drop VMID", "load", "tlbi-wrong-vmid"),
    "drop sync": "vttbr-write-not-synchronised",
    **swapped("load-sync sync-vmid sync-ipa", "vttbr-write-not-synchronised"),
}
FOREIGN_MIXED: dict[str, Verdict] = {"VMID restore": "at-speculate-mixed-context"}
# F6.4 to F6.7: one more broadcast TLBI after the first is complete, and its DSB.
REPEAT: dict[str, Verdict] = {
    **each("drop local", "again", "repeat-tlbi-missing"),
    **each("drop DMB", "finish", "repeat-tlbi-incomplete"),
    **each("ST LD", "finish", "repeat-tlbi-incomplete|dsb-st-does-not-complete-tlbi"),
    "NSH finish": "repeat-tlbi-incomplete|dsb-scope-too-narrow",
    "swap again finish": "repeat-tlbi-incomplete",
    "swap complete again": "missing-dsb-after-tlbi|repeat-tlbi-missing",
}

# ------------------------------------------------------------------- R-A, R-B

_RIGHT_LEVEL = Harmless("I_LTZBK: it is the level of the old leaf")
_LEAF = Harmless("F1.6: L forms leave table descriptors, and none has gone")
LEAF: dict[str, Verdict] = {"IPAS2LE1 ipa": _LEAF}
PAGE: dict[str, Verdict] = {**LEAF, "TTL3 ipa": _RIGHT_LEVEL}
BLOCK: dict[str, Verdict] = {
    **LEAF,
    "shift ipa": Harmless("R_TVTYQ, R_LQLSD: any IPA of the block will do"),
    "TTL2 ipa": _RIGHT_LEVEL,
}
TABLE: dict[str, Verdict] = {
    "drop store": "table-freed-before-tlbi",
    "IPAS2E1 vmid": "missing-s1-inval-after-ipas2",
    **each("drop shift shift-2M", "ipa ipa1", "tlbi-range-too-small"),
    "local ipa1": "tlbi-not-broadcast",
    **each("TTL1 TTL2", "ipa ipa1", "ttl-hint-mismatch"),
    **each("TTL3", "ipa ipa1", _RIGHT_LEVEL),
    # The other one removes the table descriptor, too (F1.5).  But until then
    # it may serve to fill the leaf again that the L form has removed (M5).
    **each("IPAS2LE1", "ipa ipa1", "leaf-tlbi-after-table-change"),
    "swap ipa ipa1": Harmless("R_YNJCP: before a DSB they are in no order anyway"),
    "swap ipa1 between": "missing-dsb-between-ipas2-and-s1",
}
RANGE: dict[str, Verdict] = {
    "drop ipa": "tlbi-wrong-stage",
    "TG ipa": "range-tg-mismatch",
    **each("TTL1 TTL2 TTL3", "ipa", "ttl-hint-mismatch"),
}
RANGE_PAGE: dict[str, Verdict] = {
    "RIPAS2LE1 ipa": _LEAF,
    "IPAS2E1 ipa": Harmless("R_TVTYQ: one page is one operation"),
    "TTL3 ipa": _RIGHT_LEVEL,
}
RANGE_BLOCK: dict[str, Verdict] = {
    "RIPAS2LE1 ipa": _LEAF,
    "IPAS2E1 ipa": Harmless("R_LQLSD: one block is one operation"),
    "shift ipa": Harmless("R_TVTYQ, R_LQLSD: any IPA of the block will do"),
    "TTL1 ipa": "range-tlbi-misaligned",
    "TTL2 ipa": _RIGHT_LEVEL,
}
RANGE_TABLE: dict[str, Verdict] = {
    "RIPAS2LE1 ipa": "leaf-tlbi-after-table-change",
    "IPAS2E1 ipa": "tlbi-range-too-small",
    "TTL3 ipa": _RIGHT_LEVEL,
}
MAKE: dict[str, Verdict] = {
    "drop store": "bbm-oa-change",
    "drop vmid": "bbm-make-before-tlbi-complete",
    "local vmid": "bbm-local-only",
    "local ipa": "bbm-local-only",
    **swapped("complete-make", "bbm-make-before-tlbi-complete|missing-dsb-after-tlbi"),
    "drop make": NOTHING,
    **each(
        "drop LD NSH DMB",
        "publish",
        Harmless("F2.6: a late new descriptor only faults once too often"),
    ),
    "swap make publish": Harmless("F2.6: as without the DSB"),
}
_STORE_DSB = "dsb-st-does-not-complete-tlbi"
# R_DDMVT wants the TLBI complete; F6.4: accesses that are left over matter when
# the page is used anew, and that is later.
MAKE_REPEAT: dict[str, Verdict] = {
    "swap finish make": Harmless("F6.5: the repetition ends before the release"),
    # The caller's DSB ISHST follows and is not enough (F6.7).
    **each("drop DMB ST LD NSH", "finish", _STORE_DSB),
    "swap again finish": _STORE_DSB,
}
