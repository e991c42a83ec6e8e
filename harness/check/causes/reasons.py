"""The rule of a violation that only a whole flush, or nothing tried, removes."""

from __future__ import annotations

from harness.check.causes.sizes import change_without_break, unbroken
from harness.check.causes.window import Window
from reference_model.events import PageRelease
from reference_model.violations import Property, Violation

__all__ = ["flush_rule", "unrepaired"]

_BY_REASON = {
    (Property.O1, "deferred"): "perm-downgrade-deferred",
    (Property.O1, "dirty"): "dirty-clear-without-tlbi",
    (Property.O1, "scrub"): "scrub-before-tlb-flush",
    (Property.O1, "unsynchronised"): "missing-isb-after-tlbi",
    (Property.O2, "final"): "bbml2-missing-final-tlbi",
    (Property.O2, "abort"): "tlb-conflict-abort-unhandled",
    (Property.O3, "mixed"): "at-speculate-mixed-context",
    (Property.O3, "fb"): "hcr-fb-cleared",
    (Property.O4, "init"): "table-published-before-init",
    (Property.O4, "unsynchronised"): "missing-isb-after-tlbi",
    (Property.O5, "asid"): "asid-reuse-without-flush",
    (Property.O5, "cnp"): "cnp-table-mismatch",
    (Property.O5, "root"): "tlb-cached-sysreg-change-no-tlbi",
    (Property.O5, "sysreg"): "tlb-cached-sysreg-change-no-tlbi",
    (Property.O5, "vpipt"): "vpipt-icache-not-invalidated",
    (Property.O6, "upgrade"): "perm-upgrade-without-tlbi",
}

_BY_PROPERTY = {
    Property.O1: "missing-tlbi-after-unmap",
    Property.O2: "bbm-make-before-tlbi-complete",
    Property.O3: "vcpu-switch-missing-s1-flush",
    Property.O4: "table-freed-before-tlbi",
    Property.O5: "vmid-reuse-without-flush",
    Property.O6: "perm-upgrade-without-tlbi",
    Property.M7: "repeat-tlbi-missing",
}


def unrepaired(violation: Violation) -> str:
    """Return the rule of a violation that no candidate repair removes."""
    by_reason = _BY_REASON.get((violation.broken, violation.reason))
    return by_reason or _BY_PROPERTY[violation.broken]


def flush_rule(window: Window, sequence: str) -> tuple[str, str]:
    """Return the rule of a flush that was left out, and where it belongs."""
    violation = window.violation
    here = window.at(violation.index)
    rule = unrepaired(violation)
    by_reason = (violation.broken, violation.reason) in _BY_REASON
    if violation.broken is Property.O2 and unbroken(window):
        return rule if by_reason else change_without_break(window), ""
    if by_reason:
        return rule, f"complete {sequence} before what relies on it {here}"
    if isinstance(window.events[violation.index], PageRelease):
        rule = "page-ref-dropped-before-tlbi"
        return rule, f"complete {sequence} before the reference is dropped {here}"
    match violation.broken:
        case Property.O2:
            return rule, f"complete {sequence} before the store {here}"
        case Property.O4:
            return rule, f"complete {sequence} before the table is freed {here}"
        case Property.O5:
            return rule, f"insert {sequence} before the VMID is used"
        case _:
            where = window.at(window.cause)
            return (
                _BY_PROPERTY[Property.O1],
                f"insert {sequence} after the store {where}",
            )
