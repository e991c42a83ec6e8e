"""What TLB maintenance costs a hypervisor that is itself a guest of KVM.

KVM traps each TLBI of its guest hypervisor.  One on both stages of a VMID
unmaps the whole shadow stage 2, in chunks of 1 GiB (4K granule) over all of the
guest's physical addresses, whether anything is mapped there or not; one by IPA
unmaps a block; one on stage 1 is executed and leaves the shadow tables alone.
Broadcast and local forms cost the same.
"""

from __future__ import annotations

from harness.cost.classes import Classes
from harness.cost.parameters import Parameters
from harness.cost.span import Span

__all__ = ["PA_BITS", "Nested"]

# Sizes of the physical address space that a guest of KVM can be given.
PA_BITS = (36, 40, 42, 44, 48, 52)


class Nested:
    """Costs under KVM nested virtualization with so many PA bits, in seconds."""

    def __init__(self, parameters: Parameters, pa_bits: int) -> None:
        self._parameters = parameters
        self.pa_bits = pa_bits

    @property
    def chunks(self) -> int:
        """Return how many chunks one full flush goes through."""
        bits = int(self._parameters.value("nv-chunk-bits").typical)
        return int(1 << max(0, self.pa_bits - bits))

    @property
    def full(self) -> Span:
        """Return the cost of one TLBI on both stages of a VMID."""
        # What was measured holds the trap: it is no part of its own.
        return self._parameters.value("nv-chunk").times(self.chunks)

    @property
    def ipa(self) -> Span:
        """Return the cost of one TLBI by IPA."""
        return self._parameters.value("nv-ipas2")

    @property
    def stage1(self) -> Span:
        """Return the cost of one TLBI on stage 1."""
        return self._parameters.value("nv-stage1")

    def range(self, size: int) -> Span:
        """Return the cost of one TLBI by IPA range over ``size`` bytes."""
        bits = int(self._parameters.value("nv-chunk-bits").typical)
        further = max(0, -(-size >> bits) - 1)
        return self.ipa.plus(self._parameters.value("nv-chunk").times(further))

    def of(self, classes: Classes) -> Span:
        """Return the cost of everything counted.

        A TLBI on every VMID counts as one on the VMID in use: how many guests
        run is not known here.  A range counts as within one chunk.
        """
        total = self.full.times(classes.full + classes.every)
        total = total.plus(self.ipa.times(classes.ipa))
        total = total.plus(self.range(1).times(classes.range))
        return total.plus(self.stage1.times(classes.stage1 + classes.el2))
