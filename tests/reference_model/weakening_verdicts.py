"""What each weakening has to be reported as, or why it does no harm.

Derived from what the step that it weakens is for, not from what the machine
says.  The first table that lists a weakening counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flush_verdicts import (
    BLOCK,
    CSE,
    FIRST_STAGE,
    FLUSH,
    FOREIGN_MIXED,
    MAKE,
    MAKE_REPEAT,
    NOTHING,
    PAGE,
    RANGE,
    RANGE_BLOCK,
    RANGE_PAGE,
    RANGE_TABLE,
    REPEAT,
    TABLE,
    Harmless,
    Verdict,
    each,
    swapped,
)


@dataclass(frozen=True, slots=True)
class Table:
    """Verdicts for the sequences and profiles that two patterns match."""

    sequence: str
    verdicts: dict[str, Verdict]
    profile: str = ""

    def applies(self, sequence: str, profile: str) -> bool:
        """Tell whether the table is about a sequence on a profile."""
        return bool(re.search(self.sequence, sequence)) and bool(
            re.search(self.profile, profile)
        )


# ------------------------------------------------------------------------ R-C

_TAGGED = Harmless("R_NWYRD, R_XXNPZ: what is entered is tagged by its VMID")
_FAULTS = Harmless("F6.3: the empty root lets nothing in, whatever the rest is")
_FLUSHED = Harmless("R_LGSCG: the VMALLE1 before the ERET removes what got mixed")
_AT_EL2 = Harmless("R_NRJPP: at EL2 these registers are not used")
_OLD_TABLES = Harmless("R_SPVBD: this PE has stored to no table")
_MIXING = (
    "drop empty",
    "drop guard",
    "drop settle",
    "swap empty guard",
    "swap guard vcpu",
    "swap vcpu-rest settle",
    "swap settle load",
)
_STAY = Harmless("R_NWYRD: its walks go on with the tag and tables that they had")
_AFTER = Harmless("I_QVPYJ: the DSB ends the walks before the write takes effect")
CONTEXT: dict[str, Verdict] = {
    **dict.fromkeys(_MIXING, _AT_EL2),
    "VMID empty": _FAULTS,
    "swap vcpu vcpu-rest": _FAULTS,
    **each("drop", "vcpu vcpu-rest", _TAGGED),
    "drop load": Harmless("F6.3: the guest then runs on an empty root"),
    "VMID load": Harmless("R_NWYRD: no entry has that VMID"),
    "drop sync": CSE,
    "swap load sync": CSE,
    "swap drain empty": _AFTER,
}
SWITCH: dict[str, Verdict] = {
    **each("drop ST LD DMB", "drain", "ptw-not-drained-before-regime-switch"),
    "drop sync": "vttbr-write-not-synchronised",
    "swap load sync": "vttbr-write-not-synchronised",
    **each("drop LD DMB", "order", _OLD_TABLES),
    **swapped("sync-order order-stage1", _OLD_TABLES),
    "drop stage1": "vcpu-switch-missing-s1-flush",
    **each(FIRST_STAGE, "stage1", "vcpu-switch-missing-s1-flush"),
    **dict.fromkeys(_MIXING, _FLUSHED),
}
MIGRATION: dict[str, Verdict] = {
    **each("drop", "fb fb1", "hcr-fb-cleared"),
    **each("drop ST LD DMB", "rest rest1", _STAY),
    "swap rest fb1": Harmless("F1.8: HCR_EL2 of PE 1 is nothing to PE 0"),
    "swap fb1 empty": Harmless("F1.8: both take effect at the ERET"),
}
THROUGH: dict[str, Verdict] = {
    **each("drop ST LD DMB", "drain rest", _STAY),
    # It comes back with another stage 1 than it left with, and no flush.
    **each("drop", "vcpu' vcpu-rest'", "vcpu-switch-missing-s1-flush"),
    "swap rest empty'": _AFTER,
}
THROUGH_MIXED: dict[str, Verdict] = dict.fromkeys(_MIXING, "at-speculate-mixed-context")

# ------------------------------------------------------------------------ R-D

# For progress the faulting PE has to lose the entry that restricts (O6).
_NO_FILL = Harmless("R_NRJPP: at EL2 this PE fills nothing, from no old value")
RELAX: dict[str, Verdict] = {
    **each("drop LD DMB", "order", _NO_FILL),
    **each("drop ST LD DMB", "between", _NO_FILL),
    **swapped("store-order order-ipa ipa-between between-stage1", _NO_FILL),
}

# -------------------------------------------------------------- R-E, R-E', R-G

_CLOSING = "bbml2-missing-final-tlbi"
# The second of two flushes, by a prime.
SECOND: dict[str, Verdict] = {
    **{
        f"{name}'": found
        for name, found in FLUSH.items()
        if name.split()[1] in ("order", "vmid", "complete") and "swap" not in name
    },
    **swapped("link-order' clear-order' order'-vmid'", "missing-dsb-before-tlbi"),
    "swap vmid' complete'": "missing-dsb-after-tlbi",
    "drop vmid'": _CLOSING,
    "local vmid'": "bbm-local-only",
}
SIZE: dict[str, Verdict] = {
    "drop mark": "bbm-size-change",
    "swap mark order": "missing-dsb-before-tlbi",
    "drop vmid": f"bbm-make-before-tlbi-complete|{_CLOSING}",
    "local vmid": "bbm-local-only",
    **swapped(
        "complete-link complete-clear",
        "bbm-make-before-tlbi-complete|missing-dsb-after-tlbi",
    ),
    **each(
        "drop",
        "link clear",
        Harmless("F5.5: the block with nT goes on translating to the same"),
    ),
}
PUBLISHED = each(
    "drop LD NSH",
    "publish",
    Harmless("M1: the DSB ISHST of the first flush orders it, too"),
)
SPLIT: dict[str, Verdict] = {
    "drop fill": "nt-sequence-with-other-change",
    **PUBLISHED,
    "swap fill publish": Harmless("M1: as without the DMB"),
    "swap publish mark": Harmless("M1: both come before the DSB ISHST"),
}
# R_KFLJB, R_PVTFW: the size may change directly.
NO_NT = Harmless("R_KFLJB: FEAT_BBM level 2 needs no nT, and so no flush for it")
ONE_STEP: dict[str, Verdict] = {
    "drop mark": NO_NT,
    **each("drop LD NSH DMB", "order", NO_NT),
    **each("drop local VMALLE1 IPAS2E1", "vmid", NO_NT),
    **each("drop ST LD NSH DMB", "complete", NO_NT),
    **swapped(
        "mark-order order-vmid vmid-complete complete-link complete-clear", NO_NT
    ),
}
SPLIT_DIRECTLY: dict[str, Verdict] = {
    "swap link order": "missing-dsb-before-tlbi",
    "drop fill": "bbm-oa-change",
    **each("drop LD NSH", "publish", "table-published-before-init"),
    **swapped("fill-publish publish-link", "table-published-before-init"),
    "drop link": NOTHING,
    "drop vmid": _CLOSING,
    "local vmid": "bbm-local-only",
}
MERGE_DIRECTLY: dict[str, Verdict] = {
    "swap replace order": "missing-dsb-before-tlbi",
    "drop replace": "table-freed-before-tlbi",
    "drop vmid": f"{_CLOSING}|table-freed-before-tlbi",
    "local vmid": "bbm-local-only",
}
# F6.4: the accesses that are left over go where the new descriptor sends them.
_SAME_PAGE = Harmless("F6.4: accesses that are left over reach the same memory")
SIZE_REPEAT: dict[str, Verdict] = {
    **each("drop local", "again again'", _SAME_PAGE),
    **each("drop ST LD NSH DMB", "finish finish'", _SAME_PAGE),
    **each(
        "drop ST LD NSH DMB",
        "complete complete'",
        Harmless("R_YNJCP: the DSB of the repetition completes it, and F6.4"),
    ),
    **swapped(
        "complete-again again-finish complete'-again' again'-finish' "
        "vmid-complete vmid'-complete' finish-link finish-clear",
        _SAME_PAGE,
    ),
}

# ------------------------------------------------------------------------ R-F

ROLLOVER: dict[str, Verdict] = {
    **each(
        "drop LD NSH DMB",
        "order",
        Harmless("R_SPVBD: no table has changed since the VMs ran"),
    ),
    "swap order all": Harmless("R_SPVBD: as without the DSB"),
    "drop all": "vmid-reuse-without-flush",
    "local all": "vmid-flush-local-only",
    # They act on the VMID that is loaded, which is neither of the two.
    **each("VMALLS12E1 VMALLE1", "all", "vmid-reuse-without-flush|tlbi-wrong-vmid"),
    "swap all complete": "missing-dsb-after-tlbi",
}
_LEFT = Harmless("I_QVPYJ: the VMs have left, their accesses have ended (F6.4)")
ROLLOVER_REPEAT: dict[str, Verdict] = {
    **each("drop local", "again", _LEFT),
    **each("drop ST LD NSH DMB", "finish", _LEFT),
    **each(
        "drop ST LD NSH DMB",
        "complete",
        Harmless("R_YNJCP: the DSB of the repetition completes it, and F6.4"),
    ),
    **swapped("complete-again again-finish all-complete", _LEFT),
}

# ------------------------------------------------------------------ all tables

TABLES: list[Table] = [
    Table("R-C other VM", THROUGH_MIXED, "P4"),
    Table("R-C other VM", THROUGH),
    Table("R-C migration", MIGRATION),
    Table("R-C (switch|migration)", SWITCH),
    Table("R-C", CONTEXT),
    Table("R-D", RELAX, "P[0-3]"),
    Table("R-D", PAGE),
    Table("R-[EG]", SIZE_REPEAT, "P1"),
    Table("R-E", SECOND),
    Table("R-E", ONE_STEP, "P3"),
    Table("R-E$", SPLIT),
    Table("R-E", SIZE),
    Table("R-G split", SPLIT_DIRECTLY),
    Table("R-G merge", MERGE_DIRECTLY),
    Table("R-F", ROLLOVER_REPEAT, "P1"),
    Table("R-F", ROLLOVER),
    Table("make", MAKE_REPEAT, "P1"),
    Table("make", MAKE),
    Table("R-B range 4K", RANGE_PAGE),
    Table("R-B range 2M", RANGE_BLOCK),
    Table("R-B range table", RANGE_TABLE),
    Table("R-B range", RANGE),
    Table("R-B.* 4K", PAGE),
    Table("R-B.* 2M", BLOCK),
    Table("table", TABLE),
    Table("foreign", FOREIGN_MIXED, "P4"),
    Table("", REPEAT, "P1"),
    Table("", FLUSH),
]


@dataclass(frozen=True, slots=True)
class Also:
    """Rules that may be reported with a verdict's, and why they come with it."""

    sequence: str
    rules: frozenset[str]
    why: str
    weakening: str = ""
    profile: str = ""


COMPANIONS = (
    Also(
        "table",
        frozenset({"table-freed-before-tlbi"}),
        "the same missing step lets walks reach the table that is freed",
    ),
    Also(
        "table",
        frozenset({"tlbi-range-too-small"}),
        "one operation by IPA covers one of two old leaves",
        "IPAS2E1 vmid",
    ),
    Also(
        "R-[EG].*('|merge)",
        frozenset({"tlbi-range-too-small"}),
        "one operation by IPA covers one of two old leaves",
        "IPAS2E1 vmid",
    ),
    Also(
        "R-G merge",
        frozenset({"table-freed-before-tlbi", "tlbi-not-broadcast"}),
        "the same missing step lets walks reach the table that is freed",
    ),
    Also(
        "make",
        frozenset({"missing-tlbi-after-unmap", "tlbi-not-broadcast"}),
        "the entry of before break-before-make also outlives it (O1)",
    ),
    Also(
        "make",
        frozenset({"dsb-st-does-not-complete-tlbi"}),
        "for O1, at the end, the DSB ISHST that follows could complete it",
    ),
    Also(
        "R-C other VM",
        frozenset({"vcpu-switch-missing-s1-flush"}),
        "what was made from mixed registers is nobody's own, either (R_XXNPZ)",
        profile="P4",
    ),
    Also(
        "R-C migration",
        frozenset({"vcpu-switch-missing-s1-flush"}),
        "the vCPU that comes back finds what the missing flush has left",
    ),
    Also(
        "R-F",
        frozenset({"vcpu-switch-missing-s1-flush"}),
        "entries of the old VM's vCPUs go with those of its stage 2 (R_XXNPZ)",
    ),
)


def verdict(sequence: str, profile: str, name: str) -> tuple[Verdict, str, str]:
    """Return the verdict, with the pattern and the name that it is listed under."""
    plain = name.replace("'", "")
    for table in TABLES:
        for wanted in (name, plain):
            if table.applies(sequence, profile) and wanted in table.verdicts:
                key = f"{table.sequence}/{table.profile}"
                return table.verdicts[wanted], key, wanted
    raise KeyError(f"{sequence} on {profile}: {name}")


def companions(sequence: str, profile: str, name: str) -> frozenset[str]:
    """Return the rules that may come with a verdict."""
    found: frozenset[str] = frozenset()
    for also in COMPANIONS:
        if all(
            re.search(pattern, text)
            for pattern, text in (
                (also.sequence, sequence),
                (also.profile, profile),
                (also.weakening, name),
            )
        ):
            found |= also.rules
    return found


def listed() -> Iterator[tuple[str, str]]:
    """Yield every entry of the tables."""
    for table in TABLES:
        for name in table.verdicts:
            yield f"{table.sequence}/{table.profile}", name
