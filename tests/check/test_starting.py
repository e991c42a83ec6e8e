"""Where a run starts, and what its software can take."""

from __future__ import annotations

from harness.check.finding import Severity
from harness.check.pipeline import CheckRequest, check
from harness.series.base import EMBEDDED

PATCH = EMBEDDED.parent / "bad_split_without_break.patch"


def test_xen_has_no_handler_for_conflict_aborts() -> None:
    """At FEAT_BBM level 2 the split in place is right but for these aborts."""
    request = CheckRequest(
        PATCH.read_bytes(),
        PATCH.name,
        EMBEDDED,
        EMBEDDED,
        profiles=("P3-bbml2",),
        scenarios=("unmap-4k-in-2m",),
        jobs=1,
    )
    found = [f for f in check(request).findings if f.severity is not Severity.PERF]
    assert {f.rule for f in found} == {"tlb-conflict-abort-unhandled"}
    assert {f.severity for f in found} == {Severity.WARNING}
