"""TLB maintenance instructions: from issue to completion (M4, M5)."""

from __future__ import annotations

from dataclasses import replace

from reference_model.accesses import Accesses
from reference_model.assumptions import Assumptions
from reference_model.completion import Completion
from reference_model.events import IommuFlush, Tlbi
from reference_model.issued import Issued
from reference_model.matching import regimes_of
from reference_model.operands import Reading, target_of
from reference_model.pe import Pe
from reference_model.profiles import Profile
from reference_model.regimes import Regime
from reference_model.shareability import Shareability
from reference_model.sysregs import granule_of
from reference_model.tlbi import By, Operation, Scope, Target, decode_operation
from reference_model.unmodelled import Unmodelled

__all__ = ["Maintenance"]


_NONE: frozenset[Regime] = frozenset()


class Maintenance:
    """Issues TLBIs to the walkers in their scope, and completes them at DSBs."""

    def __init__(
        self,
        profile: Profile,
        assumptions: Assumptions,
        reach: Shareability,
        completion: Completion,
        accesses: Accesses,
    ) -> None:
        self._profile = profile
        self._assumptions = assumptions
        self._reach = reach
        self._completion = completion
        self._accesses = accesses

    @property
    def pending(self) -> list[Issued]:
        """Return the TLBIs that are not complete on every walker in scope."""
        return list(self._completion.pending)

    def issue(
        self,
        event: Tlbi,
        target: Target | None,
        pe: Pe,
        now: int,
        index: int,
        *,
        shared: bool = False,
    ) -> None:
        """Issue a TLBI; ``target`` stands for its operand if it is given.

        ``shared``: other PEs may have put in what a local one does not reach.
        """
        operation = decode_operation(event.op)
        reading = self._reading(operation, pe)
        if target is None:
            target = target_of(operation, event.operand, reading)
        self._completion.issue(
            Issued(
                operation,
                event.pe,
                now,
                index,
                pe.possible_vmids(),
                self._reach.scope(event.pe, operation.scope),
                target and replace(target, granule=reading.granule),
                _NONE
                if shared and operation.scope is Scope.LOCAL
                else regimes_of(operation, pe.values("HCR_EL2")),
                self._assumptions,
            )
        )

    def _reading(self, operation: Operation, pe: Pe) -> Reading:
        """Return how the PE reads the operand of an operation."""
        by_ipa = operation.by in (By.INTERMEDIATE, By.RANGE)
        # An EL1&0 operation by VA is read with the guest's granule, but no
        # entry is known by the guest's VAs.
        control = pe.values("VTCR_EL2" if by_ipa else "TCR_EL2")
        granules = list(dict.fromkeys(granule_of(value) for value in control))
        if len(granules) > 1 and operation.by not in (By.EVERYTHING, By.VMID):
            raise Unmodelled("a TLBI by address while the granule changes")
        return Reading(
            granules[-1], ttl=self._profile.ttl, ranges=self._profile.tlb_range
        )

    def complete(self, pe: int, domain: frozenset[int], now: int, *, nxs: bool) -> None:
        """Complete what a PE has issued, on the walkers in a DSB's domain."""
        if self._assumptions.dsb_nsh_completes_is:
            domain = self._reach.walkers
        done = self._completion.complete(pe, domain, now, nxs=nxs)
        self._accesses.completed(done, pe, now)

    def flush_iommu(self, event: IommuFlush, now: int, index: int) -> None:
        """Invalidate an IOMMU's TLB, and wait for it to finish (F8.5)."""
        if not 0 <= event.iommu < len(self._reach.iommus):
            raise Unmodelled(f"a flush of IOMMU {event.iommu}, which is not there")
        target = frozenset({self._reach.iommus[event.iommu]})
        flush = decode_operation("ALLE1")
        self._completion.issue(
            Issued(flush, event.pe, now, index, frozenset(), target, None)
        )
        self._completion.complete(event.pe, target, now)
