"""The reference machine: events in, what every TLB may hold out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from reference_model.accesses import Accesses
from reference_model.addresses import PAGE_BYTES, page_of
from reference_model.assumptions import Assumptions
from reference_model.completion import Completion
from reference_model.conflicts import Conflicts
from reference_model.descriptors import Kind
from reference_model.entries import Entry, EntryKind, kinds_of
from reference_model.events import (
    Access,
    At,
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    IrqMask,
    Isb,
    Lock,
    Msr,
    PageRelease,
    Release,
    Repeat,
    Store,
    TableFree,
    Tlbi,
    Unlock,
    Zero,
)
from reference_model.filling import Filling
from reference_model.issued import Issued
from reference_model.memory import Memory
from reference_model.oracle import Oracle
from reference_model.pe import Pe
from reference_model.profiles import AT_SPECULATE, REPEAT_TLBI, Profile
from reference_model.repeated import passes
from reference_model.sysregs import TRANSLATION_REGISTERS, Root, stage2_on
from reference_model.tables import Link, Tables
from reference_model.tlb import Tlb
from reference_model.tlbi import By, Scope, Target, decode_operation, ipa_range
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

__all__ = ["Machine", "Start"]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a trace starts: memory content and the registers of each PE.

    ``memory`` maps physical addresses to 8-byte values; what it leaves out
    is zero.  Every PE starts at EL2 with an empty TLB.
    """

    pes: int
    memory: dict[int, int] = field(default_factory=dict)
    registers: tuple[dict[str, int], ...] = ()


class Machine:
    """Runs a trace on one profile and collects the violations.

    ``violations`` grows as the trace runs.  Raises Unmodelled for an event
    whose effect is not modelled.
    """

    def __init__(
        self,
        profile: Profile,
        start: Start,
        assumptions: Assumptions | None = None,
    ) -> None:
        self.profile = profile
        self.assumptions = assumptions or Assumptions()
        self.violations: list[Violation] = []
        self.now = 0
        self.index = -1
        self._everyone = frozenset(range(start.pes))
        self._index_at: dict[int, int] = {0: -1}
        self.memory = Memory(start.pes)
        self.tables = Tables(self.memory)
        self.tlbs = [Tlb(n, self.tables) for n in range(start.pes)]
        self._filling = Filling(self.memory, self.tables, self.tlbs)
        self._completion = Completion(self.tables, self.tlbs)
        self.oracle = Oracle(self.tables, self.tlbs, self._index_at)
        self._conflicts = Conflicts(self.tables, self.tlbs, profile.bbm, self._index_at)
        self._accesses = Accesses(self.tlbs, REPEAT_TLBI in profile.errata)
        self._speculative = AT_SPECULATE in profile.errata
        self._clocks = [[0] * start.pes for _ in range(start.pes)]
        self._locks: dict[str, list[int]] = {}
        self._cleared: dict[int, tuple[int, int]] = {}  # page -> PE, time
        self.pes = [Pe(n) for n in range(start.pes)]
        self._load(start)

    def _load(self, start: Start) -> None:
        for pa, value in sorted(start.memory.items()):
            self.memory.load(pa, value)
        for pe, registers in zip(self.pes, start.registers, strict=False):
            for name, value in sorted(registers.items()):
                pe.write(name, value)
            pe.synchronise()
            if stage2_on(pe.value("HCR_EL2")):
                # What a PE starts with is the context of some vCPU.
                self.oracle.coherent.add(pe.guest_context().stage1)

    def run(self, trace: Iterable[Event]) -> list[Violation]:
        """Step through a whole trace; returns the violations."""
        for event in trace:
            self.step(event)
        return self.violations

    def step(self, event: Event) -> None:
        """Take one event; a Repeat counts as one."""
        self.index += 1
        if isinstance(event, Repeat):
            for single, target in passes(event):
                self._tick()
                if isinstance(single, Tlbi):
                    self._tlbi(single, target)
                else:
                    self._take(single)
            return
        self._tick()
        self._take(event)

    def _tick(self) -> None:
        self.now += 1
        self._index_at[self.now] = self.index

    def _take(self, event: Event) -> None:
        self._act(event)
        added = self._filling.taken()
        if added:
            self.violations.extend(self._conflicts.of_added(added, self.index))

    def _act(self, event: Event) -> None:
        match event:
            case Store():
                self._store_value(event.pe, event.pa, event.value, event.release)
            case Zero():
                self._zero(event)
            case Tlbi():
                self._tlbi(event)
            case Barrier():
                self._barrier(event)
            case Isb():
                self._isb(event)
            case Msr():
                self._msr(event)
            case Eret():
                self._eret(event)
            case ExceptionEntry():
                self._exception_entry(event)
            case Lock():
                self._lock(event)
            case Unlock():
                self._unlock(event)
            case TableFree():
                self._table_free(event)
            case PageRelease():
                self._page_release(event)
            case Release():
                self._release()
            case CacheOp() | IrqMask():
                pass  # no translation depends on it
            case _:
                raise Unmodelled(_described(event))

    # ---------------------------------------------------------------- stores

    def _zero(self, event: Zero) -> None:
        for page in range(page_of(event.pa), event.pa + event.size, PAGE_BYTES):
            self._cleared[page] = (event.pe, self.now)
        held = self.memory.nonzero(page_of(event.pa), event.size + PAGE_BYTES)
        for cell in list(held):
            if event.pa <= cell.pa < event.pa + event.size:
                self._store_value(event.pe, cell.pa, 0, False)

    def _store_value(self, pe: int, pa: int, value: int, release: bool) -> None:
        clock = list(self._clocks[pe])
        if release:
            clock[pe] = self.now - 1
        cell, old, new = self.memory.store(pa, value, pe, self.now, tuple(clock))
        fresh = self._filling.stored(cell, old, new, self.now)
        for link in fresh:
            if link.descriptor.kind is Kind.TABLE:
                for page in link.child.frames:
                    self._linked(page, clock)
            if link.descriptor.cacheable:
                self._mapped(link.table.root)
        if any(link.descriptor.cacheable for link in fresh):
            self.violations.extend(self._conflicts.with_current(self.index))

    def _linked(self, page: int, ordered: list[int]) -> None:
        """Refuse a table whose clearing is not ordered before its link (M1).

        What the page held before is not known, and a walk could read it.
        """
        pe, time = self._cleared.get(page, (0, 0))
        if time > ordered[pe]:
            raise Unmodelled("a table linked before its clearing is ordered")

    def _mapped(self, root: Root) -> None:
        for tlb in self.tlbs:
            if any(context.root == root for context in tlb.active):
                tlb.touch(self.now)

    # -------------------------------------------------------------- barriers

    def _domain(self, pe: int, domain: Domain) -> frozenset[int]:
        # All PEs of the machine are in one inner shareable domain.
        return frozenset({pe}) if domain is Domain.NSH else self._everyone

    def _barrier(self, event: Barrier) -> None:
        """Order, retire and complete, as far as the barrier does.

        An NSH barrier is taken to order no publication.  It would order it for
        the PE's own walks, but a table that only its maker walks is no case.
        """
        if event.access is Access.LD:
            return  # retires no store, completes no TLBI (F2.1)
        clock = self._clocks[event.pe]
        domain = self._domain(event.pe, event.domain)
        if domain == self._everyone:
            clock[event.pe] = self.now  # what follows is ordered for all walkers
        if event.kind is BarrierKind.DMB:
            return  # orders publication only (M1)
        if event.access is Access.ALL and not event.nxs:  # R_PSMWS
            done = self._completion.complete(event.pe, domain, self.now)
            self._accesses.completed(done, event.pe, self.now)
        # R_SPVBD, R_TGRMW; with lock hand-over
        self.memory.publish(event.pe, self.now, domain, self.now)
        if self.assumptions.dsb_transitive:
            for pe, up_to in enumerate(clock):
                self.memory.publish(pe, up_to, domain, self.now)
        if event.access is Access.ALL:
            self._drained(event.pe)

    def _drained(self, number: int) -> None:
        """End the walks begun before exception entry (I_QVPYJ)."""
        pe = self.pes[number]
        if pe.draining is not None:
            pe.draining = None
            self._context_changed(number)
        if pe.el2:
            self._accesses.finished(number)

    def _isb(self, event: Isb) -> None:
        self.pes[event.pe].synchronise()
        self._context_changed(event.pe)

    # ------------------------------------------------------ TLB maintenance

    def _tlbi(self, event: Tlbi, target: Target | None = None) -> None:
        operation = decode_operation(event.op)
        if operation.nxs:
            raise Unmodelled(f"TLBI {event.op}")
        pe = self.pes[event.pe]
        # IPAS2*, VMALLS12* and ALLE1 always mean EL1&0.
        redirected = not operation.stage2 and pe.possible_el2_host()
        if operation.el2 or redirected:
            operation = decode_operation("ALLE2" + _suffix(operation.scope))
        by_ipa = operation.by in (By.INTERMEDIATE, By.RANGE)
        if by_ipa and target is None:
            target = ipa_range(
                operation,
                event.operand,
                ttl=self.profile.ttl,
                ranges=self.profile.tlb_range,
            )
        local = operation.scope is Scope.LOCAL
        self._completion.issue(
            Issued(
                operation,
                event.pe,
                self.now,
                self.index,
                pe.possible_vmids(),
                frozenset({event.pe}) if local else self._everyone,
                target if by_ipa else None,
            )
        )

    # --------------------------------------------------------- registers, EL

    def _msr(self, event: Msr) -> None:
        if event.register in TRANSLATION_REGISTERS:
            self.pes[event.pe].write(event.register, event.value)
            self._context_changed(event.pe)

    def _context_changed(self, number: int) -> None:
        pe, tlb = self.pes[number], self.tlbs[number]
        contexts = pe.contexts(speculative_at=self._speculative)
        if contexts != tlb.active:
            for context in tlb.activate(contexts, self.now):
                self._filling.enter(tlb, context, self.now)

    def _exception_entry(self, event: ExceptionEntry) -> None:
        pe = self.pes[event.pe]
        if not pe.el2:
            self._local_tlbis(pe)
        pe.enter_el2(drained=self.assumptions.drain_ptw)
        self._context_changed(event.pe)

    def _eret(self, event: Eret) -> None:
        pe, tlb = self.pes[event.pe], self.tlbs[event.pe]
        pe.enter_guest()
        context = pe.guest_context()
        self.oracle.coherent.add(context.stage1)
        self._context_changed(event.pe)
        report = self.violations.extend
        self._local_tlbis(pe)
        report(self.oracle.foreign_stage1(tlb, context, self.index))
        report(self.oracle.missed_invalidations(tlb, context, self.index))
        report(self.oracle.mixed_contexts(self.index))
        report(self.oracle.foreign_stage2(context, self.index, self.now))
        report(self._conflicts.with_current(self.index))

    def _local_tlbis(self, pe: Pe) -> None:
        """Let the guest on ``pe`` have executed local TLBIs by now."""
        if not pe.forced_broadcast:
            stage1 = pe.guest_context().stage1
            for tlb in self.tlbs:
                if tlb.pe != pe.number:
                    tlb.outdate(stage1, self.now)

    # ------------------------------------------------------- ordering, locks

    def _lock(self, event: Lock) -> None:
        clock = self._clocks[event.pe]
        for pe, time in enumerate(self._locks.get(event.name, ())):
            clock[pe] = max(clock[pe], time)

    def _unlock(self, event: Unlock) -> None:
        clock = list(self._clocks[event.pe])
        clock[event.pe] = self.now
        self._locks[event.name] = clock

    # -------------------------------------------------------- release points

    def _table_free(self, event: TableFree) -> None:
        pages = list(range(event.pa, event.pa + event.size, PAGE_BYTES))
        self.violations.extend(self.oracle.walked(pages, self.index, self.now))
        self.violations.extend(
            self._accesses.unfinished(self.index, self.oracle.grants)
        )

    def _page_release(self, event: PageRelease) -> None:
        if self.assumptions.alloc_flushes_tlb:
            return
        page = range(event.pa, event.pa + event.size)
        self.violations.extend(self.oracle.stale_grants(self.index, page))

    def _release(self) -> None:
        self.violations.extend(self.oracle.stale_grants(self.index))
        self.violations.extend(self.oracle.mixed_contexts(self.index))
        self.violations.extend(
            self._accesses.unfinished(self.index, self.oracle.grants)
        )

    # ------------------------------------------------------------ inspection

    @property
    def pending(self) -> list[Issued]:
        """Return the TLBIs that are not complete on every PE in their scope."""
        return list(self._completion.pending)

    def may_hold(self, pe: int, kind: EntryKind, vmid: int, ipa: int) -> bool:
        """Tell whether a PE may hold an entry of a kind for an IPA."""
        tlb = self.tlbs[pe]
        for entry in tlb.stale:
            link = entry.link
            if (entry.kind, entry.vmid) == (kind, vmid) and link.ia <= ipa < link.end:
                return True
        return any(
            kind in kinds_of(link) and tlb.may_hold(Entry(kind, vmid, link), self.now)
            for root in tlb.roots(vmid)
            for link in self._path(root, ipa)
        )

    def _path(self, root: Root, ipa: int) -> list[Link]:
        found: list[Link] = []
        link = self.tables.walk(root, ipa)
        while link is not None:
            found.append(link)
            link = link.table.link
        return found


def _described(event: Event) -> str:
    return f"AT {event.op}" if isinstance(event, At) else type(event).__name__


def _suffix(scope: Scope) -> str:
    return {Scope.LOCAL: "", Scope.INNER: "IS", Scope.OUTER: "OS"}[scope]
