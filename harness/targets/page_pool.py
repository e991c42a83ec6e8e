"""The pools that domains have their table pages from (4.17 and later).

Older code takes each page from the heap when it needs one, and gives it back
there: it has no pool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import TreeError
from harness.targets.versions import SET_ALLOCATION
from reference_model.events import Event, TableFree

if TYPE_CHECKING:
    from harness.targets.world import World

__all__ = ["PagePools"]

POOL_PAGES = 16  # table pages of each domain

Emit = Callable[[Event], None]
Free = dict[str, frozenset[int]]  # by domain, the struct page_info * in its pool


@dataclass(frozen=True, slots=True)
class PagePools:
    """Where a pool lies in struct domain."""

    lock: int  # arch.paging.lock
    free: int  # arch.paging.p2m_freelist
    total: int  # arch.paging.p2m_total_pages

    def fill(self, world: World, pe: int, domain: int) -> None:
        """Give a new domain its pool."""
        status = self._set(world, pe, domain, POOL_PAGES)
        if status:
            raise TreeError(f"{SET_ALLOCATION}() fails in the harness: {status}")

    def limit(self, world: World, domain: str, free_pages: int) -> None:
        """Take pages out of a domain's pool until so many are free."""
        address = world.domains[domain].address
        world.pools = self.all_free(world)
        total = world.memory.peek(address + self.total, world.names.pointer)
        self._set(world, 0, address, total - len(world.pools[domain]) + free_pages)
        world.pools = self.all_free(world)

    def notice_freed(self, world: World, emit: Emit) -> None:
        """Record the table pages that came back to a domain's pool."""
        now = self.all_free(world)
        for name in sorted(now):
            for page in sorted(now[name] - world.pools[name]):
                emit(TableFree(world.execution.cpu.pe, world.pa_of_page(page)))
        world.pools = now

    def all_free(self, world: World) -> Free:
        """Return what is in the pools."""
        domains = world.domains.values()
        return {d.name: self._free(world, d.address) for d in domains}

    def _set(self, world: World, pe: int, domain: int, pages: int) -> int:
        lock = domain + self.lock
        world.locks.writer[lock] = pe  # the caller of p2m_set_allocation() has it
        status = world.call(pe, SET_ALLOCATION, domain, pages, 0)
        del world.locks.writer[lock]
        return status

    def _free(self, world: World, domain: int) -> frozenset[int]:
        """Walk the list of free table pages, as far as it is a list."""
        names = world.names
        head = domain + self.free
        link = world.memory.peek(head + names.list_next, names.pointer)
        pages: set[int] = set()
        while link != head and link not in pages:
            pages.add(link)
            link = world.memory.peek(link + names.list_next, names.pointer)
        return frozenset(link - names.page_list for link in pages)
