"""Byte-accurate simulated memory.

Contents live in chunks of at most one page, which remember bit by bit what
has been initialised.  Physical memory is a set of sparse 4 KiB pages reached
through windows; two windows onto one physical page share its chunk.
"""

from __future__ import annotations

from harness.errors import Unsupported
from harness.execution.address_space import AddressSpace
from harness.execution.chunk import (
    FULL,
    OFFSET,
    PAGE,
    SHIFT,
    Chunk,
    Region,
    define,
    full,
)
from harness.execution.fault import Fault
from reference_model.coordinates import Coord

__all__ = ["PAGE", "Chunk", "Memory", "Region"]


class Memory(AddressSpace):
    """What the C under test and the harness do with the address space."""

    # ------------------------------------------------ what the program does

    def load(self, address: int, size: int, coord: Coord | None = None) -> int:
        """Return an unsigned little-endian number."""
        chunk = self.chunks.get(address >> SHIFT)
        offset = address & OFFSET
        if chunk is None or not chunk.readable or offset + size > len(chunk.data):
            return self._load_slow(address, size, coord)
        init = chunk.init
        if init is not None and init[offset : offset + size] != FULL[size]:
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
            define(chunk, offset, count)
            done += count

    def load_bytes(
        self, address: int, size: int, coord: Coord | None = None
    ) -> bytearray:
        """Return initialised bytes."""
        data = bytearray()
        for part, chunk, offset, count in self._access(address, size, False, coord):
            init = chunk.init
            if init is not None and init[offset : offset + count] != full(count):
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
            init += full(count) if known is None else known[offset : offset + count]
        if any(init):
            self._report(source, size, data)
        done, whole = 0, init == full(size)
        for _, chunk, offset, count in self._access(target, size, True, coord):
            chunk.data[offset : offset + count] = data[done : done + count]
            if whole:
                define(chunk, offset, count)
            else:
                if chunk.init is None:
                    chunk.init = bytearray(full(len(chunk.data)))
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
            chunk.init is None or chunk.init[start:end] == full(end - start)
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
            define(chunk, start, end - start)
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
        chunk = self._physical.get(pa >> SHIFT)
        if chunk is None:
            return 0
        offset = pa & OFFSET
        return int.from_bytes(chunk.data[offset : offset + size], "little")

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
            place = f"of physical memory at {chunk.pa + (address & OFFSET):#x}"
        what = f"load of {size} uninitialised bytes {place}"
        return Fault("uninitialised-read", what, coord)
