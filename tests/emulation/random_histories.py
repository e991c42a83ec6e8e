"""Random histories of a world: mappings change, vCPUs run, caches are flushed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from lockstep import Lockstep, Step
from random_calls import Calls

from harness.targets.versions import INVALIDATE_ROOT, VERSIONS
from harness.targets.world import World

__all__ = ["Histories"]

_TYPES = range(11)  # p2m_type_t
_ACCESSES = range(10)  # p2m_access_t
_INVALID_FRAME = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class _SetEntry:
    """p2m_set_entry() with its locking."""

    pe: int
    domain: str
    gfn: int
    pages: int
    mfn: int
    kind: int
    access: int

    def __call__(self, world: World) -> object:
        p2m = world.domains[self.domain].p2m
        world.call(self.pe, "p2m_write_lock", p2m)
        arguments = (self.gfn, self.pages, self.mfn, self.kind, self.access)
        result = world.call(self.pe, "p2m_set_entry", p2m, *arguments)
        world.call(self.pe, "p2m_write_unlock", p2m)
        world.notice_freed_tables(world.emit)
        return result


class Histories:
    """Draws steps of a history."""

    def __init__(self, lockstep: Lockstep, random: Random, calls: Calls) -> None:
        self.lockstep = lockstep
        self.random = random
        self.calls = calls
        self.own = [name for name in calls.of_files(_FILES) if name not in _NOT_RANDOM]
        self.operations: list[tuple[int, Callable[[], tuple[str, Step]]]] = [
            (10, self.set_entry),
            (4, self.call_own),
            (2, self.lookup),
            (2, self.resolve),
            (1, self.invalidate),
            (2, self.switch),
            (1, self.mem_access),
            (1, self.pool),
            (1, self.flush),
        ]

    def run(self, steps: int) -> None:
        """Live through one history; a step that does not end has not been."""
        weights = [weight for weight, _ in self.operations]
        draws = [draw for _, draw in self.operations]
        for _ in range(steps):
            (draw,) = self.random.choices(draws, weights)
            name, step = draw()
            before = self.lockstep.save()
            if not self.lockstep.step(name, step):
                self.lockstep.restore(before)

    def domain(self) -> str:
        return self.random.choice(("d1", "d1", "d2"))

    def set_entry(self) -> tuple[str, Step]:
        random, calls = self.random, self.calls
        pages = random.choice((1, 1, 1, 1, 1, 2, 3, 3, 16, 16, 511, 512, 512))
        gfn, mfn = calls.gfn(), calls.mfn()
        if random.randrange(16) == 0:
            pages, gfn, mfn = 1 << 18, gfn & -(1 << 18), mfn & -(1 << 18)
        if random.randrange(2) and pages >= 512:
            gfn, mfn = gfn & -512, mfn & -512
        if random.randrange(3) == 0:
            mfn = _INVALID_FRAME
        kind = 0 if mfn == _INVALID_FRAME else random.choice((1, 1, 1, *_TYPES))
        access = random.choice((7, 7, 7, *_ACCESSES))
        pe, domain = random.randrange(2), self.domain()
        step = _SetEntry(pe, domain, gfn, pages, mfn, kind, access)
        return str(step), step

    def call_own(self) -> tuple[str, Step]:
        call = self.calls.call(
            self.random.choice(self.own), lock=self.random.random() < 0.6
        )
        return str(call), call

    def named(self, names: tuple[str, ...], *, lock: bool = False) -> tuple[str, Step]:
        known = [name for name in names if name in self.calls.functions]
        call = self.calls.call(self.random.choice(known), lock=lock)
        return str(call), call

    def lookup(self) -> tuple[str, Step]:
        if self.random.randrange(2):
            return self.named(("p2m_get_entry",), lock=True)
        return self.named(
            ("p2m_lookup", "p2m_get_page_from_gfn", "p2m_resolve_translation_fault")
        )

    def resolve(self) -> tuple[str, Step]:
        return self.named(("p2m_resolve_translation_fault",))

    def invalidate(self) -> tuple[str, Step]:
        known = [n for n in INVALIDATE_ROOT if n in self.calls.functions]
        return self.named(tuple(known))

    def flush(self) -> tuple[str, Step]:
        return self.named(_CACHE)

    def switch(self) -> tuple[str, Step]:
        pe = self.random.randrange(2)
        domain, number = self.domain(), self.random.randrange(2)

        def step(world: World) -> None:
            world.trap(pe)
            world.switch_to(pe, world.domains[domain].vcpus[number])
            world.enter_guest(pe)

        return f"switch PE {pe} to {domain}v{number}", step

    def mem_access(self) -> tuple[str, Step]:
        domain, enabled = self.domain(), bool(self.random.randrange(2))
        step = partial(World.set_mem_access, domain=domain, enabled=enabled)
        return f"mem access of {domain} {enabled}", step

    def pool(self) -> tuple[str, Step]:
        domain, free = self.domain(), self.random.randrange(4)
        step = partial(World.limit_pool, domain=domain, free_pages=free)
        return f"{free} table pages for {domain}", step


_CACHE = (
    *("p2m_flush_vm", "p2m_cache_flush_range", "p2m_set_way_flush"),
    *("p2m_toggle_cache", "p2m_clear_root_pages"),
)
# These end a domain, or boot the machine once more.
_NOT_RANDOM = frozenset(("p2m_init", "setup_virt_paging", "p2m_final_teardown"))
_FILES = tuple(file for version in VERSIONS for file in version.sources)
