"""Simulated memory whose bytes an emulator works on, too."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from object_file import DATA, DATA_SIZE, Image

from harness.execution.address_space import WIDE
from harness.execution.chunk import OFFSET, PAGE, SHIFT, Chunk, OnStore, Region
from harness.execution.memory import Memory

__all__ = ["STACK", "STACK_SIZE", "PlacedMemory", "SharedMemory"]

OBJECT_BASE = WIDE.objects
_OBJECTS = 1 << 30
STACK = 0x0028_0000_0000_0000
STACK_SIZE = 1 << 18
_UNKNOWN = 0x5A  # what memory without a value holds


class PlacedMemory(Memory):
    """Memory in which each variable lies where the image has it."""

    def __init__(self, image: Image, variables: frozenset[str]) -> None:
        super().__init__(WIDE)
        self.image = image
        self.variables = variables

    def add(self, size: int, name: str, **options: Any) -> Region:
        """Add a region; a variable's has its place."""
        static = options.get("kind") in ("global", "extern")
        known = name in self.variables or self.image.symbol_of(name) is not None
        if static and known and options.get("base") is None:
            options["base"] = self.image.place(name, size)
        return super().add(size, name, **options)


@dataclass(frozen=True, slots=True)
class Arena:
    """Address space with bytes that the emulator shares."""

    base: int
    size: int
    view: memoryview
    pointer: int
    sparse: bool


class _Chunks(dict[int, Chunk]):
    """The chunks by page; notices that a snapshot is put back."""

    cleared = False

    def clear(self) -> None:
        self.cleared = True
        super().clear()


class SharedMemory(PlacedMemory):
    """Memory for the emulator: all of it always has some value."""

    def __init__(
        self, image: Image, variables: frozenset[str], share: Callable[[Arena], None]
    ) -> None:
        super().__init__(image, variables)
        self.chunks: dict[int, Chunk] = _Chunks()
        self.arenas: list[Arena] = []
        self.dirty: set[int] = set()  # pages of sparse arenas that ever were written
        self._share = share
        self.arena(DATA, DATA_SIZE)
        self.arena(OBJECT_BASE, _OBJECTS)
        for address, content in image.data.items():
            self.raw(address, len(content))[:] = content
        stack = self.arena(STACK, STACK_SIZE)
        stack.view[:] = bytes([_UNKNOWN]) * STACK_SIZE
        self.add(STACK_SIZE, "machine stack", base=STACK, kind="stack", zero=True)

    def arena(self, base: int, size: int, *, sparse: bool = False) -> Arena:
        """Make address space that is shared with the emulator."""
        buffer = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        pointer = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        made = Arena(base, size, memoryview(buffer), pointer, sparse)
        self.arenas.append(made)
        self._share(made)
        return made

    def arena_at(self, address: int) -> Arena | None:
        """Return the arena of an address."""
        for arena in self.arenas:
            if arena.base <= address < arena.base + arena.size:
                return arena
        return None

    def raw(self, address: int, size: int) -> memoryview:
        """Return the bytes at an address, whatever they are."""
        arena = self.arena_at(address)
        assert arena is not None, f"{address:#x} is in no arena"
        start = address - arena.base
        return arena.view[start : start + size]

    def add(self, size: int, name: str, **options: Any) -> Region:
        """Add a region, shared with the emulator."""
        base = options.get("base")
        if base is not None and self.arena_at(base) is None:
            self.arena(base, (size + PAGE - 1) & -PAGE, sparse=size > 64 * PAGE)
        return super().add(size, name, **options)

    def add_physical(
        self,
        va: int,
        pa: int,
        size: int,
        on_store: OnStore | None = None,
        *,
        zero: bool = False,
    ) -> Region:
        """Map physical memory; only one window may show it."""
        self.arena(va, size, sparse=True)
        return super().add_physical(va, pa, size, on_store, zero=True)

    def sweep(self) -> None:
        """Clear pages that no longer exist since a snapshot was put back."""
        chunks = self.chunks
        assert isinstance(chunks, _Chunks)
        if not chunks.cleared:
            return
        chunks.cleared = False
        for page in self.dirty - chunks.keys():
            self.raw(page << SHIFT, PAGE)[:] = bytes(PAGE)

    def written(self, address: int, size: int) -> None:
        """Note that the emulator writes to a sparse arena."""
        for page in range(address >> SHIFT, (address + size - 1 >> SHIFT) + 1):
            if page not in self.chunks:
                self._chunk(page << SHIFT)

    def undefine(self, address: int, size: int) -> None:
        """Do nothing: a machine's memory has a value."""

    def _map(self, address: int, region: Region, zero: bool) -> Chunk:
        chunk = super()._map(address, region, zero)
        fresh = OBJECT_BASE <= address < OBJECT_BASE + _OBJECTS
        self._join(chunk, address, (0 if zero else _UNKNOWN) if fresh else None)
        return chunk

    def _chunk(self, address: int) -> Chunk | None:
        self.sweep()
        chunk = super()._chunk(address)
        if chunk is not None and isinstance(chunk.data, bytearray):
            self._join(chunk, address & ~OFFSET, None)
        return chunk

    def _join(self, chunk: Chunk, address: int, fill: int | None) -> None:
        """Let a chunk work on the shared bytes."""
        view = self.raw(address, len(chunk.data))
        if fill is not None:
            view[:] = bytes([fill]) * len(view)
        chunk.data = view  # type: ignore[assignment]
        chunk.init = None
        arena = self.arena_at(address)
        if arena is not None and arena.sparse:
            self.dirty.add(address >> SHIFT)
