"""How many descriptors a translation table walk reads."""

from __future__ import annotations

__all__ = ["combined_reads", "stage2_reads"]


def stage2_reads(start_level: int) -> int:
    """Return the reads of a stage-2 walk that ends at level 3."""
    return 4 - start_level


def combined_reads(stage1_levels: int, stage2_levels: int) -> int:
    """Return the reads of a walk of both stages with nothing cached.

    Each stage-1 descriptor lies at an IPA that stage 2 translates first, and so
    does the page at the end (the tables of both stages in memory).
    """
    return (stage1_levels + 1) * (stage2_levels + 1) - 1
