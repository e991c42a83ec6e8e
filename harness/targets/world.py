"""A world of domains, vCPUs and PEs in which the C code under test runs."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.errors import TreeError
from harness.execution.boundary import BoundaryCall
from harness.execution.memory import Memory
from harness.execution.run import Execution
from harness.targets import context_switch, physmap
from harness.targets.boundary_domain_page import DomainPages
from harness.targets.boundary_locks import Locks
from harness.targets.boundary_radix import RadixTrees
from harness.targets.checkpoint import Checkpoint
from harness.targets.domain import Domain, Vcpu
from harness.targets.names import Names
from harness.targets.physical import HEAP_BASE, HEAP_SIZE, PAGE_SHIFT, PAGE_SIZE, Heap
from harness.targets.platform import Platform
from harness.targets.stage2 import Mapping as Stage2Mapping
from harness.targets.stage2 import Mismatch, TableMap, compare, either, replace
from harness.targets.versions import (
    CREATION_FINISHED,
    FLUSH_VM,
    INVALIDATE_ROOT,
    RELINQUISH,
    RESOLVE_FAULT,
    SET_ENTRY,
    WRITE_LOCK,
    WRITE_UNLOCK,
    first_of,
)
from reference_model.events import (
    Eret,
    Event,
    ExceptionEntry,
    Msr,
    Release,
)

__all__ = ["Checkpoint", "Domain", "Vcpu", "World", "register_file"]

_CHANGING = (
    SET_ENTRY,
    RESOLVE_FAULT,
    RELINQUISH,
    FLUSH_VM,
    *INVALIDATE_ROOT,
    physmap.ADD_ENTRY,
    physmap.REMOVE_PAGE,
    physmap.SET_MEM_ACCESS,
)
_LEVELS = 4
_ZERO_PAGE = bytes(PAGE_SIZE)
INVALID_MFN = (1 << 64) - 1
_ACCESS = {"p2m_ram_rw": "rwx", "p2m_ram_ro": "rx", "p2m_map_foreign_rw": "rw"}
_RESTRICTED = {"p2m_access_rwx": "rwx", "p2m_access_rx": "rx"}


@dataclass(slots=True)
class World:
    """The state of a run; ``save`` and ``restore`` start others from it."""

    execution: Execution
    names: Names
    platform: Platform
    locks: Locks
    radix: RadixTrees
    domain_pages: DomainPages
    heap: Heap
    frame_table: int  # address of the struct page_info of frame 0
    direct_map: int  # virtual address of physical address 0
    current_vcpu: Callable[[int], int]  # PE -> address of its "current" pointer
    create_domain: Callable[[int, int], None]  # (PE, number): makes d<number>
    stage1_first: bool  # order in which a context switch restores the stages
    domains: dict[str, Domain] = field(default_factory=dict)
    idle: dict[int, int] = field(default_factory=dict)  # PE -> idle vCPU
    running: dict[int, Vcpu | None] = field(default_factory=dict)
    expected: dict[str, list[Stage2Mapping]] = field(default_factory=dict)
    # What the guest may touch, but would have to fault on first.
    tracked: dict[str, list[Stage2Mapping]] = field(default_factory=dict)
    pools: dict[str, frozenset[int]] = field(default_factory=dict)
    by_physmap: bool = False  # changes come from outside, even if not needed
    changed_by: str = ""  # the function that was last called to change mappings
    strayed: list[Mismatch] = field(default_factory=list)

    # ------------------------------------------------------------ conversions

    @property
    def memory(self) -> Memory:
        """Return the simulated memory."""
        return self.execution.memory

    def virtual(self, pa: int) -> int:
        """Return the address at which the harness sees ``pa``."""
        return self.direct_map + pa

    def physical(self, va: int) -> int:
        """Return the physical address behind a virtual address."""
        pa = self.memory.physical_address(va)
        return va - self.direct_map if pa is None else pa

    def page_at(self, pa: int) -> int:
        """Return the address of the struct page_info of ``pa``."""
        return self.frame_table + (pa >> PAGE_SHIFT) * self.names.page_size

    def pa_of_page(self, page: int) -> int:
        """Return the physical address that a struct page_info is about."""
        return (page - self.frame_table) // self.names.page_size << PAGE_SHIFT

    def owner_of(self, page: int) -> int:
        """Return the domain that a page belongs to."""
        return self.memory.peek(page + self.names.page_owner, self.names.pointer)

    def table(self, pa: int) -> tuple[int, ...]:
        """Return the entries of the table page at ``pa``; none if it is all zero."""
        if not HEAP_BASE <= pa < HEAP_BASE + HEAP_SIZE:
            return ()
        data = self.memory.peek_bytes(self.direct_map + pa, PAGE_SIZE)
        return struct.unpack("<512Q", data) if data != _ZERO_PAGE else ()

    # ---------------------------------------------------------------- running

    def emit(self, event: Event) -> None:
        """Record an event that no C code makes."""
        if isinstance(event, Msr):
            self.execution.cpu.registers[event.pe, event.register] = event.value
        self.execution.recorder.add(event)

    def call(self, pe: int, function: str, *arguments: int) -> int:
        """Run a C function on ``pe``; a struct argument is given by content."""
        self.execution.cpu.pe = pe
        if function in _CHANGING:
            self.changed_by = function
        if function not in self.execution.unit.functions:
            raise TreeError(f"no function '{function}' in {self.execution.unit.file}")
        return self.execution.call(function, *arguments) or 0

    def call_as_declared(self, pe: int, function: str, first: int) -> int:
        """Run a C function on ``pe``; arguments after the first one are zero."""
        declared = self.execution.unit.functions.get(function)
        more = len(declared.parameters) - 1 if declared is not None else 0
        return self.call(pe, function, first, *(0,) * more)

    def save(self) -> Checkpoint:
        """Remember the state."""
        return Checkpoint.of(self)

    def restore(self, saved: Checkpoint) -> None:
        """Go back to a state."""
        saved.put_back(self)

    # ------------------------------------------------------------- operations

    def set_entry(
        self,
        pe: int,
        domain: str,
        ipa: int,
        pages: int,
        pa: int | None,
        kind: str = "p2m_ram_rw",
        access: str = "p2m_access_rwx",
        may_fail: bool = False,
    ) -> int:
        """Map or, with ``pa`` None, unmap ``pages`` pages, as a hypercall would.

        The change is relied upon from the moment the function returns, which is
        what it returns.
        """
        size = pages << PAGE_SHIFT
        new = None
        if pa is not None:
            granted = "".join(c for c in _ACCESS[kind] if c in _RESTRICTED[access])
            new = Stage2Mapping(ipa, size, pa, granted)
        undone = False
        if self.by_physmap or SET_ENTRY not in self.execution.unit.functions:
            if access != "p2m_access_rwx":
                status = physmap.restrict(self, pe, domain, ipa)
            elif new is None:
                status = physmap.remove(self, pe, domain, ipa, size)
            else:
                status = physmap.add(self, pe, domain, new, kind)
            undone = status != 0
        else:
            status = self._set_entry(pe, domain, ipa, pages, pa, kind, access)
        self.notice_freed_tables(self.emit)
        partial = may_fail and status != 0
        self.expect(domain, ipa, size, new, partial=partial, undone=undone)
        self.emit(Release(pe, f"{self.changed_by} of {domain} returned"))
        return status

    def _set_entry(
        self,
        pe: int,
        domain: str,
        ipa: int,
        pages: int,
        pa: int | None,
        kind: str,
        access: str,
    ) -> int:
        p2m = self.domains[domain].p2m
        constants = self.names.constants
        self.call(pe, WRITE_LOCK, p2m)
        status = self.call(
            pe,
            SET_ENTRY,
            p2m,
            ipa >> PAGE_SHIFT,
            pages,
            INVALID_MFN if pa is None else pa >> PAGE_SHIFT,
            constants["p2m_invalid" if pa is None else kind],
            constants[access],
        )
        self.call(pe, WRITE_UNLOCK, p2m)
        return status

    def expect(
        self,
        domain: str,
        ipa: int,
        size: int,
        new: Stage2Mapping | None,
        *,
        partial: bool = False,
        undone: bool = False,
    ) -> None:
        """Say what a range maps to from now on.

        A change that failed may have been done in part: then each page may
        be as it was or as it was to be, and what is found counts if it is.
        Where what was done is ``undone``, it may also be unmapped.
        """
        old = self.expected[domain]
        changed = replace(old, ipa, size, new)
        if partial:
            found = self.tables_of(domain).mappings(self.table)
            changed = either(old, changed, found, ipa, size, absent=undone)
        self.expected[domain] = changed
        self.tracked[domain] = replace(self.tracked.get(domain, []), ipa, size, None)

    def invalidate_root(self, pe: int, domain: str) -> None:
        """Clear the valid bits in the root, to see what the guest touches."""
        functions = self.execution.unit.functions
        function = first_of(INVALIDATE_ROOT, functions) or CREATION_FINISHED
        of = self.domains[domain]
        finished = function == CREATION_FINISHED
        self.call(pe, function, of.address if finished else of.p2m)
        self.track(domain)
        self.emit(Release(pe, f"the root of {domain} is invalidated"))

    def track(self, domain: str) -> None:
        """Expect that each access of the guest faults once from now on."""
        self.tracked[domain] = self.expected[domain]
        self.expected[domain] = []

    def touch(self, pe: int, domain: str, ipa: int) -> None:
        """Let the guest touch a page and the hypervisor handle the faults.

        Each fault makes one level of the tables valid again.
        """
        gfn = ipa >> PAGE_SHIFT
        address = self.domains[domain].address
        for _ in range(_LEVELS):
            if self.maps(domain, ipa):
                return
            if not self.call(pe, RESOLVE_FAULT, address, gfn):
                return

    def maps(self, domain: str, ipa: int) -> bool:
        """Tell whether a walk finds a mapping for ``ipa`` now."""
        mappings = self.tables_of(domain).mappings(self.table)
        return any(m.ipa <= ipa < m.ipa + m.size for m in mappings)

    def limit_pool(self, domain: str, free_pages: int) -> None:
        """Leave a domain so many free table pages, no more."""
        if self.names.pools is None:
            self.heap.left = free_pages
        else:
            self.names.pools.limit(self, domain, free_pages)

    def notice_freed_tables(self, emit: Callable[[Event], None]) -> None:
        """Record the table pages that came back to a domain's pool."""
        if self.names.pools is not None:
            self.names.pools.notice_freed(self, emit)

    def lock_released(self, call: BoundaryCall) -> None:
        """Look at the pools when a pool's lock is about to be dropped."""
        pools = self.names.pools
        if pools is not None and any(
            d.address + pools.lock == call.arguments[0] for d in self.domains.values()
        ):
            self.notice_freed_tables(call.emit)

    def remember_pools(self) -> None:
        """Take the pools as they are for what is already free."""
        if self.names.pools is not None:
            self.pools = self.names.pools.all_free(self)

    def set_mem_access(self, domain: str, enabled: bool) -> None:
        """Switch mem_access on or off for a domain."""
        offset = self.names.p2m_mem_access
        if offset is None:
            raise TreeError("this version has no mem_access")
        address = self.domains[domain].p2m + offset
        self.memory.poke(address, 1, int(enabled))

    # ------------------------------------------------------- guests and traps

    def trap(self, pe: int) -> None:
        """Leave the guest: a hypercall or an interrupt."""
        self.emit(ExceptionEntry(pe))

    def enter_guest(self, pe: int) -> None:
        """Return to the guest whose context is loaded.

        It must be that of the vCPU which runs, or the guest gets at the memory
        of another domain.
        """
        vcpu = self.running.get(pe)
        if vcpu is not None:
            wanted = self.vttbr_of(vcpu.domain)
            loaded = self.execution.cpu.registers[pe, "VTTBR_EL2"]
            if loaded != wanted:
                note = f"{vcpu.name} is entered with VTTBR_EL2 {loaded:#x}"
                note += f", not {wanted:#x}"
                self.strayed.append(Mismatch(vcpu.domain, None, None, note=note))
        self.emit(Eret(pe))

    def switch_to(self, pe: int, vcpu: Vcpu) -> None:
        """Switch ``pe`` from what it runs to ``vcpu``, as schedule_tail() does."""
        previous = self.running.get(pe)
        pointer = self.current_vcpu(pe)
        self.memory.poke(pointer, self.names.pointer, vcpu.address)
        if previous is not None:
            self.call(pe, "p2m_save_state", previous.address)
            context_switch.after_save(self, pe)
        if self.stage1_first:
            self._restore_stage1(pe, vcpu)
        self.call(pe, "p2m_restore_state", vcpu.address)
        if not self.stage1_first:
            self._restore_stage1(pe, vcpu)
        context_switch.after_restore(self, pe)
        self.running[pe] = vcpu

    def _restore_stage1(self, pe: int, vcpu: Vcpu) -> None:
        aarch32 = self.platform.aarch32
        context_switch.restore_stage1(self, pe, vcpu.stage1, aarch32=aarch32)

    def switch_to_idle(self, pe: int) -> None:
        """Switch ``pe`` from what it runs to its idle vCPU.

        That one never leaves the hypervisor: nothing is restored for it.
        """
        previous = self.running.get(pe)
        pointer = self.current_vcpu(pe)
        self.memory.poke(pointer, self.names.pointer, self.idle[pe])
        if previous is not None:
            self.call(pe, "p2m_save_state", previous.address)
            context_switch.after_save(self, pe)
        self.running[pe] = None

    def forget_domain(self, name: str) -> None:
        """Take note that a domain is gone."""
        for known in (self.domains, self.expected, self.tracked, self.pools):
            known.pop(name, None)

    # ---------------------------------------------------------------- results

    def table_words(self) -> list[tuple[int, int]]:
        """List the non-zero words of the heap, which holds all table pages."""
        words = []
        for page in range(HEAP_BASE, self.heap.next_free, PAGE_SIZE):
            entries = enumerate(self.table(page))
            words += [(page + 8 * i, value) for i, value in entries if value]
        return words

    def copy_root(self, domain: str) -> int:
        """Copy a domain's root pages; returns the physical address."""
        tables = self.tables_of(domain)
        pa = self.heap.take((tables.pages - 1).bit_length())
        for page in range(tables.pages):
            offset = page * PAGE_SIZE
            data = self.memory.peek_bytes(self.virtual(tables.root + offset), PAGE_SIZE)
            self.memory.poke_bytes(self.virtual(pa + offset), data)
        return pa

    def vttbr_of(self, domain: str) -> int:
        """Return the value of VTTBR_EL2 for a domain."""
        address = self.domains[domain].address
        return self.memory.peek(address + self.names.domain_vttbr, 8)

    def tables_of(self, domain: str) -> TableMap:
        """Tell where a domain's tables start."""
        vtcr = self.execution.cpu.registers[0, "VTCR_EL2"]
        return TableMap.of(self.vttbr_of(domain), vtcr, aarch32=self.platform.aarch32)

    def mismatches(self) -> list[Mismatch]:
        """Compare every domain's tables with what the operations should leave."""
        wrong = [m for name in sorted(self.domains) for m in self.mismatches_of(name)]
        more = (*self.strayed, *self._left_mapped())
        return wrong + [self._blamed(mismatch) for mismatch in more]

    def mismatches_of(self, name: str) -> list[Mismatch]:
        """Compare one domain's tables with what the operations should leave."""
        found = self.tables_of(name).mappings(self.table)
        tracked = self.tracked.get(name, ())
        wrong = compare(name, self.expected[name], found, tracked)
        return [self._blamed(mismatch) for mismatch in wrong]

    def _blamed(self, mismatch: Mismatch) -> Mismatch:
        """Name the function that was to change the mappings last."""
        if mismatch.coord is not None or not self.changed_by:
            return mismatch
        coord = self.execution.unit.functions[self.changed_by].coord
        return mismatch._replace(function=self.changed_by, coord=coord)

    def _left_mapped(self) -> list[Mismatch]:
        """Report pages that no unmap_domain_page() has taken back."""
        number = len(self.domain_pages.mapped)
        if not number:
            return []
        note = f"{number} pages of map_domain_page() are never unmapped"
        return [Mismatch("xen", None, None, note=note)]


def register_file(registers: Mapping[tuple[int, str], int], pe: int) -> dict[str, int]:
    """Return one PE's registers by name, in order of name."""
    return {name: registers[p, name] for p, name in sorted(registers) if p == pe}
