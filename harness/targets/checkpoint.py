"""The state of a world at one moment, to go back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.execution.snapshot import Snapshot
from harness.targets.domain import Domain, Vcpu
from harness.targets.stage2 import Mapping

if TYPE_CHECKING:
    from harness.targets.world import World

__all__ = ["Checkpoint"]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a world at one moment."""

    memory: Snapshot
    registers: dict[tuple[int, str], int]
    writers: dict[int, int]
    readers: dict[int, int]
    slots: dict[int, dict[int, int]]
    mapped: dict[int, tuple[int, int]]
    used: int  # mappings of domain pages so far
    next_free: int
    left: int | None
    by_physmap: bool
    domains: dict[str, Domain]
    running: dict[int, Vcpu | None]
    expected: dict[str, list[Mapping]]
    tracked: dict[str, list[Mapping]]
    pools: dict[str, frozenset[int]]

    @classmethod
    def of(cls, world: World) -> Checkpoint:
        """Remember the state of a world."""
        return cls(
            Snapshot(world.memory),
            dict(world.execution.cpu.registers),
            dict(world.locks.writer),
            dict(world.locks.readers),
            {tree: dict(items) for tree, items in world.radix.slots.items()},
            dict(world.domain_pages.mapped),
            world.domain_pages.used,
            world.heap.next_free,
            world.heap.left,
            world.by_physmap,
            dict(world.domains),
            dict(world.running),
            dict(world.expected),
            dict(world.tracked),
            dict(world.pools),
        )

    def put_back(self, world: World) -> None:
        """Make a world what it was."""
        self.memory.restore()
        cpu = world.execution.cpu
        cpu.pe = 0
        cpu.monitors.clear()
        cpu.registers.clear()
        cpu.registers.update(self.registers)
        world.locks.writer = dict(self.writers)
        world.locks.readers = dict(self.readers)
        world.radix.slots = {tree: dict(items) for tree, items in self.slots.items()}
        world.domain_pages.mapped = dict(self.mapped)
        world.domain_pages.used = self.used
        world.heap.next_free = self.next_free
        world.heap.left = self.left
        world.by_physmap = self.by_physmap
        world.domains = dict(self.domains)
        world.running = dict(self.running)
        world.expected = dict(self.expected)
        world.tracked = dict(self.tracked)
        world.strayed = []
        world.pools = dict(self.pools)
