"""From how many pages on one full flush is cheaper than a flush per page."""

from __future__ import annotations

import math

from harness.cost.nested import Nested
from harness.cost.span import Span

__all__ = [
    "FULL",
    "PAGE",
    "REGIONS",
    "nested_pages",
    "refill_reads",
    "region_costs",
]

PAGE = 4096
FULL = "full"  # the way that removes everything of a VMID
# Sizes of a region whose pages are flushed.
REGIONS = tuple(1 << bits for bits in range(12, 34, 3))


def nested_pages(nested: Nested) -> Span:
    """Return the number of pages at which both cost the same under KVM.

    A flush by page ends with one stage-1 operation for all of them.
    """
    return nested.full.over(nested.ipa)


def region_costs(nested: Nested, size: int) -> dict[str, Span]:
    """Return what each way to flush a region costs under KVM, in seconds."""
    pages = math.ceil(size / PAGE)
    last = nested.stage1
    return {
        "per page": nested.ipa.times(pages).plus(last),
        "by range": nested.range(size).plus(last),
        FULL: nested.full,
    }


def refill_reads(entries: int, reads: int) -> int:
    """Return the descriptor reads that refill a TLB after a full flush.

    On bare metal a flush per page costs a message for each page, a full flush
    one message and the refills.  With D reads in the time of one message, both
    cost the same at this many reads divided by D pages.
    """
    return entries * reads
