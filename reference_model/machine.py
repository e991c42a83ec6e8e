"""The reference machine: events in, what every TLB may hold out."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from reference_model.accesses import Accesses
from reference_model.addresses import PAGE_BYTES, page_of
from reference_model.assumptions import Assumptions
from reference_model.cleaning import Cleaning
from reference_model.completion import Completion
from reference_model.conflicts import Conflicts
from reference_model.entries import (
    ALL_KINDS,
    NO_VMID,
    SEPARATE_KINDS,
    STAGE2_KINDS,
    Context,
    EntryKind,
    Tag,
)
from reference_model.events import (
    Access,
    At,
    Barrier,
    BarrierKind,
    CacheOp,
    Eret,
    Event,
    ExceptionEntry,
    IommuFlush,
    IrqMask,
    Isb,
    Lock,
    Msr,
    PageRelease,
    PageScrub,
    Release,
    Repeat,
    Store,
    TableFree,
    Tlbi,
    Unlock,
    Zero,
)
from reference_model.filling import Filling
from reference_model.icache import InstructionCaches
from reference_model.isolation import Isolation
from reference_model.issued import Issued
from reference_model.maintenance import Maintenance
from reference_model.memory import Memory
from reference_model.oracle import Oracle
from reference_model.pe import Pe
from reference_model.profiles import AT_SPECULATE, REPEAT_TLBI, Profile
from reference_model.publication import Publication
from reference_model.publication_order import PublicationOrder
from reference_model.repeated import passes
from reference_model.shareability import Shareability
from reference_model.start import Start
from reference_model.sysregs import (
    TRANSLATION_REGISTERS,
    Root,
    root_of,
    stage2_on,
    vmid_of,
)
from reference_model.tables import Tables
from reference_model.tlb import Tlb
from reference_model.tlbi import Target
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

__all__ = ["Machine", "Start"]


class Machine:
    """Runs a trace on one profile and collects the violations.

    ``violations`` grows as the trace runs.  What has no model raises Unmodelled.
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
        self._reach = Shareability(
            start.inner or (0,) * start.pes,
            start.iommus,
            dvm=self.assumptions.smmu_dvm,
        )
        level = self.assumptions.ets_level
        self._ets = profile.ets if level is None else level
        self._index_at = array("q", [-1])  # machine time -> event index
        self.memory = Memory(start.pes, self._reach.walkers, self._reach.incoherent)
        self.tables = Tables(self.memory)
        self.tlbs = [
            Tlb(
                n,
                self.tables,
                self._kinds(n),
                copies=not profile.ntlbpa,
                coherent=n not in self._reach.incoherent,
            )
            for n in sorted(self._reach.walkers)
        ]
        self._filling = Filling(self.memory, self.tables, self.tlbs)
        self.oracle = Oracle(self.tables, self.tlbs, self._index_at)
        self._isolation = Isolation(
            self.tables,
            self.tlbs,
            self._index_at,
            self._reach.iommus,
            several_stage2s=self.assumptions.altp2m,
        )
        self._conflicts = Conflicts(
            self.tables,
            self.tlbs,
            profile.bbm,
            self._index_at,
            read_only_exempt=not self.assumptions.bbm_ro_same_content,
            # A TLB conflict abort would find no handler (F5.5, F5.6).
            may_abort=profile.bbm in (1, 2)
            and not (self.assumptions.bbml2_noabort or start.conflict_aborts_handled),
            nt_cacheable=self.assumptions.nt_cacheable,
        )
        self._icaches = InstructionCaches(start.pes, by_vmid=profile.vpipt)
        self._accesses = Accesses(
            self.tlbs,
            REPEAT_TLBI in profile.errata,
            stage2_forms=self.assumptions.repeat_tlbi_s2_forms,
        )
        self._maintenance = Maintenance(
            profile,
            self.assumptions,
            self._reach,
            Completion(self.memory, self.tables, self.tlbs, lingers=self._ets < 2),
            self._accesses,
        )
        self._speculative = AT_SPECULATE in profile.errata
        self._order = PublicationOrder(start.pes)
        self._publication = Publication(self.tlbs, self._index_at)
        self._cleaning = Cleaning(start.pes, self.memory, self._publication)
        self.pes = Pe.all_of(profile, start.pes)
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
                self._isolation.coherent.add(pe.guest_context().stage1)
            if stage2_on(pe.value("HCR_EL2")) or pe.el2_contexts():
                self._context_changed(pe.number)
        for number, iommu in zip(self._reach.iommus, start.iommus, strict=True):
            vmid = vmid_of(iommu.vttbr, iommu.vtcr)
            context = Context(vmid, root_of(iommu.vttbr, iommu.vtcr), ())
            self.tlbs[number].activate((context,), 0)
            self._filling.enter(self.tlbs[number], context, 0)

    def _kinds(self, walker: int) -> frozenset[EntryKind]:
        """Return the kinds of entry that a walker's TLB may hold."""
        if walker in self._reach.iommus:
            return STAGE2_KINDS
        return ALL_KINDS if self.assumptions.combined_tlb else SEPARATE_KINDS

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
        self._index_at.append(self.index)

    def _take(self, event: Event) -> None:
        known = len(self.violations)
        self._act(event)
        added = self._filling.taken()
        if added:
            self.violations.extend(self._conflicts.of_added(added, self.index))
        for table in self.tables.adopted():
            self._publication.link(table)
        if self._publication.unready:
            self.violations.extend(self._publication.reached(self.index))
        if self.assumptions.single_pe:
            # What other PEs hold is not used; IOMMUs come after the PEs.
            self.violations[known:] = [
                violation
                for violation in self.violations[known:]
                if violation.pe == event.pe or violation.pe >= len(self.pes)
            ]

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
                self._order.lock(event.pe, event.name)
            case Unlock():
                self._order.unlock(event.pe, event.name, self.now)
            case TableFree():
                self._table_free(event)
            case PageRelease():
                self._page_release(event)
            case PageScrub():
                self._page_scrub(event)
            case Release():
                self._release()
            case CacheOp():
                self._cache(event)
            case At():
                self._at(event)
            case IommuFlush():
                self._maintenance.flush_iommu(event, self.now, self.index)
            case IrqMask():
                pass  # no translation depends on it
            case _:
                raise Unmodelled(type(event).__name__)

    # ---------------------------------------------------------------- stores

    def _zero(self, event: Zero) -> None:
        first = page_of(event.pa + PAGE_BYTES - 1)
        whole = range(first, page_of(event.pa + event.size), PAGE_BYTES)
        self._publication.clear(whole, event.pe, self.now)
        held = self.memory.nonzero(page_of(event.pa), event.size + PAGE_BYTES)
        for cell in list(held):
            if event.pa <= cell.pa < event.pa + event.size:
                self._store_value(event.pe, cell.pa, 0, False)

    def _store_value(self, pe: int, pa: int, value: int, release: bool) -> None:
        if not self.assumptions.permission_change_deferral:
            self.violations.extend(self.oracle.deferred(self.index))
        before = self._order.before_store(pe, self.now, release=release)
        cell, old, new = self.memory.store(pa, value, pe, self.now, before)
        fresh = self._filling.stored(cell, old, new, self.now)
        fresh = [link for link in fresh if link.descriptor.cacheable]
        for link in fresh:
            self._mapped(link.table.root)
        if fresh:
            self.violations += self._conflicts.with_fresh(fresh, self.index)

    def _mapped(self, root: Root) -> None:
        for tlb in self.tlbs:
            if any(context.root == root for context in tlb.active):
                tlb.touch(self.now)

    # -------------------------------------------------------------- barriers

    def _barrier(self, event: Barrier) -> None:
        """Order, retire and complete, as far as the barrier does.

        An NSH barrier is taken to order no publication.  It would order it for
        the PE's own walks, but a table that only its maker walks is no case.
        """
        if event.access is Access.LD:
            return  # retires no store, completes no TLBI (F2.1)
        domain = self._reach.domain(event.pe, event.domain)
        if domain == self._reach.walkers:
            self._order.barrier(event.pe, self.now)  # for all walkers
        if event.kind is BarrierKind.DMB:
            return  # orders publication only (M1)
        if event.access is Access.ALL:  # R_PSMWS
            self._maintenance.complete(event.pe, domain, self.now, nxs=event.nxs)
            self._icaches.complete(event.pe, domain)
            self._cleaning.complete(event.pe, domain)
        # R_SPVBD, R_TGRMW; with lock hand-over
        self._retire(event.pe, self.now, domain)
        if self.assumptions.dsb_transitive:
            for pe, up_to in self._order.known(event.pe):
                self._retire(pe, up_to, domain)
        if event.access is Access.ALL:
            self._drained(event.pe)

    def _retire(self, pe: int, up_to: int, walkers: frozenset[int]) -> None:
        self.memory.publish(pe, up_to, walkers, self.now)
        self._publication.publish(pe, up_to, walkers)

    def _tlbi(self, event: Tlbi, target: Target | None = None) -> None:
        pe = self.pes[event.pe]
        covers = self.assumptions.local_tlbi_covers_cnp_sharers
        shared = not covers and self._isolation.shared(pe, self.pes)
        self._maintenance.issue(event, target, pe, self.now, self.index, shared=shared)

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
        self.tlbs[event.pe].lingering.clear()
        self._context_changed(event.pe)

    # --------------------------------------------------------- registers, EL

    def _msr(self, event: Msr) -> None:
        if event.register in TRANSLATION_REGISTERS:
            self.pes[event.pe].write(event.register, event.value)
            self._context_changed(event.pe)

    def _context_changed(self, number: int) -> None:
        pe, tlb = self.pes[number], self.tlbs[number]
        idle = self.assumptions.out_of_context_no_fill
        contexts = pe.contexts(speculative_at=self._speculative, loaded=not idle)
        if contexts == tlb.active:
            return
        entered = tlb.activate(contexts, self.now)
        for context in entered:
            self._filling.enter(tlb, context, self.now)
            if context.vmid == NO_VMID:
                found = self._isolation.foreign_root(tlb, context, self.index, self.now)
                self.violations += found
        if entered and pe.el2:  # on entry to a guest all is compared anyway
            self.violations += self._conflicts.with_current(self.index, tlb)

    def _at(self, event: At) -> None:
        """Let an executed AT fill from the loaded registers (F3.5)."""
        pe, tlb = self.pes[event.pe], self.tlbs[event.pe]
        if not pe.el2 or event.op.startswith("S1E2"):
            return  # that regime is in context anyway
        before = tlb.active
        for context in tlb.activate((*before, *pe.mixtures()), self.now):
            self._filling.enter(tlb, context, self.now)
        tlb.activate(before, self.now)

    def _cache(self, event: CacheOp) -> None:
        self._cleaning.execute(event.pe, event.op.upper(), event.pa)
        self._icaches.invalidate(event.pe, event.op.upper())

    def _exception_entry(self, event: ExceptionEntry) -> None:
        pe = self.pes[event.pe]
        if not pe.el2:
            self._local_tlbis(pe)
        pe.enter_el2(drained=self.assumptions.drain_ptw)
        self._icaches.leave(event.pe)
        self.tlbs[event.pe].lingering.clear()
        self._context_changed(event.pe)

    def _eret(self, event: Eret) -> None:
        pe, tlb = self.pes[event.pe], self.tlbs[event.pe]
        pe.enter_guest()
        tlb.lingering.clear()
        context = pe.guest_context()
        self._isolation.coherent.add(context.stage1)
        self._context_changed(event.pe)
        report = self.violations.extend
        self._local_tlbis(pe)
        report(self._isolation.foreign_stage1(tlb, context, self.index))
        report(self._isolation.missed_invalidations(tlb, context, self.index))
        report(self._isolation.mixed_contexts(self.index))
        report(self._isolation.foreign_stage2(context, self.index, self.now, pe.number))
        report(self._isolation.shared_tables(pe, self.pes, self.index))
        if self._icaches.run(pe.number, context.vmid, context.root):
            report([self._isolation.old_instructions(pe.number, context, self.index)])
        report(self._conflicts.with_current(self.index))
        report(self.oracle.restricting(tlb, context, self.index))

    def _local_tlbis(self, pe: Pe) -> None:
        """Let the guest on ``pe`` have executed local TLBIs by now."""
        if not pe.forced_broadcast:
            stage1 = pe.guest_context().stage1
            for tlb in self.tlbs:
                if tlb.pe != pe.number:
                    tlb.outdate(stage1, self.now)

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

    def _page_scrub(self, event: PageScrub) -> None:
        page = range(event.pa, event.pa + event.size)
        report = self.oracle.stale_grants(self.index, page, scrub=True)
        self.violations.extend(report)

    def _release(self) -> None:
        self.violations.extend(self.oracle.stale_grants(self.index))
        self.violations.extend(self._conflicts.unfinished(self.index))
        self.violations.extend(self._isolation.mixed_contexts(self.index))
        self.violations.extend(
            self._accesses.unfinished(self.index, self.oracle.grants)
        )

    # ------------------------------------------------------------ inspection

    @property
    def pending(self) -> list[Issued]:
        """Return the TLBIs that are not complete on every PE in their scope."""
        return self._maintenance.pending

    def may_hold(self, pe: int, kind: EntryKind, vmid: int, ipa: int) -> bool:
        """Tell whether a PE may hold an entry of a kind for an IPA."""
        return self.tlbs[pe].may_translate(kind, Tag(vmid), ipa, self.now)
