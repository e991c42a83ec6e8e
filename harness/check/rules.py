"""The rules: what each finding means and the Arm rules that it rests on."""

from __future__ import annotations

from harness.check.finding import Severity
from harness.check.perf_rules import PERF_RULES
from harness.check.rule import Rule

__all__ = ["RULES", "Rule"]


def _error(name: str, message: str, *arm_rules: str) -> Rule:
    return Rule(name, Severity.ERROR, message, arm_rules)


def _warning(name: str, message: str, *arm_rules: str) -> Rule:
    return Rule(name, Severity.WARNING, message, arm_rules)


def _info(name: str, message: str, *arm_rules: str) -> Rule:
    return Rule(name, Severity.INFO, message, arm_rules)


_ALL = (
    _error(
        "missing-tlbi-after-unmap",
        "entry for IPA {ipa} removed or restricted and relied upon with no completed "
        "invalidation",
        "R_GPPYH",
    ),
    _error(
        "tlbi-wrong-stage",
        "TLBI does not act on the stage whose descriptor changed: {kind} entries for "
        "IPA {ipa} stay",
        "R_TVTYQ",
        "R_LGSCG",
        "R_GNJPZ",
    ),
    _error(
        "stale-s12-after-local-vmalle1",
        "stage-1 step is local: pCPU{pe} may keep combined entry VA {va}->PA {pa} of "
        "removed IPA {ipa}",
        "R_TVTYQ",
        "I_DMCXY",
        "R_QRNJC",
        "I_CKZGP",
    ),
    _error(
        "missing-s1-inval-after-ipas2",
        "invalidation by IPA is not followed by a stage-1 invalidation: combined "
        "entries for IPA {ipa} stay",
        "R_VZZVZ",
        "I_CKZGP",
        "I_RGYNM",
    ),
    _error(
        "s1-inval-skipped-on-ntlbpa",
        "stage-1 invalidation skipped because of FEAT_nTLBPA, which does not cover "
        "combined entries",
        "R_BKKRB",
        "R_TJQVP",
        "I_CKZGP",
    ),
    _error(
        "missing-dsb-between-ipas2-and-s1",
        "no DSB completes the invalidation by IPA before the stage-1 one: combined "
        "entries can be made again in between",
        "I_CKZGP",
        "R_TVTYQ",
        "R_DCJQM",
        "R_YNJCP",
        "R_PSMWS",
    ),
    _error(
        "s1-before-s2-inval",
        "stage-1 invalidation comes before the stage-2 one and is not repeated: "
        "combined entries can be made again in between",
        "I_CKZGP",
        "R_TVTYQ",
    ),
    _error(
        "tlbi-not-broadcast",
        "local TLBI used while pCPU{pe} may hold entries of VMID {vmid}",
        "I_DMCXY",
        "R_QRNJC",
    ),
    _error(
        "tlbi-wrong-vmid",
        "TLBI executed under another VMID than {vmid}, to which the entries belong",
        "R_VMSWQ",
        "R_VZZVZ",
        "R_QNPQX",
    ),
    _error(
        "tlbi-wrong-regime-tge",
        "EL1&0 TLBI executed in host mode (E2H, TGE set): entries of VMID {vmid} stay",
        "R_LGSCG",
    ),
    _error(
        "vttbr-write-not-synchronised",
        "VTTBR_EL2 write and dependent TLBI with no context synchronisation between",
        "R_VNRFW",
    ),
    _error(
        "tlbi-range-too-small",
        "operations by IPA do not cover every old leaf: IPA {ipa} is left out",
        "R_TVTYQ",
        "R_LQLSD",
    ),
    _error(
        "leaf-tlbi-after-table-change",
        "last-level-only TLBI after a table descriptor changed: walk caches stay",
        "R_VZZVZ",
    ),
    _error(
        "ttl-hint-mismatch",
        "level hint of the TLBI is not the level of the old leaf: nothing need be "
        "invalidated",
        "R_SQXYZ",
        "I_LTZBK",
    ),
    _error(
        "range-tlbi-misaligned",
        "base of the range TLBI is not aligned for its level hint: the range is "
        "UNPREDICTABLE",
        "I_TYBWT",
        "I_HKYNQ",
    ),
    _error(
        "range-tg-mismatch",
        "TG of the range TLBI is not the granule in use: nothing need be invalidated",
        "R_XKMMX",
    ),
    _error(
        "range-unsupported-on-pe",
        "range TLBI where a PE lacks FEAT_TLBIRANGE: pCPU{pe} need not act on it",
        "R_XMZFH",
        "I_WHFDZ",
    ),
    _error(
        "contiguous-partial-tlbi",
        "Contiguous group invalidated in part: IPA {ipa} is left out",
        "I_JQPNP",
        "R_LQLSD",
    ),
    _error(
        "tlbi-operand-encoding",
        "operand of the TLBI is malformed: it does not name IPA {ipa}",
        "I_ZVNJG",
        "I_CPNYZ",
    ),
    _error(
        "nxs-tlbi-incomplete",
        "nXS form of a TLBI or DSB does not cover entries and accesses with XS=1",
        "I_TFQRW",
        "R_TSJSN",
    ),
    _error(
        "missing-dsb-before-tlbi",
        "table store not ordered before the TLBI by a DSB: pCPU{pe} may refetch the "
        "old descriptor",
        "R_SPVBD",
    ),
    _error(
        "missing-dsb-after-tlbi",
        "TLBI is not completed by a DSB before it is relied upon",
        "R_YNJCP",
    ),
    _error(
        "dsb-st-does-not-complete-tlbi",
        "DSB for stores or loads only: it does not wait for the TLBI before it",
        "R_PSMWS",
    ),
    _error(
        "dsb-scope-too-narrow",
        "domain of the DSB is narrower than the scope of the TLBI",
        "R_PSMWS",
    ),
    _error(
        "dsb-on-wrong-pe",
        "DSB executed by another PE than the one whose store or TLBI it is to complete",
        "R_YNJCP",
        "R_SPVBD",
    ),
    _warning(
        "missing-isb-after-tlbi",
        "no context synchronisation after the completing DSB on pCPU{pe}",
        "R_BLDZX",
    ),
    _error(
        "vcpu-switch-missing-s1-flush",
        "vCPU resumes on pCPU{pe} with stage-1 and combined entries of another vCPU "
        "of VMID {vmid}",
        "R_NWYRD",
        "R_XXNPZ",
    ),
    _error(
        "hcr-fb-cleared",
        "guest TLBIs are local while its vCPUs migrate: HCR_EL2.FB is not set",
        "I_DMCXY",
    ),
    _error(
        "cnp-table-mismatch",
        "CnP=1 with different tables for VMID {vmid}",
        "R_FWQJZ",
        "R_QLGWZ",
    ),
    Rule(
        "ptw-not-drained-before-regime-switch",
        Severity.WARNING,
        "walks begun before exception entry may still fill while registers change",
        ("R_LFHQG", "I_QVPYJ"),
    ),
    _error(
        "bbm-oa-change",
        "output address of IPA {ipa} changed from valid to valid without "
        "break-before-make",
        "R_WHZWS",
    ),
    _error(
        "bbm-attr-change",
        "memory attributes of IPA {ipa} changed from valid to valid without "
        "break-before-make",
        "R_WHZWS",
    ),
    _error(
        "bbm-size-change",
        "translation size of IPA {ipa} changed from valid to valid without "
        "break-before-make",
        "R_WHZWS",
        "R_KFLJB",
    ),
    _error(
        "bbm-contiguous-change",
        "Contiguous bit of IPA {ipa} changed from valid to valid without "
        "break-before-make",
        "R_NGLXZ",
        "R_JQQTC",
    ),
    _error(
        "bbm-global-overlap",
        "global entry created over non-global ones without break-before-make",
        "R_WHZWS",
    ),
    _error(
        "bbm-make-before-tlbi-complete",
        "new entry for IPA {ipa} written before invalidation of the old one is "
        "complete",
        "R_DDMVT",
        "R_WHZWS",
    ),
    _error(
        "bbm-local-only",
        "break-before-make of IPA {ipa} done with a TLBI that does not reach pCPU{pe}",
        "R_DDMVT",
    ),
    _error(
        "nt-unsupported",
        "nT used at IPA {ipa} where it does not exist or has no effect",
        "R_KFLJB",
        "R_DFJNG",
        "I_PJZBK",
    ),
    _error(
        "nt-sequence-with-other-change",
        "nT or level 2 change of IPA {ipa} changes more than the size",
        "R_PVTFW",
        "R_WHZWS",
    ),
    _error(
        "bbml2-missing-final-tlbi",
        "size change of IPA {ipa} is not followed by a completed invalidation",
        "I_HYQMB",
        "R_MRRPW",
    ),
    _warning(
        "tlb-conflict-abort-unhandled",
        "size change of IPA {ipa} may raise a TLB conflict abort",
        "R_MRRPW",
        "I_CFFVK",
        "R_FWRMB",
    ),
    _info(
        "bbm-break-defeats-nt",
        "IPA {ipa} is invalid for a while although its size could be changed in place",
        "R_KFLJB",
    ),
    _error(
        "table-freed-before-tlbi",
        "table page {pa} released while pCPU{pe} may still walk it",
        "R_RVJDB",
    ),
    _error(
        "page-ref-dropped-before-tlbi",
        "reference on page {pa} dropped while pCPU{pe} may still reach it",
        "R_GPPYH",
        "R_STPSQ",
    ),
    _info(
        "scrub-before-tlb-flush",
        "page {pa} scrubbed while pCPU{pe} may still write to it",
        "R_GPPYH",
    ),
    _error(
        "table-published-before-init",
        "table linked at IPA {ipa} before its contents are ordered: pCPU{pe} may walk "
        "what was there before",
        "R_SPVBD",
    ),
    _error(
        "pte-not-cleaned-for-walker",
        "descriptor for IPA {ipa} not cleaned to the point of coherency for a "
        "non-coherent walker",
        "R_SPVBD",
    ),
    _error(
        "iotlb-not-flushed",
        "IOMMU TLB may hold the old entry for IPA {ipa}",
        "R_GPPYH",
    ),
    _warning(
        "iotlb-bbm-violation",
        "IOMMU that shares the tables sees IPA {ipa} change without break-before-make",
        "R_WHZWS",
    ),
    _warning(
        "perm-upgrade-without-tlbi",
        "stale restrictive entry for IPA {ipa} on pCPU{pe} may fault for ever",
        "R_GPPYH",
    ),
    _warning(
        "perm-downgrade-deferred",
        "restriction of IPA {ipa} takes effect only when a deferred flush runs",
        "R_GPPYH",
    ),
    _error(
        "dirty-clear-without-tlbi",
        "dirty state of IPA {ipa} cleared without an invalidation",
        "R_GPPYH",
        "R_NNZGV",
    ),
    _error(
        "tlb-cached-sysreg-change-no-tlbi",
        "register field that TLBs may hold changed under VMID {vmid} with no TLBI",
        "R_VNRFW",
        "R_JBNTF",
    ),
    _error(
        "at-speculate-mixed-context",
        "a speculative AT here can allocate entries tagged VMID {vmid} from mixed "
        "context",
        "R_NRJPP",
    ),
    _error(
        "repeat-tlbi-missing",
        "broadcast TLBI is not followed by the extra TLBI and DSB of the erratum",
        "R_STPSQ",
    ),
    _error(
        "repeat-tlbi-incomplete",
        "the extra TLBI of the erratum is not completed by a DSB ISH",
        "R_PSMWS",
    ),
    _error(
        "vmid-reuse-without-flush",
        "VMID {vmid} in use while pCPU{pe} may hold entries of another stage 2",
        "R_QNPQX",
    ),
    _error(
        "vmid-rollover-fastpath-skip",
        "VMID {vmid} of an old generation is still used on pCPU{pe} after the rollover",
        "R_QNPQX",
    ),
    _error(
        "vmid-flush-local-only",
        "flush of VMID {vmid} is local, and pCPU{pe} makes up for it nowhere",
        "R_QNPQX",
        "R_QRNJC",
    ),
    _error(
        "asid-rollover-broadcast-only",
        "ASID still live in a TTBR on pCPU{pe} may fill again after the rollover's "
        "broadcast",
        "R_QNPQX",
    ),
    _error(
        "asid-reuse-without-flush",
        "ASID in use while pCPU{pe} may hold entries of another address space under it",
        "R_NWYRD",
        "R_XXNPZ",
    ),
    _error(
        "vmid-width-truncation",
        "VMID wider than VTCR_EL2.VS allows: it aliases VMID {vmid}",
        "I_MDGYK",
    ),
    _warning(
        "vpipt-icache-not-invalidated",
        "VMID {vmid} reused with no instruction cache invalidation on a VPIPT cache",
        "R_QNPQX",
    ),
    _warning(
        "right-only-on-profile",
        "right only because an alternative for this CPU adds DSBs or TLBIs",
        "R_YNJCP",
    ),
    *PERF_RULES,
    _error("p2m-wrong-mapping", "{what}"),
    Rule("p2m-access-unnoticed", Severity.WARNING, "{what}", ()),
    _error("c-undefined-behaviour", "{what}"),
    _error("c-bound-reached", "{what}"),
    _error("c-does-not-build", "{what}"),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}
