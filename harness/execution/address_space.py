"""The simulated address space: which memory lies where.

Every region starts on a page of its own with unmapped pages around it, so an
access outside of any region is caught.  One dictionary from page number to
chunk serves every access.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import BoundError, Unsupported
from harness.execution.chunk import (
    CONSTANT,
    ENDED,
    FRAME,
    OFFSET,
    PAGE,
    SHIFT,
    Chunk,
    OnRead,
    OnStore,
    Region,
    Watch,
    Window,
    full,
    room,
)
from harness.execution.fault import Fault
from reference_model.coordinates import Coord

__all__ = ["NARROW", "WIDE", "AddressSpace", "Areas"]

_NULL_REGION = 1 << 20  # members of large structs count as NULL, too


@dataclass(frozen=True, slots=True)
class Areas:
    """Where the simulated program's own things lie.

    What the code under test has constants for (frame table, direct map …) must
    stay clear of them.
    """

    globals: int
    externs: int  # variables that are defined elsewhere
    functions: int
    objects: int
    frames: int
    end: int  # of the frames
    stride: int  # pages from one region to the next, at least


WIDE = Areas(
    globals=0x0010_0000_0000_0000,
    externs=0x0010_1000_0000_0000,
    functions=0x0020_0000_0000_0000,
    objects=0x0030_0000_0000_0000,
    frames=0x0040_0000_0000_0000,
    end=1 << 64,
    stride=16,
)
# Between and above what Xen for 32-bit Arm lays out (asm/mmu/layout.h).
NARROW = Areas(
    globals=0x1000_0000,
    externs=0x1800_0000,
    functions=0x0020_0000,
    objects=0xA000_0000,
    frames=0xC000_0000,
    end=0xF000_0000,
    stride=4,
)


class AddressSpace:
    """Regions and windows, and the checks that an access meets."""

    def __init__(self, areas: Areas = WIDE) -> None:
        self.areas = areas
        self.chunks: dict[int, Chunk] = {}
        self.regions: list[Region] = []
        self.windows: list[Window] = []
        self._sparse: list[tuple[Region, bool]] = []
        self._physical: dict[int, Chunk] = {}
        self._freed: dict[int, Region] = {}
        self._watches: list[Watch] = []
        self._next = {
            "global": areas.globals >> SHIFT,
            "extern": areas.externs >> SHIFT,
            "object": areas.objects >> SHIFT,
        }
        self.next_frame = areas.frames >> SHIFT
        self._wrapped = False

    # ------------------------------------------------------------- regions

    def add(
        self,
        size: int,
        name: str,
        *,
        base: int | None = None,
        kind: str = "object",
        zero: bool = False,
        readonly: bool = False,
    ) -> Region:
        """Add a region; without ``base`` it gets one far from all others.

        A region never shares a page with another one.
        """
        if base is None:
            area = kind if kind in self._next else "object"
            page = self._next[area]
            base = page << SHIFT
            pages = 1 + (size + PAGE - 1) // PAGE
            self._next[area] = page + self.areas.stride * pages
            if base < self.areas.frames < base + size:
                raise BoundError("the simulated address space is used up")
        elif base & OFFSET:
            raise BoundError(f"memory '{name}' must start on a page boundary")
        else:
            self._check_free(base, size, name)
        region = Region(base, size, name, kind, readonly)
        self.regions.append(region)
        if size > 64 * PAGE:
            self._sparse.append((region, zero))
        else:
            for offset in range(0, size, PAGE):
                self._map(base + offset, region, zero)
        return region

    def _check_free(self, base: int, size: int, name: str) -> None:
        taken = [(r.base, r.size, r.name) for r in self.regions]
        taken += [(w.va, w.size, w.region.name) for w in self.windows]
        for start, length, other in taken:
            if start < base + size and base < start + length + -length % PAGE:
                raise BoundError(f"memory '{name}' would overlap '{other}'")

    def add_physical(
        self,
        va: int,
        pa: int,
        size: int,
        on_store: OnStore | None = None,
        *,
        zero: bool = False,
    ) -> Region:
        """Map physical memory [pa, pa + size) at ``va``, all page aligned.

        ``on_store`` is told (pa, size) after each store through this window.
        """
        assert not (va | pa | size) & OFFSET
        region = Region(va, size, f"physical memory {pa:#x}", "physical")
        self.windows.append(Window(va, pa, size, region, zero, on_store))
        return region

    def remove_physical(self, va: int) -> None:
        """Unmap what ``add_physical`` mapped at ``va``."""
        window = next(w for w in self.windows if w.va == va)
        self.windows.remove(window)
        for page in range(va >> SHIFT, va + window.size >> SHIFT):
            self.chunks.pop(page, None)

    def frame(self, size: int) -> int:
        """Add a nameless region for a variable of a function's frame."""
        page, stride = self.next_frame, self.areas.stride
        if page in self.chunks or (page + 1) << SHIFT >= self.areas.end:
            page = self._free_page(size)
        base = page << SHIFT
        if size <= PAGE:
            self.next_frame = page + stride
            self.chunks[page] = Chunk(FRAME, size, False)
            return base
        self.next_frame = page + stride * (1 + size // PAGE)
        if self.next_frame << SHIFT > self.areas.end:
            raise BoundError("the simulated stack is used up")
        for offset in range(0, size, PAGE):
            part = Chunk(FRAME, min(PAGE, size - offset), False)
            self.chunks[page + offset // PAGE] = part
        return base

    def _free_page(self, size: int) -> int:
        """Find room for a frame from the start of the area again.

        Only a small area is ever used twice.
        """
        stride, count = self.areas.stride, 1 + size // PAGE
        first, end = self.areas.frames >> SHIFT, self.areas.end >> SHIFT
        start = self.next_frame
        if start + 1 >= end:
            start, self._wrapped = first, True
        for page in range(start, end - count, stride):
            if not any(page + n in self.chunks for n in range(count)):
                return page
        raise BoundError("the simulated stack is used up")

    def drop(self, base: int, size: int) -> None:
        """Forget what ``frame`` added."""
        page = base >> SHIFT
        del self.chunks[page]
        for extra in range(1, (size + PAGE - 1) // PAGE):
            del self.chunks[page + extra]

    def begin(self, base: int, size: int) -> None:
        """Begin the life of a variable of a frame: nothing in it is known."""
        page = base >> SHIFT
        for offset in range(0, size, PAGE):
            part = Chunk(FRAME, min(PAGE, size - offset), False)
            self.chunks[page + offset // PAGE] = part

    def end(self, base: int, size: int) -> None:
        """End the life of a variable of a frame; its place stays taken."""
        page = base >> SHIFT
        for extra in range((size + PAGE - 1) // PAGE):
            self.chunks[page + extra] = ENDED

    def freeze(self, base: int, size: int) -> None:
        """Let nothing store to a variable of a frame any more."""
        page = base >> SHIFT
        for extra in range((size + PAGE - 1) // PAGE):
            chunk = self.chunks[page + extra]
            chunk.region = CONSTANT
            chunk.plain = False

    def free(self, region: Region) -> None:
        """End the life of a region; later accesses are faults."""
        region.freed = True
        self.regions.remove(region)
        self._sparse = [(r, z) for r, z in self._sparse if r is not region]
        for page in range(
            region.base >> SHIFT, (region.base + max(region.size, 1) - 1 >> SHIFT) + 1
        ):
            self._freed[page] = region
            if page in self.chunks and self.chunks[page].region is region:
                del self.chunks[page]

    def poison(self, address: int, size: int) -> None:
        """Make accesses to a range faults, as after freeing it."""
        for chunk, start, end in self._pieces(address, size):
            chunk.poison.append((start, end))
            chunk.plain = chunk.readable = False

    def unpoison(self, address: int, size: int) -> None:
        """Allow accesses to the range again."""
        for chunk, start, end in self._pieces(address, size):
            left = []
            for low, high in chunk.poison:
                left += [(low, min(high, start)), (max(low, end), high)]
            chunk.poison = [(low, high) for low, high in left if low < high]
            self._settle(chunk)

    def undefine(self, address: int, size: int) -> None:
        """Make the content of a range indeterminate."""
        for chunk, start, end in self._pieces(address, size):
            if chunk.init is None:
                chunk.init = bytearray(full(len(chunk.data)))
            chunk.init[start:end] = bytes(end - start)

    def watch(self, address: int, size: int, name: str, report: OnRead) -> None:
        """Report reads of a range: (name, byte offset, bit, width, value)."""
        watch = Watch(address, address + size, name, report)
        self._watches.append(watch)
        for page in range(address >> SHIFT, (address + size - 1 >> SHIFT) + 1):
            chunk = self._chunk(page << SHIFT)
            if chunk is not None:
                chunk.watches.append(watch)
                chunk.plain = chunk.readable = False

    def physical_address(self, address: int) -> int | None:
        """Translate a virtual address; None outside of physical memory."""
        for window in self.windows:
            if window.va <= address < window.va + window.size:
                return window.pa + address - window.va
        return None

    def object_at(self, address: int) -> object | None:
        """Return what a pointer points into or just behind; None: nobody knows.

        All of physical memory counts as one object, as do the symbols that
        the linker defines.
        """
        chunk = self._chunk(address)
        if chunk is None and not address & OFFSET:
            chunk = self._chunk(address - 1)
        if chunk is None or chunk is ENDED or chunk.pa >= 0:
            return None
        if chunk.region.kind == "extern":
            return None
        return chunk if chunk.region in (FRAME, CONSTANT) else chunk.region

    def name_at(self, address: int) -> str:
        """Return the name of the object at an address."""
        chunk = self._chunk(address) or self._chunk(address - 1)
        return "" if chunk is None else chunk.region.name

    def told(self, address: int, size: int) -> None:
        """Tell the window's owner of a store."""
        for window in self.windows:
            if window.on_store is None:
                continue
            low = max(address, window.va)
            high = min(address + size, window.va + window.size)
            if low < high:
                window.on_store(window.pa + low - window.va, high - low)

    def all_plain(self, address: int, size: int) -> bool:
        """Tell whether a range is memory that nobody looks at."""
        pages = range(address >> SHIFT, (address + max(size, 1) - 1 >> SHIFT) + 1)
        return all(p in self.chunks and self.chunks[p].plain for p in pages)

    def _map(self, address: int, region: Region, zero: bool) -> Chunk:
        size = min(PAGE, region.base + region.size - address)
        chunk = Chunk(region, size, zero)
        self.chunks[address >> SHIFT] = chunk
        self._look_watched(address >> SHIFT, chunk)
        return chunk

    def _look_watched(self, page: int, chunk: Chunk) -> None:
        low, high = page << SHIFT, (page + 1) << SHIFT
        found = [w for w in self._watches if w.start < high and low < w.end]
        if found:
            chunk.watches += found
            chunk.plain = chunk.readable = False

    def _settle(self, chunk: Chunk) -> None:
        chunk.readable = not chunk.poison and not chunk.watches
        chunk.plain = chunk.readable and chunk.pa < 0 and not chunk.region.readonly

    def _chunk(self, address: int) -> Chunk | None:
        """Return the chunk of an address, made on first need."""
        page = address >> SHIFT
        chunk = self.chunks.get(page)
        if chunk is not None:
            return chunk
        for window in self.windows:
            if window.va <= address < window.va + window.size:
                pa = window.pa + (page << SHIFT) - window.va
                chunk = self._physical.get(pa >> SHIFT)
                if chunk is None:
                    chunk = Chunk(window.region, PAGE, window.zero, pa)
                    self._physical[pa >> SHIFT] = chunk
                self.chunks[page] = chunk
                self._look_watched(page, chunk)
                return chunk
        for region, zero in self._sparse:
            if region.base <= address < region.base + region.size:
                return self._map(page << SHIFT, region, zero)
        return None

    def _pieces(self, address: int, size: int) -> list[tuple[Chunk, int, int]]:
        """Split a range of the harness's own into (chunk, start, end)."""
        pieces, done = [], 0
        while done < size:
            at = address + done
            chunk = self._chunk(at)
            count = 0 if chunk is None else room(chunk, at, size - done)
            if chunk is None or count <= 0:
                msg = f"memory at {at:#x} does not exist in the simulated world"
                raise BoundError(msg)
            offset = at & OFFSET
            pieces.append((chunk, offset, offset + count))
            done += count
        return pieces

    def _access(
        self, address: int, size: int, store: bool, coord: Coord | None
    ) -> list[tuple[int, Chunk, int, int]]:
        """Check an access and split it into (address, chunk, offset, count)."""
        pieces, done = [], 0
        while done < size:
            at = address + done
            chunk = self._chunk(at)
            count = 0 if chunk is None else room(chunk, at, size - done)
            if chunk is None or count <= 0:
                raise self._outside(address, size, store, coord)
            offset = at & OFFSET
            for low, high in chunk.poison:
                if low < offset + count and offset < high:
                    what = f"{_verb(store)} of freed memory at {at:#x}"
                    if chunk.pa >= 0:
                        what += f" (physical page {chunk.pa:#x})"
                    raise Fault("use-after-free", what, coord)
            if store and chunk.region.readonly:
                what = f"store to read-only '{chunk.region.name}'"
                raise Fault("read-only", what, coord)
            pieces.append((at, chunk, offset, count))
            done += count
        return pieces

    def _outside(
        self, address: int, size: int, store: bool, coord: Coord | None
    ) -> Fault | Unsupported:
        verb = _verb(store)
        if address < _NULL_REGION:
            where = "NULL" if not address else f"NULL plus {address:#x}"
            return Fault("null-dereference", f"{verb} through {where}", coord)
        gone = self._freed.get(address >> SHIFT)
        if gone is not None and self._chunk(address) is None:
            return Fault("use-after-free", f"{verb} of freed '{gone.name}'", coord)
        areas = self.areas
        frames_end = areas.end if self._wrapped else self.next_frame << SHIFT
        if areas.frames <= address < frames_end:
            # Variables start at a multiple of the stride.
            chunk = self._chunk(address & -(areas.stride << SHIFT))
            if chunk is None or chunk is ENDED:
                what = f"{verb} of a variable on the stack whose life has ended"
                return Fault("use-after-free", what, coord)
            what = f"{verb} outside of a variable on the stack"
            return Fault("out-of-bounds", what, coord)
        below = [r for r in self.regions if r.base <= address]
        near = max(below, key=lambda r: r.base, default=None)
        if near is not None and near.kind == "extern" and not near.size:
            what = f"the content of '{near.name}', whose size is not declared here"
            return Unsupported(coord, what)
        what = f"{verb} of {size} bytes at {address:#x}, where nothing is"
        around = areas.stride << SHIFT
        if near is not None and address < near.base + near.size + around:
            past = address + size - near.base
            what = f"{verb} up to byte {past} of '{near.name}' of {near.size} bytes"
        return Fault("out-of-bounds", what, coord)


def _verb(store: bool) -> str:
    return "store" if store else "load"
