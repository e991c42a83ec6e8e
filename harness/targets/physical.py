"""The simulated machine's physical address map.

RAM from 1 GiB to 4 GiB.  The first 4 MiB are the heap that table pages come
from; guests' memory follows.  Nothing else is known of guest memory than
that it exists: its content plays no role.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import BoundError

__all__ = [
    "GUEST_BLOCK_1G",
    "GUEST_BLOCK_2M",
    "GUEST_PAGES",
    "HEAP_BASE",
    "HEAP_SIZE",
    "PAGE_SHIFT",
    "PAGE_SIZE",
    "PES",
    "RAM_BASE",
    "RAM_END",
    "Heap",
    "frame",
    "is_ram",
]

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT

PES = 2

RAM_BASE = 0x4000_0000
RAM_END = 0x1_0000_0000
HEAP_BASE = RAM_BASE
HEAP_SIZE = 4 << 20

GUEST_PAGES = 0x4100_0000  # single pages
GUEST_BLOCK_2M = 0x4140_0000  # some 2 MiB blocks
GUEST_BLOCK_1G = 0x8000_0000


def frame(pa: int) -> int:
    """Return the frame number of a physical address."""
    return pa >> PAGE_SHIFT


def is_ram(mfn: int) -> bool:
    """Tell whether a frame is RAM: whether mfn_valid() holds."""
    return frame(RAM_BASE) <= mfn < frame(RAM_END)


@dataclass(slots=True)
class Heap:
    """Hands out pages once each, lowest address first.

    A page given back is not handed out again in the same run: upstream's
    allocator first flushes all guests' TLBs for it, which would hide what the
    code under test did.
    """

    next_free: int = HEAP_BASE
    left: int | None = None  # allocations that will still succeed; None: all

    def take(self, order: int) -> int:
        """Return the physical address of 2^order pages, aligned to their size."""
        size = PAGE_SIZE << order
        pa = (self.next_free + size - 1) & -size
        if pa + size > HEAP_BASE + HEAP_SIZE:
            raise BoundError("the simulated heap of 4 MiB is used up")
        self.next_free = pa + size
        return pa
