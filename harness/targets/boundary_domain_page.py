"""Temporary mappings of pages that Xen on 32-bit Arm does not always map.

Upstream: ``xen/arch/arm/domain_page.c`` (up to 4.17 ``xen/arch/arm/mm.c``).
What ``map_domain_page()`` returns is valid until as many calls of
``unmap_domain_page()`` have taken it back; the local TLB never has an entry of
an earlier mapping then, which the functions see to themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import BoundError
from harness.execution.boundary import Boundary, BoundaryCall
from harness.execution.fault import Fault
from harness.execution.memory import Memory
from harness.targets.physical import PAGE_SHIFT, PAGE_SIZE, is_ram

__all__ = ["DomainPages"]

_BASE = 0x8000_0000  # DOMHEAP_VIRT_START
_SLOTS = 1 << 17


@dataclass(slots=True)
class DomainPages:
    """Which pages are mapped: virtual address and count by frame number.

    Each new mapping gets a new address, so that no use of an old one goes
    unnoticed.
    """

    mapped: dict[int, tuple[int, int]] = field(default_factory=dict)
    used: int = 0

    def boundary(self) -> Mapping[str, Boundary]:
        """Return the models by function name."""
        return {
            "map_domain_page": self.map,
            "unmap_domain_page": self.unmap,
            "domain_page_map_to_mfn": self.frame_of,
        }

    def map(self, call: BoundaryCall) -> int:
        """Map a frame, or count once more that it is mapped."""
        number = call.arguments[0]
        if not is_ram(number):
            what = f"map_domain_page() of frame {number:#x}, which is no memory"
            raise Fault("bad-call", what, call.coord)
        va, count = self.mapped.get(number, (0, 0))
        if not count:
            va = self._new(call.memory, number)
        self.mapped[number] = (va, count + 1)
        return va

    def _new(self, memory: Memory, number: int) -> int:
        taken = {va for va, _ in self.mapped.values()}
        for _ in range(_SLOTS):
            va = _BASE + self.used % _SLOTS * PAGE_SIZE
            self.used += 1
            if va not in taken:
                memory.add_physical(va, number << PAGE_SHIFT, PAGE_SIZE)
                return va
        raise BoundError("all addresses of map_domain_page() are in use")

    def unmap(self, call: BoundaryCall) -> None:
        """Take one mapping back; an address that is always mapped is left alone."""
        address = call.arguments[0]
        if not _BASE <= address < _BASE + _SLOTS * PAGE_SIZE:
            return
        number = self._mapped_at(address, call)
        va, count = self.mapped.pop(number)
        if count > 1:
            self.mapped[number] = (va, count - 1)
        else:
            call.memory.remove_physical(va)

    def frame_of(self, call: BoundaryCall) -> int:
        """Return the frame that an address maps."""
        return self._mapped_at(call.arguments[0], call)

    def _mapped_at(self, address: int, call: BoundaryCall) -> int:
        page = address & -PAGE_SIZE
        for number, (va, _) in self.mapped.items():
            if va == page:
                return number
        what = f"{call.name}() of {address:#x}, where nothing is mapped"
        raise Fault("bad-call", what, call.coord)
