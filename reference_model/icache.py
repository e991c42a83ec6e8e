"""Instructions that a VPIPT cache may hold under a VMID (F7.9).

Such a cache finds instructions by VMID and physical address, so a VMID that
passes to another stage 2 needs the instruction cache invalidated.
"""

from __future__ import annotations

from reference_model.sysregs import Root

__all__ = ["InstructionCaches"]

_EVERYWHERE = ("IC IALLUIS",)
_LOCAL = ("IC IALLU",)
_Guest = tuple[int, int]  # VMID, address of the stage 2


class InstructionCaches:
    """Per PE, the stage 2s whose instructions may be held under each VMID."""

    def __init__(self, pes: int, *, by_vmid: bool) -> None:
        self._by_vmid = by_vmid
        self._invalidations = 0
        # The guests that have fetched on each PE: after how many invalidations
        # was the last fetch possible?
        self._held: list[dict[_Guest, int]] = [{} for _ in range(pes)]
        self._running: list[_Guest | None] = [None] * pes
        # Invalidations that a DSB of the PE has yet to complete: on which PEs.
        self._pending: list[dict[int, int]] = [{} for _ in range(pes)]

    def run(self, pe: int, vmid: int, root: Root) -> bool:
        """Enter a guest; tells whether another one's instructions may be there."""
        self.leave(pe)
        guest = self._running[pe] = (vmid, root.address)
        held = self._held[pe]
        held[guest] = self._invalidations
        return self._by_vmid and any(g[0] == vmid and g != guest for g in held)

    def leave(self, pe: int) -> None:
        """Leave a guest: it fetches no more."""
        guest, self._running[pe] = self._running[pe], None
        if guest is not None:
            self._held[pe][guest] = self._invalidations

    def invalidate(self, pe: int, op: str) -> None:
        """Note an instruction cache operation of a PE."""
        if op in _EVERYWHERE or op in _LOCAL:
            self._invalidations += 1
            reached = range(len(self._held)) if op in _EVERYWHERE else (pe,)
            self._pending[pe].update(dict.fromkeys(reached, self._invalidations))

    def complete(self, pe: int, domain: frozenset[int]) -> None:
        """Note a DSB of the PE that covers loads and stores.

        What was fetched after the invalidation was issued is not gone for sure.
        """
        for reached in [q for q in self._pending[pe] if q in domain]:
            issued = self._pending[pe].pop(reached)
            self._held[reached] = {
                guest: fetched
                for guest, fetched in self._held[reached].items()
                if fetched >= issued or guest == self._running[reached]
            }
