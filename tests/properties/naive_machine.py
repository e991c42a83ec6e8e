"""A machine that enumerates everything, to compare the real one with.

Each PE has a set of *states*: what its TLB holds when it fills all it may, and
which of the TLBIs in flight have taken effect.  After every event each state
is closed under fills, and branches for every TLBI that may take effect at that
moment; a DSB keeps the states in which what it completes has happened.  So an
entry may be held iff it is in one of the states.  Nothing is shared with the
package but the events; two-stage walks are spelled out, descriptor by
descriptor, with the store that each came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from naive_entries import (
    OUTPUT,
    SHIFT,
    SLOTS,
    Flight,
    Held,
    Leaf,
    Made,
    State,
    address,
    allows,
    is_table,
    leaf_of,
    matches,
    named,
    output_at,
)
from naive_walks import NaiveWalker, Unfinished

from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Isb,
    Lock,
    Msr,
    Release,
    Store,
    TableFree,
    Tlbi,
    Unlock,
    Zero,
)


class NaiveMachine(NaiveWalker):
    """The machine; ``violations`` are (event, property, PE, kind)."""

    def step(self, event: Event) -> None:
        """Take one event, then everything that PEs may do by themselves."""
        self.index += 1
        self.time += 1
        pe = event.pe
        match event:
            case Store():
                self.store(event)
            case Zero():
                for pa in [pa for pa in self.at if 0 <= pa - event.pa < event.size]:
                    self.store(Store(pe, pa, 0))
            case Barrier():
                self.barrier(event)
            case Isb():
                self.synchronise(pe)
            case Msr() if self.values[pe][event.register][-1] != event.value:
                self.values[pe][event.register].append(event.value)
            case Tlbi():
                self.issue(event)
            case ExceptionEntry():
                self.local_tlbis(pe)
                self.draining[pe] = self.loaded(pe)
                self.el2[pe] = True
                self.synchronise(pe)
            case Eret():
                self.synchronise(pe)
                self.el2[pe], self.draining[pe] = False, None
                context = self.loaded(pe)
                self.entered.add((context.vmid, context.vcpu))
                self.local_tlbis(pe)
            case Lock():
                self.handed[pe] |= self.locks.get(event.name, set())
                for q in self.pes:
                    self.ordered[pe][q] |= self.locks.get(event.name, set())
            case Unlock():
                self.locks[event.name] = self.handed[pe] | self.own[pe]
        for q in self.pes:
            self.evolve(q)
        self.check(event)

    def store(self, event: Store) -> None:
        """Append a store; older values stay readable."""
        pe = event.pe
        before = tuple(
            frozenset(self.ordered[pe][q] | (self.own[pe] if event.release else set()))
            for q in self.pes
        )
        number = len(self.stores)
        self.stores.append(Made(event.pa, event.value, pe, before))
        self.at[event.pa].append(number)
        self.own[pe].add(number)

    def barrier(self, event: Barrier) -> None:
        """Order, retire and complete, as far as the barrier does."""
        if event.access is Access.LD:
            return
        pe = event.pe
        domain = {pe} if event.domain is Domain.NSH else set(self.pes)
        if domain == set(self.pes):  # others' walks cannot tell NSH barriers
            for q in self.pes:
                self.ordered[pe][q] |= self.own[pe]
        if event.kind is BarrierKind.DMB:
            return
        if event.access is Access.ALL:
            for flight in self.flights:
                if flight.pe == pe:
                    self.complete(flight, domain)
            self.draining[pe] = None
            if self.el2[pe]:
                self.unfinished = [u for u in self.unfinished if u.pe != pe]
        for number in self.own[pe] | self.handed[pe]:
            stores = self.at[self.stores[number].pa]
            for older in stores[: stores.index(number)]:
                self.stores[older].retired |= domain

    # ------------------------------------------------------------------ TLBI

    def issue(self, event: Tlbi) -> None:
        """Put a TLBI in flight; it may take effect from now on."""
        op, scope = event.op, frozenset(self.pes)
        if op[-2:] in ("IS", "OS"):
            op = op[:-2]
        else:
            scope = frozenset({event.pe})
        vmids = frozenset((v >> 48) & 0xFF for v in self.values[event.pe]["VTTBR_EL2"])
        start, end, level = named(
            op,
            event.operand,
            ttl="ttl" in self.features,
            ranges="ranges" in self.features,
        )
        self.flights.append(
            Flight(
                op,
                start,
                end,
                level,
                event.pe,
                vmids,
                scope,
                len(self.stores),
                self.time,
            )
        )

    def complete(self, flight: Flight, domain: set[int]) -> None:
        """Let a TLBI have happened on the PEs of a domain."""
        for q in flight.scope & domain - flight.done:
            flight.done.add(q)
            before = self.held(q)
            self.states[q] = [
                State(state.entries, state.happened - {flight})
                for state in self.states[q]
                if flight in state.happened
            ]
            if "repeat" in self.features and len(flight.scope) > 1 and q != flight.pe:
                self.leave(flight, q, before - self.held(q))

    def leave(self, flight: Flight, pe: int, gone: frozenset[Held]) -> None:
        """Leave accesses through removed entries under way (erratum)."""
        self.unfinished = [
            u
            for u in self.unfinished
            if (u.pe, u.issuer) != (pe, flight.pe) or u.time > flight.time
        ]
        left = frozenset(
            entry
            for entry in gone
            if entry.kind in ("S12", "S12W")
            and matches(flight, entry, self.levels)
            and not self.is_current(entry)
        )
        if left and self.contexts(pe):
            self.unfinished.append(Unfinished(pe, flight.pe, self.time, left))

    # ------------------------------------------------------------- registers

    def synchronise(self, pe: int) -> None:
        """Let the last values written to the registers hold for certain."""
        for values in self.values[pe].values():
            del values[:-1]

    def local_tlbis(self, pe: int) -> None:
        """Let the guest on a PE remove all that it may of its stage-1 entries."""
        if not self.values[pe]["HCR_EL2"][-1] & 1 << 9:  # FB
            context = self.loaded(pe)
            for q in self.pes:
                key = (q, context.vmid, context.vcpu)
                if q != pe:
                    self.missed[key] = self.missed.get(key, 0) + 1

    # ---------------------------------------------------------------- oracle

    def leaf(self, entry: Held) -> Leaf | None:
        """Return the leaf descriptor that an entry was built from."""
        if entry.kind in ("S1", "S2W", "DESC"):
            return None
        return leaf_of(self.stores[entry.chain[-1].store].value, len(entry.chain))

    def lookup(self, root: int, ipa: int) -> Leaf | None:
        """Walk the last values stored."""
        page = root
        for level in (1, 2, 3):
            value = self.current(page + 8 * ((ipa >> SHIFT[level]) & 511))
            if not is_table(value, level):
                return leaf_of(value, level)
            page = value & OUTPUT
        raise AssertionError

    def check(self, event: Event) -> None:
        """Apply the oracle."""
        for pe in self.pes:
            if self.contexts(pe):
                self.conflicts(pe)
            if isinstance(event, Release):
                self.grants(pe)
            if isinstance(event, Release | Eret):
                self.mixed(pe)
            if isinstance(event, Release | TableFree):
                self.accesses(pe)
            if isinstance(event, TableFree):
                self.freed(pe, event.pa)
            if isinstance(event, Eret):
                self.isolation(pe, event.pe)

    def found(self, broken: str, pe: int, kind: str) -> None:
        """Note a violation."""
        self.violations.add((self.index, broken, pe, kind))

    def probes(self, entry: Held) -> Iterator[int]:
        """Yield one IPA for each way to walk through the used slots."""
        start = address(entry.chain)
        level = len(entry.chain)
        below = [SLOTS if level < n else (0,) for n in (1, 2, 3)]
        for slots in product(*below):
            yield start + sum(s << SHIFT[n] for n, s in enumerate(slots, start=1))

    def grants(self, pe: int) -> None:
        """O1: nothing is granted that the current tables do not grant."""
        for entry in self.held(pe):
            if not self.granted(entry):
                self.found("O1", pe, entry.kind)

    def mixed(self, pe: int) -> None:
        """O3: nothing was made from registers of different vCPUs."""
        for entry in self.held(pe):
            made = (entry.vmid, entry.vcpu)
            if entry.kind == "S1" and made not in self.entered:
                self.found("O3 mixed", pe, "S12")

    def accesses(self, pe: int) -> None:
        """M7: no access is under way that the current tables do not grant."""
        for unfinished in self.unfinished:
            if unfinished.pe == pe:
                for entry in unfinished.entries:
                    if not self.granted(entry):
                        self.found("M7", pe, "S12")

    def granted(self, entry: Held) -> bool:
        """Tell whether the current tables grant what an entry grants."""
        old = self.leaf(entry)
        return old is None or all(
            allows(self.lookup(entry.root, ipa), old, ipa) for ipa in self.probes(entry)
        )

    def conflicts(self, pe: int) -> None:
        """O2: no two leaves for an IPA that differ in what BBM protects."""
        for state in self.states[pe]:
            vmids = {c.vmid for c in self.contexts(pe)}
            leaves = [e for e in state.entries if self.leaf(e) and e.vmid in vmids]
            for one, other in product(leaves, leaves):
                if one.root == other.root and self.differ(one, other):
                    stale = [e for e in (one, other) if not self.is_current(e)]
                    for entry in stale:
                        self.found("O2", pe, entry.kind)

    def is_current(self, entry: Held) -> bool:
        """Tell whether an entry was built from the last stores."""
        return all(self.at[read.pa][-1] == read.store for read in entry.chain)

    def differ(self, one: Held, other: Held) -> bool:
        """Tell whether two entries conflict (R_WHZWS, FEAT_BBM level 0)."""
        start, end = address(one.chain), 1 << SHIFT[len(one.chain)]
        first, last = address(other.chain), 1 << SHIFT[len(other.chain)]
        ipa = max(start, first)
        if ipa >= min(start + end, first + last):
            return False
        a, b = self.leaf(one), self.leaf(other)
        assert a is not None and b is not None
        return (a.attributes, output_at(a, ipa), a.level) != (
            b.attributes,
            output_at(b, ipa),
            b.level,
        )

    def freed(self, pe: int, page: int) -> None:
        """O4: no walk reaches a freed table."""
        for entry in self.held(pe):
            if entry.kind == "S2W":
                value = self.stores[entry.chain[-1].store].value
                if value & OUTPUT == page:
                    self.found("O4", pe, entry.kind)

    def isolation(self, pe: int, entering: int) -> None:
        """O3, O5: no entry of another vCPU or VM is usable."""
        context = self.loaded(entering)
        for entry in self.held(pe):
            if entry.vmid != context.vmid:
                continue
            if entry.kind not in ("S1", "DESC") and entry.root != context.root:
                self.found("O5", pe, entry.kind)
            if pe != entering or entry.vcpu == 0:
                continue
            version = self.missed.get((pe, entry.vmid, entry.vcpu), 0)
            if entry.vcpu != context.vcpu:
                self.found("O3", pe, "S1")
            elif entry.kind == "S1" and entry.root < version:
                self.found("O3 fb", pe, "S1")
