"""Byte-accurate simulated memory: a flat address space of guarded regions.

Every region starts on a page of its own with unmapped pages around it, so an
access outside of any region is caught.  Contents live in chunks of at most one
page; one dictionary from page number to chunk serves every access.  Each
chunk remembers bit by bit what has been initialised.

Physical memory is a set of sparse 4 KiB pages reached through windows; two
windows onto one physical page share its chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import BoundError, Unsupported
from harness.execution.fault import Fault
from reference_model.coordinates import Coord

__all__ = ["PAGE", "Chunk", "Memory", "OnStore", "Region", "Window"]

PAGE = 4096
_SHIFT = 12
_OFFSET = PAGE - 1
_STRIDE = 16  # pages from one region to the next, at least
_NULL_REGION = 1 << 20  # members of large structs count as NULL, too

GLOBAL_BASE = 0x0010_0000_0000_0000
FUNCTION_BASE = 0x0020_0000_0000_0000
OBJECT_BASE = 0x0030_0000_0000_0000
FRAME_BASE = 0x0040_0000_0000_0000

_FULL = {n: b"\xff" * n for n in range(17)}

OnStore = Callable[[int, int], None]  # (physical address, size)
OnRead = Callable[[str, int, int, int, int], None]


@dataclass(slots=True, eq=False)
class Region:
    """One object of the simulated program.

    ``kind`` is "global", "frame", "object", "physical" or "extern" (a variable
    whose size or value the unit under test does not know).
    """

    base: int
    size: int
    name: str
    kind: str
    readonly: bool = False
    freed: bool = False


class Chunk:
    """The content of one page, or of the part of it that a region covers.

    ``init`` has a mask of initialised bits for each byte; None means all are.
    ``plain`` is False when accesses need a second look (watched, poisoned,
    physical, read-only), ``readable`` when loads do (watched, poisoned);
    ``pa`` is the physical address of byte 0 or -1.
    """

    __slots__ = (
        "data",
        "init",
        "pa",
        "plain",
        "poison",
        "readable",
        "region",
        "watches",
    )

    def __init__(self, region: Region, size: int, zero: bool, pa: int = -1) -> None:
        self.data = bytearray(size)
        self.init: bytearray | None = None if zero else bytearray(size)
        self.region = region
        self.pa = pa
        self.plain = pa < 0 and not region.readonly
        self.readable = True
        self.poison: list[tuple[int, int]] = []
        self.watches: list[Watch] = []


@dataclass(frozen=True, slots=True)
class Watch:
    """A range whose reads are reported."""

    start: int
    end: int
    name: str
    report: OnRead


@dataclass(frozen=True, slots=True)
class Window:
    """Physical memory from ``pa`` on seen at virtual address ``va``."""

    va: int
    pa: int
    size: int
    region: Region
    zero: bool
    on_store: OnStore | None


class Memory:
    """The simulated address space."""

    def __init__(self) -> None:
        self.chunks: dict[int, Chunk] = {}
        self.regions: list[Region] = []
        self.windows: list[Window] = []
        self._sparse: list[tuple[Region, bool]] = []
        self._physical: dict[int, Chunk] = {}
        self._freed: dict[int, Region] = {}
        self._watches: list[Watch] = []
        self._next = {
            "global": GLOBAL_BASE >> _SHIFT,
            "extern": (GLOBAL_BASE >> _SHIFT) + (1 << 32),
            "object": OBJECT_BASE >> _SHIFT,
        }
        self.next_frame = FRAME_BASE >> _SHIFT

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
            base = page << _SHIFT
            self._next[area] = page + _STRIDE * (1 + (size + PAGE - 1) // PAGE)
        elif base & _OFFSET:
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
        assert not (va | pa | size) & _OFFSET
        region = Region(va, size, f"physical memory {pa:#x}", "physical")
        self.windows.append(Window(va, pa, size, region, zero, on_store))
        return region

    def frame(self, size: int) -> int:
        """Add a nameless region for a variable of a function's frame."""
        page = self.next_frame
        base = page << _SHIFT
        if size <= PAGE:
            self.next_frame = page + _STRIDE
            self.chunks[page] = Chunk(_FRAME, size, False)
            return base
        self.next_frame = page + _STRIDE * (1 + size // PAGE)
        for offset in range(0, size, PAGE):
            part = Chunk(_FRAME, min(PAGE, size - offset), False)
            self.chunks[page + offset // PAGE] = part
        return base

    def drop(self, base: int, size: int) -> None:
        """Forget what ``frame`` added."""
        page = base >> _SHIFT
        del self.chunks[page]
        for extra in range(1, (size + PAGE - 1) // PAGE):
            del self.chunks[page + extra]

    def free(self, region: Region) -> None:
        """End the life of a region; later accesses are faults."""
        region.freed = True
        self.regions.remove(region)
        self._sparse = [(r, z) for r, z in self._sparse if r is not region]
        for page in range(
            region.base >> _SHIFT, (region.base + max(region.size, 1) - 1 >> _SHIFT) + 1
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
                chunk.init = bytearray(_full(len(chunk.data)))
            chunk.init[start:end] = bytes(end - start)

    def watch(self, address: int, size: int, name: str, report: OnRead) -> None:
        """Report reads of a range: (name, byte offset, bit, width, value)."""
        watch = Watch(address, address + size, name, report)
        self._watches.append(watch)
        for page in range(address >> _SHIFT, (address + size - 1 >> _SHIFT) + 1):
            chunk = self._chunk(page << _SHIFT)
            if chunk is not None:
                chunk.watches.append(watch)
                chunk.plain = chunk.readable = False

    def physical_address(self, address: int) -> int | None:
        """Translate a virtual address; None outside of physical memory."""
        for window in self.windows:
            if window.va <= address < window.va + window.size:
                return window.pa + address - window.va
        return None

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
        pages = range(address >> _SHIFT, (address + max(size, 1) - 1 >> _SHIFT) + 1)
        return all(p in self.chunks and self.chunks[p].plain for p in pages)

    # ------------------------------------------------ what the program does

    def load(self, address: int, size: int, coord: Coord | None = None) -> int:
        """Return an unsigned little-endian number."""
        chunk = self.chunks.get(address >> _SHIFT)
        offset = address & _OFFSET
        if chunk is None or not chunk.readable or offset + size > len(chunk.data):
            return self._load_slow(address, size, coord)
        init = chunk.init
        if init is not None and init[offset : offset + size] != _FULL[size]:
            raise self._uninitialised(chunk, address, size, coord)
        return int.from_bytes(chunk.data[offset : offset + size], "little")

    def load_bits(
        self, address: int, size: int, shift: int, width: int, coord: Coord | None
    ) -> int:
        """Return ``width`` bits from bit ``shift`` of a storage unit."""
        low, high = shift >> 3, shift + width + 7 >> 3
        mask = ((1 << width) - 1) << (shift - 8 * low)
        if low >= size or high > size:
            raise Fault("out-of-bounds", "bit-field outside its unit", coord)
        value, watches = 0, []
        for part, chunk, offset, count in self._access(
            address + low, high - low, False, coord
        ):
            at = 8 * (part - address - low)
            init = chunk.init
            if init is not None:
                need = mask >> at & ((1 << 8 * count) - 1)
                have = int.from_bytes(init[offset : offset + count], "little")
                if need & ~have:
                    raise self._uninitialised(chunk, part, count, coord)
            data = chunk.data[offset : offset + count]
            value |= int.from_bytes(data, "little") << at
            watches += chunk.watches
        value = (value & mask) >> (shift - 8 * low)
        bit = 8 * (address + low) + shift - 8 * low
        for watch in dict.fromkeys(watches):
            if watch.start * 8 < bit + width and bit < watch.end * 8:
                watch.report(watch.name, address - watch.start, shift, width, value)
        return value

    def store(
        self, address: int, size: int, value: int, coord: Coord | None = None
    ) -> None:
        """Store the low ``size`` bytes of ``value``."""
        data = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        self.store_bytes(address, data, coord)

    def store_bits(
        self,
        address: int,
        size: int,
        shift: int,
        width: int,
        value: int,
        coord: Coord | None,
    ) -> None:
        """Store ``width`` bits at bit ``shift`` of a storage unit."""
        low, high = shift >> 3, shift + width + 7 >> 3
        if high > size:
            raise Fault("out-of-bounds", "bit-field outside its unit", coord)
        mask = ((1 << width) - 1) << (shift - 8 * low)
        bits = value << (shift - 8 * low) & mask
        for part, chunk, offset, count in self._access(
            address + low, high - low, True, coord
        ):
            at = 8 * (part - address - low)
            here = mask >> at & ((1 << 8 * count) - 1)
            place = slice(offset, offset + count)
            old = int.from_bytes(chunk.data[place], "little")
            new = old & ~here | bits >> at & here
            chunk.data[place] = new.to_bytes(count, "little")
            if chunk.init is not None:
                known = int.from_bytes(chunk.init[place], "little") | here
                chunk.init[place] = known.to_bytes(count, "little")

    def store_bytes(
        self, address: int, data: bytes | bytearray, coord: Coord | None = None
    ) -> None:
        """Store bytes, all of them initialised."""
        done = 0
        for _, chunk, offset, count in self._access(address, len(data), True, coord):
            chunk.data[offset : offset + count] = data[done : done + count]
            _define(chunk, offset, count)
            done += count

    def load_bytes(
        self, address: int, size: int, coord: Coord | None = None
    ) -> bytearray:
        """Return initialised bytes."""
        data = bytearray()
        for part, chunk, offset, count in self._access(address, size, False, coord):
            init = chunk.init
            if init is not None and init[offset : offset + count] != _full(count):
                raise self._uninitialised(chunk, part, count, coord)
            data += chunk.data[offset : offset + count]
        self._report(address, size, data)
        return data

    def copy(
        self, target: int, source: int, size: int, coord: Coord | None = None
    ) -> None:
        """Copy bytes with their state of initialisation, as memmove does."""
        data, init = bytearray(), bytearray()
        for _, chunk, offset, count in self._access(source, size, False, coord):
            data += chunk.data[offset : offset + count]
            known = chunk.init
            init += _full(count) if known is None else known[offset : offset + count]
        if any(init):
            self._report(source, size, data)
        done, whole = 0, init == _full(size)
        for _, chunk, offset, count in self._access(target, size, True, coord):
            chunk.data[offset : offset + count] = data[done : done + count]
            if whole:
                _define(chunk, offset, count)
            else:
                if chunk.init is None:
                    chunk.init = bytearray(_full(len(chunk.data)))
                chunk.init[offset : offset + count] = init[done : done + count]
            done += count

    # ------------------------------------------------------- harness side

    def peek(self, address: int, size: int) -> int:
        """Read without any check but that the memory exists."""
        data = bytearray()
        for chunk, start, end in self._pieces(address, size):
            data += chunk.data[start:end]
        return int.from_bytes(data, "little")

    def peek_bytes(self, address: int, size: int) -> bytes:
        """Read bytes without any check but that the memory exists."""
        return b"".join(
            bytes(chunk.data[start:end])
            for chunk, start, end in self._pieces(address, size)
        )

    def initialised(self, address: int, size: int) -> bool:
        """Tell whether every bit of the range has a value."""
        return all(
            chunk.init is None or chunk.init[start:end] == _full(end - start)
            for chunk, start, end in self._pieces(address, size)
        )

    def poke(self, address: int, size: int, value: int) -> None:
        """Set memory without an event."""
        data = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        self.poke_bytes(address, data)

    def poke_bytes(self, address: int, data: bytes) -> None:
        """Set memory without an event."""
        done = 0
        for chunk, start, end in self._pieces(address, len(data)):
            chunk.data[start:end] = data[done : done + end - start]
            _define(chunk, start, end - start)
            done += end - start

    def poke_bits(
        self, address: int, size: int, shift: int, width: int, value: int
    ) -> None:
        """Set a bit-field without an event; the other bits get defined, too."""
        mask = ((1 << width) - 1) << shift
        unit = self.peek(address, size) & ~mask | value << shift & mask
        self.poke(address, size, unit)

    def peek_physical(self, pa: int, size: int = 8) -> int:
        """Read physical memory; what was never touched reads as zero."""
        chunk = self._physical.get(pa >> _SHIFT)
        if chunk is None:
            return 0
        offset = pa & _OFFSET
        return int.from_bytes(chunk.data[offset : offset + size], "little")

    # ------------------------------------------------------------- inside

    def _map(self, address: int, region: Region, zero: bool) -> Chunk:
        size = min(PAGE, region.base + region.size - address)
        chunk = Chunk(region, size, zero)
        self.chunks[address >> _SHIFT] = chunk
        self._look_watched(address >> _SHIFT, chunk)
        return chunk

    def _look_watched(self, page: int, chunk: Chunk) -> None:
        low, high = page << _SHIFT, (page + 1) << _SHIFT
        found = [w for w in self._watches if w.start < high and low < w.end]
        if found:
            chunk.watches += found
            chunk.plain = chunk.readable = False

    def _settle(self, chunk: Chunk) -> None:
        chunk.readable = not chunk.poison and not chunk.watches
        chunk.plain = chunk.readable and chunk.pa < 0 and not chunk.region.readonly

    def _chunk(self, address: int) -> Chunk | None:
        """Return the chunk of an address, made on first need."""
        page = address >> _SHIFT
        chunk = self.chunks.get(page)
        if chunk is not None:
            return chunk
        for window in self.windows:
            if window.va <= address < window.va + window.size:
                pa = window.pa + (page << _SHIFT) - window.va
                chunk = self._physical.get(pa >> _SHIFT)
                if chunk is None:
                    chunk = Chunk(window.region, PAGE, window.zero, pa)
                    self._physical[pa >> _SHIFT] = chunk
                self.chunks[page] = chunk
                self._look_watched(page, chunk)
                return chunk
        for region, zero in self._sparse:
            if region.base <= address < region.base + region.size:
                return self._map(page << _SHIFT, region, zero)
        return None

    def _pieces(self, address: int, size: int) -> list[tuple[Chunk, int, int]]:
        """Split a range of the harness's own into (chunk, start, end)."""
        pieces, done = [], 0
        while done < size:
            at = address + done
            chunk = self._chunk(at)
            count = 0 if chunk is None else _room(chunk, at, size - done)
            if chunk is None or count <= 0:
                msg = f"memory at {at:#x} does not exist in the simulated world"
                raise BoundError(msg)
            offset = at & _OFFSET
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
            count = 0 if chunk is None else _room(chunk, at, size - done)
            if chunk is None or count <= 0:
                raise self._outside(address, size, store, coord)
            offset = at & _OFFSET
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

    def _load_slow(self, address: int, size: int, coord: Coord | None) -> int:
        return int.from_bytes(self.load_bytes(address, size, coord), "little")

    def _report(self, address: int, size: int, data: bytearray) -> None:
        for watch in self._watches:
            if watch.start < address + size and address < watch.end:
                value = int.from_bytes(data, "little")
                watch.report(watch.name, address - watch.start, 0, 8 * size, value)

    def _uninitialised(
        self, chunk: Chunk, address: int, size: int, coord: Coord | None
    ) -> Fault | Unsupported:
        region = chunk.region
        if region.kind == "extern":
            what = f"the value of '{region.name}', which is defined elsewhere"
            return Unsupported(coord, what)
        place = f"at {address:#x}"
        if region.kind != "frame":
            place = f"of '{region.name}' at offset {address - region.base:#x}"
        if chunk.pa >= 0:
            place = f"of physical memory at {chunk.pa + (address & _OFFSET):#x}"
        what = f"load of {size} uninitialised bytes {place}"
        return Fault("uninitialised-read", what, coord)

    def _outside(
        self, address: int, size: int, store: bool, coord: Coord | None
    ) -> Fault | Unsupported:
        verb = _verb(store)
        if address < _NULL_REGION:
            where = "NULL" if not address else f"NULL plus {address:#x}"
            return Fault("null-dereference", f"{verb} through {where}", coord)
        gone = self._freed.get(address >> _SHIFT)
        if gone is not None and self._chunk(address) is None:
            return Fault("use-after-free", f"{verb} of freed '{gone.name}'", coord)
        if FRAME_BASE <= address < self.next_frame << _SHIFT:
            if self._chunk(address & ~0xFFFF) is None:
                what = f"{verb} of a variable of a function that has returned"
                return Fault("use-after-free", what, coord)
            what = f"{verb} outside of a variable on the stack"
            return Fault("out-of-bounds", what, coord)
        below = [r for r in self.regions if r.base <= address]
        near = max(below, key=lambda r: r.base, default=None)
        if near is not None and near.kind == "extern" and not near.size:
            what = f"the content of '{near.name}', whose size is not declared here"
            return Unsupported(coord, what)
        what = f"{verb} of {size} bytes at {address:#x}, where nothing is"
        if near is not None and address < near.base + near.size + (_STRIDE << _SHIFT):
            past = address + size - near.base
            what = f"{verb} up to byte {past} of '{near.name}' of {near.size} bytes"
        return Fault("out-of-bounds", what, coord)


_FRAME = Region(0, 0, "variable on the stack", "frame")


def _room(chunk: Chunk, address: int, size: int) -> int:
    return min(size, len(chunk.data) - (address & _OFFSET))


def _verb(store: bool) -> str:
    return "store" if store else "load"


def _full(count: int) -> bytes:
    known = _FULL.get(count)
    return b"\xff" * count if known is None else known


def _define(chunk: Chunk, offset: int, count: int) -> None:
    if count == len(chunk.data):
        chunk.init = None
    elif chunk.init is not None:
        chunk.init[offset : offset + count] = _full(count)
