"""Shareability domains: whom a barrier or a broadcast TLBI reaches.

Walkers are numbered: the PEs from 0 on, then the IOMMUs.
"""

from __future__ import annotations

from dataclasses import dataclass

from reference_model.events import Domain
from reference_model.tlbi import Scope

__all__ = ["Iommu", "Shareability"]


@dataclass(frozen=True, slots=True)
class Iommu:
    """An IOMMU that walks the stage 2 given by these register values.

    One that is not ``coherent`` reads descriptors past the caches: only what
    has been cleaned to the point of coherency is sure to be seen (F8.4).
    """

    vttbr: int
    vtcr: int
    coherent: bool = True


class Shareability:
    """The inner-shareable domain of each PE, and the IOMMUs beside them."""

    def __init__(
        self, inner: tuple[int, ...], iommus: tuple[Iommu, ...], *, dvm: bool
    ) -> None:
        self._inner = inner
        self.pes = frozenset(range(len(inner)))
        self.iommus = tuple(range(len(inner), len(inner) + len(iommus)))
        self.walkers = self.pes.union(self.iommus)
        self.incoherent = frozenset(
            number
            for number, iommu in zip(self.iommus, iommus, strict=True)
            if not iommu.coherent
        )
        self._dvm = frozenset(self.iommus if dvm else ())

    def _inner_of(self, pe: int) -> frozenset[int]:
        return frozenset(n for n in self.pes if self._inner[n] == self._inner[pe])

    def domain(self, pe: int, domain: Domain) -> frozenset[int]:
        """Return the walkers in a barrier's domain (R_PSMWS, R_SPVBD)."""
        if domain is Domain.NSH:
            return frozenset({pe})
        # The IOMMUs are taken to share the inner domain of every PE: their
        # walks read through the caches of all of them.
        pes = self._inner_of(pe) if domain is Domain.ISH else self.pes
        return pes.union(self.iommus)

    def scope(self, pe: int, scope: Scope) -> frozenset[int]:
        """Return the walkers that act on a TLBI (I_DMCXY, R_QRNJC)."""
        if scope is Scope.LOCAL:
            return frozenset({pe})
        pes = self._inner_of(pe) if scope is Scope.INNER else self.pes
        return pes | self._dvm
