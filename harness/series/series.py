"""Read patches in any form: which patches, in which order, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from harness.series.patch import Patch, Recovery

__all__ = ["Recovery", "Series"]


@dataclass(frozen=True, slots=True)
class Series:
    """The patches in the order in which they apply, and what to say about them.

    ``notes`` name every gap, duplicate, skipped part and unused message: each
    report shows them. ``base_commit`` is what the mails or the range state.
    """

    patches: tuple[Patch, ...]
    notes: tuple[str, ...] = ()
    base_commit: str = ""
