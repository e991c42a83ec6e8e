"""Instructions that a VPIPT cache may hold under a VMID (F7.9).

Such a cache finds instructions by VMID and physical address, so a VMID that
passes to another stage 2 needs the instruction cache invalidated.
"""

from __future__ import annotations

from reference_model.sysregs import Root

__all__ = ["InstructionCaches"]

_EVERYWHERE = ("IC IALLUIS",)
_LOCAL = ("IC IALLU",)


class InstructionCaches:
    """Per PE, the stage 2s whose instructions may be held under each VMID."""

    def __init__(self, pes: int, *, by_vmid: bool) -> None:
        self._by_vmid = by_vmid
        self._held: list[dict[int, set[int]]] = [{} for _ in range(pes)]
        # Invalidations that a DSB of the PE has yet to complete.
        self._pending: list[set[int]] = [set() for _ in range(pes)]

    def run(self, pe: int, vmid: int, root: Root) -> bool:
        """Enter a guest; tells whether another one's instructions may be there."""
        held = self._held[pe].setdefault(vmid, set())
        held.add(root.address)
        return self._by_vmid and len(held) > 1

    def invalidate(self, pe: int, op: str) -> None:
        """Note an instruction cache operation of a PE."""
        if op in _EVERYWHERE:
            self._pending[pe].update(range(len(self._held)))
        elif op in _LOCAL:
            self._pending[pe].add(pe)

    def complete(self, pe: int, domain: frozenset[int]) -> None:
        """Note a DSB of the PE that covers loads and stores."""
        for reached in self._pending[pe] & domain:
            self._held[reached].clear()
        self._pending[pe] -= domain
