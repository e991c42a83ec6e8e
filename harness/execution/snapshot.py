"""Return a memory to an earlier content.

A world is set up once and runs many scenarios: each starts from the same
memory.  Compiled code refers to the memory object, so its content is put back
in place.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.execution.memory import Chunk, Memory, Region

__all__ = ["Snapshot"]


@dataclass(frozen=True, slots=True)
class _Saved:
    """The content of one chunk."""

    chunk: Chunk
    data: bytes
    init: bytes | None
    poison: tuple[tuple[int, int], ...]
    plain: bool
    readable: bool

    @classmethod
    def of(cls, chunk: Chunk) -> _Saved:
        init = None if chunk.init is None else bytes(chunk.init)
        poison = tuple(chunk.poison)
        data = bytes(chunk.data)
        return cls(chunk, data, init, poison, chunk.plain, chunk.readable)

    def restore(self) -> None:
        chunk = self.chunk
        chunk.data[:] = self.data
        chunk.init = None if self.init is None else bytearray(self.init)
        chunk.poison = list(self.poison)
        chunk.plain, chunk.readable = self.plain, self.readable


class Snapshot:
    """What a memory holds at one moment.

    Read-only regions that are added later stay when the content is put back:
    nothing can have changed them, and code that was linked in between refers
    to them.  Every other region added later is gone, so all variables must
    have their places before the snapshot is taken.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._pages = dict(memory.chunks)
        self._physical = dict(memory._physical)
        kept = {id(c): c for c in (*self._pages.values(), *self._physical.values())}
        self._saved = [_Saved.of(chunk) for chunk in kept.values()]
        self._regions = list(memory.regions)
        self._windows = list(memory.windows)
        self._sparse = list(memory._sparse)
        self._freed = dict(memory._freed)
        self._next_object = memory._next["object"]
        self._next_frame = memory.next_frame

    def restore(self) -> None:
        """Make the memory what it was."""
        memory = self._memory
        later = {
            page: chunk
            for page, chunk in memory.chunks.items()
            if page not in self._pages and chunk.region.readonly
        }
        memory.chunks.clear()
        memory.chunks.update(self._pages)
        memory.chunks.update(later)
        memory._physical.clear()
        memory._physical.update(self._physical)
        for saved in self._saved:
            saved.restore()
        memory.regions[:] = self._regions + self._read_only_since(memory.regions)
        memory.windows[:] = self._windows
        memory._sparse[:] = self._sparse
        memory._freed.clear()
        memory._freed.update(self._freed)
        memory._next["object"] = self._next_object
        memory.next_frame = self._next_frame

    def _read_only_since(self, now: list[Region]) -> list[Region]:
        before = {id(region) for region in self._regions}
        return [r for r in now if r.readonly and id(r) not in before]
