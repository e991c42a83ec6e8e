"""The rules of what is right and slower than it has to be."""

from __future__ import annotations

from harness.check.finding import Severity
from harness.check.rule import Rule

__all__ = ["PERF_RULES"]


def _perf(name: str, message: str, *arm_rules: str) -> Rule:
    return Rule(name, Severity.PERF, message, arm_rules)


PERF_RULES = (
    _perf(
        "perf-flush-not-batched",
        "flushes at once where the flush that follows would do: {less} can go",
    ),
    _perf(
        "perf-flush-of-invalid-entry",
        "flushes although no descriptor was valid before: {less} can go",
        "R_XCLRD",
    ),
    _perf(
        "perf-tlbi-per-page-over-block",
        "{tlbis} by IPA where {few} would do: one for each old leaf",
        "R_TVTYQ",
    ),
    _perf(
        "perf-vcpu-switch-over-flush",
        "drops stage-2 entries as well: TLBI VMALLE1 would do instead of VMALLS12E1",
        "R_LGSCG",
    ),
    _perf(
        "perf-repeat-tlbi-overuse",
        "the REPEAT_TLBI workaround adds {tlbis} to one flush where {few} would do",
    ),
    _perf("perf-irqs-off-tlbi-loop", "{tlbis} in one stretch with IRQs masked"),
    _perf(
        "perf-vmalls12-under-nv",
        "{full} of both stages{was}: as a guest of KVM each walks {chunks} chunks of "
        "1 GiB with {bits} PA bits, about {seconds}",
    ),
    _perf(
        "perf-no-ttl-hint-under-nv",
        "{tlbis} by IPA without a level: as a guest of KVM each may drop up to 1 GiB "
        "of mappings",
    ),
)
