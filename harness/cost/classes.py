"""Sort the TLBIs of a run by what they cost, not by what they are called."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cost.counts import Counts
from reference_model.operations import By, Operation
from reference_model.tlbi import decode_operation

__all__ = ["Classes", "classify"]


@dataclass(frozen=True, slots=True)
class Classes:
    """How many TLBIs of each class were executed, and how many broadcast.

    ``every``: all VMIDs; ``full``: both stages of a VMID; ``ipa`` and ``range``:
    stage 2 by IPA; ``stage1``: all or part of stage 1; ``el2``: the
    hypervisor's own entries.
    """

    every: int = 0
    full: int = 0
    ipa: int = 0
    range: int = 0
    stage1: int = 0
    el2: int = 0
    broadcast: int = 0
    local: int = 0

    @property
    def total(self) -> int:
        """Return the number of TLBIs."""
        return self.broadcast + self.local


def classify(counts: Counts) -> Classes:
    """Classify what was counted."""
    found: dict[str, int] = {}
    for name, times in counts.tlbi:
        operation = decode_operation(name)
        scope = "broadcast" if operation.broadcast else "local"
        for field in (_class(operation), scope):
            found[field] = found.get(field, 0) + times
    return Classes(**found)


def _class(operation: Operation) -> str:
    if operation.el2:
        return "el2"
    if operation.by is By.EVERYTHING:
        return "every"
    if operation.stage2:
        by_ipa = {By.INTERMEDIATE: "ipa", By.RANGE: "range"}
        return by_ipa.get(operation.by, "full")
    return "stage1"
