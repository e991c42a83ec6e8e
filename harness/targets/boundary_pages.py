"""The page allocator, page references and operations on whole pages.

Upstream: ``xen/common/page_alloc.c``, ``xen/arch/arm/mm.c``,
``xen/arch/arm/arm64/lib/clear_page.S``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from harness.execution.boundary import Boundary, BoundaryCall
from harness.targets.physical import PAGE_SIZE, Heap, is_ram
from reference_model.events import (
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    Isb,
    PageRelease,
    TableFree,
    Zero,
)

__all__ = ["Pages"]

_LINE = 64  # bytes of a cache line, as dcache_line_bytes says


@dataclass(slots=True)
class Pages:
    """Page operations of one world."""

    heap: Heap
    pa_of_page: Callable[[int], int]  # struct page_info * -> physical address
    page_at: Callable[[int], int]  # physical address -> struct page_info *
    virtual: Callable[[int], int]  # physical address -> direct map address
    physical: Callable[[int], int]  # direct map address -> physical address
    owner_of: Callable[[int], int]  # struct page_info * -> struct domain *

    def boundary(self) -> Mapping[str, Boundary]:
        """Return the models by function name."""
        return {
            "alloc_domheap_pages": self.allocate,
            "free_domheap_pages": self.free,
            "get_page": self.get,
            "put_page": self.put,
            "page_get_owner_and_reference": self.get_owned,
            "__mfn_valid": self.mfn_valid,
            "clear_page": self.clear,
            "__memzero": self.memzero,
            "clear_and_clean_page": self.clear_and_clean,
            "flush_page_to_ram": self.flush_to_ram,
        }

    def allocate(self, call: BoundaryCall) -> int:
        """Return 2^order pages that no TLB knows, with undefined content.

        ``alloc_heap_pages`` flushes the TLBs of all guests for a page that
        was mapped before it hands it out.  NULL if the heap is to run dry.
        """
        heap = self.heap
        if heap.left is not None:
            if heap.left == 0:
                return 0
            heap.left -= 1
        return self.page_at(heap.take(call.arguments[1]))

    def free(self, call: BoundaryCall) -> None:
        """Give 2^order pages back; touching them from now on is a fault."""
        page, order = call.arguments
        pa, size = self.pa_of_page(page), PAGE_SIZE << order
        call.emit(TableFree(call.pe, pa, size))
        call.memory.poison(self.virtual(pa), size)

    def get(self, call: BoundaryCall) -> int:
        """Take a reference if the page belongs to the domain."""
        page, domain = call.arguments
        return int(self.owner_of(page) == domain)

    def get_owned(self, call: BoundaryCall) -> int:
        """Take a reference and return the owner."""
        return self.owner_of(call.arguments[0])

    def put(self, call: BoundaryCall) -> None:
        """Drop a reference.

        Right before a TLB flush too: the allocator flushes when it hands the
        page out again.
        """
        call.emit(PageRelease(call.pe, self.pa_of_page(call.arguments[0])))

    def mfn_valid(self, call: BoundaryCall) -> int:
        """Tell whether the frame has a struct page_info."""
        return int(is_ram(call.arguments[0]))

    def clear(self, call: BoundaryCall) -> None:
        """Fill a page with zeroes; no barrier."""
        call.memory.poke_bytes(call.arguments[0], bytes(PAGE_SIZE))
        call.emit(Zero(call.pe, self.physical(call.arguments[0]), PAGE_SIZE))

    def memzero(self, call: BoundaryCall) -> None:
        """Fill memory with zeroes, as arm32's clear_page() did up to 4.17."""
        address, size = call.arguments
        call.memory.store_bytes(address, bytes(size), call.coord)
        call.execution.cleared(address, size, call.origin)

    def clear_and_clean(self, call: BoundaryCall) -> None:
        """Clear a page and clean it to the point of coherency, DSB SY around."""
        pa = self.pa_of_page(call.arguments[0])
        call.memory.poke_bytes(self.virtual(pa), bytes(PAGE_SIZE))
        call.emit(Zero(call.pe, pa, PAGE_SIZE))
        self._clean(call, pa, "DC CVAC")

    def flush_to_ram(self, call: BoundaryCall) -> None:
        """Clean and invalidate a page, and the instruction cache on request."""
        frame_number, with_icache = call.arguments
        self._clean(call, frame_number * PAGE_SIZE, "DC CIVAC")
        if with_icache:
            call.emit(CacheOp(call.pe, "IC IALLUIS", 0))
            call.emit(Barrier(call.pe, BarrierKind.DSB, Domain.ISH))
            call.emit(Isb(call.pe))

    def _clean(self, call: BoundaryCall, pa: int, op: str) -> None:
        call.emit(Barrier(call.pe, BarrierKind.DSB, Domain.SY))
        for line in _lines(pa):
            call.emit(CacheOp(call.pe, op, line))
        call.emit(Barrier(call.pe, BarrierKind.DSB, Domain.SY))


def _lines(pa: int) -> Iterator[int]:
    return iter(range(pa, pa + PAGE_SIZE, _LINE))
