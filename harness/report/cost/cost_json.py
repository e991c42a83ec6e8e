"""The report of ``harness cost`` as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from harness.check.performance.cost_comparison import CostComparison
from harness.check.performance.costing import CREATION, Measured
from harness.cost.break_even import REGIONS, nested_pages, region_costs
from harness.cost.nested import PA_BITS, Nested
from harness.cost.span import Span

__all__ = ["cost_json"]


def cost_json(comparison: CostComparison) -> str:
    """Render all numbers; times are in seconds."""
    data = {
        "subject": comparison.subject,
        "tree": comparison.tree,
        "operations": [
            {
                "scenario": row.scenario,
                "what": row.what,
                "profiles": list(row.profiles),
                "base": _measured(row.base),
                "patched": _measured(row.patched),
            }
            for row in comparison.operations()
        ],
        "nested": {str(bits): _nested(comparison, bits) for bits in PA_BITS},
        "parameters": [
            {**asdict(p), "value": _span(p.value)}
            for p in comparison.parameters.every()
        ],
    }
    return json.dumps(data, indent=2) + "\n"


def _nested(comparison: CostComparison, bits: int) -> dict[str, Any]:
    nested = Nested(comparison.parameters, bits)
    right = comparison.creation_by_ipa()
    return {
        "chunks": nested.chunks,
        "full_flush": _span(nested.full),
        "break_even_pages": _span(nested_pages(nested)),
        "operations": {
            row.scenario: dict(
                zip(
                    ("base", "patched"),
                    map(_span, comparison.under_kvm(row.scenario, bits)),
                    strict=True,
                )
            )
            for row in comparison.operations()
        },
        "create_domain_128M": dict(
            zip(("base", "patched"), map(_span, comparison.creation(bits)), strict=True)
        )
        | {
            "right_by_ipa": None if right is None else _span(right[1]),
            "wrong_with_patch": comparison.goes_wrong(CREATION),
        },
        "regions": {
            str(size): {n: _span(c) for n, c in region_costs(nested, size).items()}
            for size in REGIONS
        },
    }


def _measured(measured: Measured | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    counts = asdict(measured.counts)
    lost = measured.refills
    return {
        **counts,
        "tlbi": dict(measured.counts.tlbi),
        "right_entries": None if lost is None else lost._asdict(),
        "stopped": measured.stopped,
        "broken": sorted(measured.broken),
        "by_ipa": None if measured.by_ipa is None else dict(measured.by_ipa.tlbi),
    }


def _span(span: Span | None) -> dict[str, float] | None:
    return None if span is None else span._asdict()
