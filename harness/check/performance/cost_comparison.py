"""A patch and its base, compared by cost."""

from __future__ import annotations

from dataclasses import dataclass

from harness.check.performance.costing import CREATION, OPERATIONS, SWITCH, Measured
from harness.cost.classes import classify
from harness.cost.counts import Counts
from harness.cost.nested import PA_BITS, Nested
from harness.cost.parameters import Parameters
from harness.cost.span import Span

__all__ = ["NESTED", "CostComparison", "OperationCost"]

# The profile whose code runs under KVM.
NESTED = "P5-nested"

Measurements = dict[tuple[str, str], Measured]


@dataclass(frozen=True, slots=True)
class OperationCost:
    """One operation on profiles that share what it executes."""

    scenario: str
    profiles: tuple[str, ...]
    base: Measured | None
    patched: Measured

    @property
    def what(self) -> str:
        """Say what the operation does."""
        return OPERATIONS[self.scenario]


@dataclass(frozen=True, slots=True)
class CostComparison:
    """What a tree executes, or a patch changes about it (``base`` not None)."""

    subject: str
    tree: str
    profiles: tuple[str, ...]
    base: Measurements | None
    patched: Measurements
    parameters: Parameters

    def operations(self) -> list[OperationCost]:
        """List the operations, profiles that execute the same joined."""
        rows = []
        for scenario in OPERATIONS:
            groups: dict[tuple[Measured | None, Measured], list[str]] = {}
            for profile in self.profiles:
                new = self.patched.get((scenario, profile))
                if new is not None:
                    old = (self.base or {}).get((scenario, profile))
                    groups.setdefault((old, new), []).append(profile)
            rows += [
                OperationCost(scenario, tuple(names), *pair)
                for pair, names in groups.items()
            ]
        return rows

    def under_kvm(self, scenario: str, pa_bits: int) -> tuple[Span | None, Span | None]:
        """Return what an operation costs under KVM, in seconds: base, patched.

        None where it could not be run to its end.
        """
        nested = Nested(self.parameters, pa_bits)
        return (
            _cost(nested, (self.base or {}).get((scenario, NESTED))),
            _cost(nested, self.patched.get((scenario, NESTED))),
        )

    def creation(self, pa_bits: int) -> tuple[Span | None, Span | None]:
        """Return what the unmaps of a domain's creation cost, in seconds."""
        unmaps = self.parameters.value("domu-unmaps").typical
        old, new = self.under_kvm(CREATION, pa_bits)
        return (
            old.times(unmaps) if old is not None else None,
            new.times(unmaps) if new is not None else None,
        )

    def creation_by_ipa(self) -> tuple[Counts, Span] | None:
        """Return the same with a right flush by IPA: for each unmap, and for all.

        None where no replay of the unpatched code says that it is right.
        """
        measured = (self.base or self.patched).get((CREATION, NESTED))
        if measured is None or measured.stopped or measured.by_ipa is None:
            return None
        unmaps = self.parameters.value("domu-unmaps").typical
        # A flush by IPA costs the same whatever the size of the address space.
        cost = Nested(self.parameters, PA_BITS[-1]).of(classify(measured.by_ipa))
        return measured.by_ipa, cost.times(unmaps)

    def goes_wrong(self, scenario: str) -> bool:
        """Tell whether an operation breaks with the patch what it did not before.

        On any profile: the code is the same on all.
        """
        for profile in self.profiles:
            new = self.patched.get((scenario, profile))
            old = (self.base or {}).get((scenario, profile))
            if new is not None and old is not None and new.broken - old.broken:
                return True
        return False

    def switch(self, pa_bits: int) -> tuple[Span | None, Span | None]:
        """Return what a switch between vCPUs of a domain costs, in seconds."""
        return self.under_kvm(SWITCH, pa_bits)


def _cost(nested: Nested, measured: Measured | None) -> Span | None:
    if measured is None or measured.stopped:
        return None
    return nested.of(classify(measured.counts))
