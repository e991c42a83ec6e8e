"""Named readings of the architecture, as options.

Where the architecture's text leaves room, the machine takes one reading; each
has a name, and ``--assume NAME=VALUE`` takes another.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from harness.errors import UsageError
from reference_model.assumptions import Assumptions

__all__ = [
    "ASSUMPTIONS",
    "NO_CHOICE",
    "Assumption",
    "Setting",
    "add_option",
    "alternatives",
    "changed",
    "dependents",
    "read",
    "rested_on",
]

Setting = bool | int | None


@dataclass(frozen=True, slots=True)
class Assumption:
    """One reading that can be chosen.

    ``values`` gives what the machine is told for each word, the default first.
    ``findings`` are rules whose findings may go away under another value.
    ``hides`` tells that the default may hide what another value would show, so
    that a clean result rests on it.
    """

    name: str
    field: str
    values: tuple[tuple[str, Setting], ...]
    meaning: str
    arm_rules: tuple[str, ...]
    findings: tuple[str, ...] = ()
    hides: bool = False

    @property
    def default(self) -> str:
        """Return the word for the default."""
        return self.values[0][0]

    def word(self, assumptions: Assumptions) -> str:
        """Return the word for the value that is taken."""
        taken = getattr(assumptions, self.field)
        return next(word for word, value in self.values if value is taken)

    def setting(self, assumptions: Assumptions) -> str:
        """Return "name=value"."""
        return f"{self.name}={self.word(assumptions)}"


_ON: tuple[tuple[str, Setting], ...] = (("on", True), ("off", False))
_OFF: tuple[tuple[str, Setting], ...] = (("off", False), ("on", True))

_ALL = (
    Assumption(
        "combined-tlb",
        "combined_tlb",
        _ON,
        "TLBs hold entries that combine stage 1 and 2; off is one kind of CPU, and "
        "never the basis of a general verdict",
        ("R_LGSCG", "R_TVTYQ", "R_GNJPZ"),
        (
            "stale-s12-after-local-vmalle1",
            "missing-s1-inval-after-ipas2",
            "s1-inval-skipped-on-ntlbpa",
            "missing-dsb-between-ipas2-and-s1",
            "s1-before-s2-inval",
        ),
    ),
    Assumption(
        "one-ipas2-per-block",
        "one_ipas2_per_block",
        _ON,
        "one operation on any IPA of a block removes all pieces of it",
        ("R_TVTYQ", "R_LQLSD"),
        ("tlbi-range-too-small",),
        hides=True,
    ),
    Assumption(
        "ntlbpa-semantics",
        "ntlbpa_any_tlbi",
        (("literal-any-tlbi", True), ("same-stage-only", False)),
        "what removes copies of descriptors indexed by where they lie: any TLBI of "
        "their context, or one on the stage that they are of",
        ("R_BKKRB", "R_TJQVP", "I_PFNFJ"),
        ("missing-tlbi-after-unmap", "table-freed-before-tlbi"),
        hides=True,
    ),
    Assumption(
        "alloc-flushes-tlb",
        "alloc_flushes_tlb",
        _ON,
        "the allocator flushes guest TLBs before it hands a page out again",
        ("R_GPPYH",),
        (
            "page-ref-dropped-before-tlbi",
            "scrub-before-tlb-flush",
            "missing-tlbi-after-unmap",
        ),
        hides=True,
    ),
    Assumption(
        "drain-ptw",
        "drain_ptw",
        _OFF,
        "exception entry itself ends the walks begun before; off: only a DSB does",
        ("R_LFHQG", "I_QVPYJ", "I_SFZVV"),
        ("ptw-not-drained-before-regime-switch",),
    ),
    Assumption(
        "single-pe",
        "single_pe",
        _OFF,
        "only the PE that maintains the tables ever uses them",
        (),
    ),
    Assumption(
        "dsb-transitive",
        "dsb_transitive",
        _ON,
        "a DSB also retires stores of a PE that handed a lock over before it; off "
        "takes 'the same PE' literally",
        ("R_SPVBD",),
        ("missing-dsb-before-tlbi", "dsb-on-wrong-pe"),
        hides=True,
    ),
    Assumption(
        "dsb-nsh-completes-is",
        "dsb_nsh_completes_is",
        _OFF,
        "a DSB NSH completes a broadcast TLBI on every PE",
        ("R_PSMWS",),
        ("dsb-scope-too-narrow",),
    ),
    Assumption(
        "nxs-invalidates-xs1",
        "nxs_invalidates_xs1",
        _OFF,
        "an nXS operation removes entries with XS=1 as well",
        ("I_TFQRW",),
        ("nxs-tlbi-incomplete",),
    ),
    Assumption(
        "nt-cacheable",
        "nt_cacheable",
        _ON,
        "a TLB may hold an entry with nT set, in pieces, until the closing TLBI",
        ("R_MRRPW", "R_DFJNG"),
        ("bbml2-missing-final-tlbi", "tlb-conflict-abort-unhandled"),
    ),
    Assumption(
        "bbml2-noabort",
        "bbml2_noabort",
        _OFF,
        "FEAT_BBM level 2 never raises TLB conflict aborts on this CPU",
        ("I_HYQMB", "R_MRRPW"),
        ("tlb-conflict-abort-unhandled",),
    ),
    Assumption(
        "asid-tlbi-walkcache",
        "asid_tlbi_walkcache",
        _OFF,
        "TLBI ASIDE1 removes walk caches as well",
        (),
        ("table-freed-before-tlbi",),
    ),
    Assumption(
        "a32-tlbi-program-order",
        "a32_tlbi_program_order",
        _ON,
        "TLBIs of an AArch32 PE act on that PE in program order (G5.9.1.3)",
        (),
        ("missing-dsb-between-ipas2-and-s1",),
    ),
    Assumption(
        "local-tlbi-covers-cnp-sharers",
        "local_tlbi_covers_cnp_sharers",
        _ON,
        "a local TLBI removes what PEs with the same CnP=1 tables have put in",
        ("I_DMCXY", "I_BWGVK", "R_FWQJZ"),
        ("tlbi-not-broadcast", "cnp-table-mismatch"),
    ),
    Assumption(
        "ets-level",
        "ets_level",
        (("profile", None), ("0", 0), ("1", 1), ("2", 2), ("3", 3)),
        "FEAT_ETS level in place of the profile's",
        ("R_BLDZX", "R_NNFPF"),
        ("missing-isb-after-tlbi",),
    ),
    Assumption(
        "permission-change-deferral",
        "permission_change_deferral",
        (("deferrable", True), ("immediate", False)),
        "whether a restricting change of permissions may wait for the lock release",
        ("R_GPPYH",),
        ("perm-downgrade-deferred",),
        hides=True,
    ),
    Assumption(
        "repeat-tlbi-s2-forms",
        "repeat_tlbi_s2_forms",
        _OFF,
        "the REPEAT_TLBI erratum needs its repeat after stage-2-only operations too",
        ("R_STPSQ", "R_DCJQM"),
        ("repeat-tlbi-missing", "repeat-tlbi-incomplete"),
        hides=True,
    ),
    Assumption(
        "bbm-ro-same-content",
        "bbm_ro_same_content",
        (("require", True), ("exempt", False)),
        "whether read-only to read-only with equal contents needs break-before-make",
        ("R_WHZWS",),
        ("bbm-oa-change", "bbm-make-before-tlbi-complete"),
    ),
    Assumption(
        "out-of-context-no-fill",
        "out_of_context_no_fill",
        _ON,
        "at EL2 the registers of EL1&0 are never used for speculative walks",
        ("R_NRJPP", "R_FXGNQ"),
        (
            "at-speculate-mixed-context",
            "vmid-reuse-without-flush",
            "vmid-flush-local-only",
            "asid-rollover-broadcast-only",
            "vcpu-switch-missing-s1-flush",
        ),
        hides=True,
    ),
    Assumption(
        "smmu-dvm",
        "smmu_dvm",
        _OFF,
        "an IOMMU that shares the tables acts on the TLBIs of the PEs",
        (),
        ("iotlb-not-flushed", "iotlb-bbm-violation"),
    ),
    Assumption(
        "altp2m",
        "altp2m",
        _OFF,
        "one VMID may have several stage 2s, one for each vCPU",
        ("R_NWYRD", "R_XXNPZ"),
        ("vcpu-switch-missing-s1-flush",),
        hides=True,
    ),
)

ASSUMPTIONS: dict[str, Assumption] = {one.name: one for one in _ALL}

# Ambiguities that leave the machine nothing to choose.
NO_CHOICE = {
    "conflict-stage": "which exception level takes a TLB conflict abort: the conflict "
    "is reported, whoever would take it (R_FWRMB)",
    "amalgamation": "what an access through conflicting entries yields: that they "
    "conflict is reported, whatever comes of it (R_FVQCK)",
    "vmid-broadcast-rollover": "whether a broadcast flush is enough at a VMID "
    "rollover: it is, unless out-of-context-no-fill is off",
}


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--assume`` to a command; ``read`` takes what it collects."""
    parser.add_argument(
        "--assume",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another reading of the architecture; may be given again ('harness "
        "assumptions' lists them)",
    )


def read(settings: Iterable[str]) -> Assumptions:
    """Return the defaults with some settings, each "name=value", changed.

    Raises UsageError for a name or value that does not exist.
    """
    fields: dict[str, Setting] = {}
    for text in settings:
        name, equals, word = text.partition("=")
        one = _named(name)
        values = dict(one.values)
        if not equals or word not in values:
            raise UsageError(
                f"no value '{word}' for assumption '{name}': it is one of "
                f"{', '.join(values)}"
            )
        if fields.setdefault(one.field, values[word]) is not values[word]:
            raise UsageError(f"assumption '{name}' is given two values")
    return replace(Assumptions(), **fields)  # type: ignore[arg-type]


def _named(name: str) -> Assumption:
    if name in NO_CHOICE:
        raise UsageError(f"assumption '{name}' has one value only: {NO_CHOICE[name]}")
    if name not in ASSUMPTIONS:
        raise UsageError(f"no assumption '{name}': 'harness assumptions' lists them")
    return ASSUMPTIONS[name]


def changed(assumptions: Assumptions) -> tuple[str, ...]:
    """Return the settings that are not the default."""
    default = Assumptions()
    return tuple(
        one.setting(assumptions)
        for one in ASSUMPTIONS.values()
        if one.setting(assumptions) != one.setting(default)
    )


def rested_on(assumptions: Assumptions, also: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the settings that a result rests on, and ``also`` some it names.

    Those that are not the default, and those that may hide a finding.
    """
    named = {*also, *changed(assumptions)}
    settings = [(one, one.setting(assumptions)) for one in ASSUMPTIONS.values()]
    return tuple(text for one, text in settings if one.hides or text in named)


def dependents(rule: str) -> tuple[Assumption, ...]:
    """Return the assumptions that a finding of a rule may depend on."""
    return tuple(one for one in ASSUMPTIONS.values() if rule in one.findings)


def alternatives(one: Assumption, assumptions: Assumptions) -> Iterator[Assumptions]:
    """Yield the assumptions with each other value of one of them."""
    for word, value in one.values:
        if word != one.word(assumptions):
            yield replace(assumptions, **{one.field: value})  # type: ignore[arg-type]
