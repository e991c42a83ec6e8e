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
    Chain,
    Context,
    Flight,
    Held,
    Leaf,
    Made,
    Read,
    State,
    address,
    allows,
    is_table,
    leaf_of,
    matches,
    output_at,
)

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
)


class NaiveMachine:
    """The machine; ``violations`` are (event, property, PE, kind)."""

    def __init__(
        self, pes: int, memory: dict[int, int], registers: list[dict[str, int]]
    ) -> None:
        self.pes = range(pes)
        self.stores: list[Made] = []
        self.at: dict[int, list[int]] = {}  # location -> stores, in coherence order
        nothing = tuple(frozenset[int]() for _ in self.pes)
        for pa, value in sorted(memory.items()):
            self.at[pa] = [len(self.stores)]
            self.stores.append(Made(pa, value, -1, nothing))
        self.own: list[set[int]] = [set() for _ in self.pes]
        self.handed: list[set[int]] = [set() for _ in self.pes]
        self.ordered: list[list[set[int]]] = [
            [set() for _ in self.pes] for _ in self.pes
        ]
        self.locks: dict[str, set[int]] = {}
        self.values = [{k: [v] for k, v in r.items()} for r in registers]
        self.el2 = [True for _ in self.pes]
        self.draining: list[Context | None] = [None for _ in self.pes]
        self.missed: dict[tuple[int, int, int], int] = {}
        self.flights: list[Flight] = []
        empty = State(frozenset(), frozenset())
        self.states: list[list[State]] = [[empty] for _ in self.pes]
        self.violations: set[tuple[int, str, int, str]] = set()
        self.index = -1

    # ---------------------------------------------------------------- memory

    def current(self, pa: int) -> int:
        """Return the value of the last store to a location."""
        stores = self.at.get(pa)
        return self.stores[stores[-1]].value if stores else 0

    def readable(self, pe: int, pa: int, above: Chain) -> list[int]:
        """List the stores that a walk of a PE may read below a chain."""
        stores = self.at.get(pa, [])
        oldest = 0
        for read in above:
            for covered in self.stores[read.store].before[pe]:
                if self.stores[covered].pa == pa:
                    oldest = max(oldest, stores.index(covered))
        return [s for s in stores[oldest:] if pe not in self.stores[s].retired]

    def step(self, event: Event) -> None:
        """Take one event, then everything that PEs may do by themselves."""
        self.index += 1
        pe = event.pe
        match event:
            case Store():
                self.store(event)
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
        ipa = (event.operand & 0xF_FFFF_FFFF) << 12
        flight = Flight(op, ipa, event.pe, vmids, scope, len(self.stores))
        self.flights.append(flight)

    def complete(self, flight: Flight, domain: set[int]) -> None:
        """Let a TLBI have happened on the PEs of a domain."""
        for q in flight.scope & domain - flight.done:
            flight.done.add(q)
            self.states[q] = [
                State(state.entries, state.happened - {flight})
                for state in self.states[q]
                if flight in state.happened
            ]

    # ----------------------------------------------------------------- fills

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

    def loaded(self, pe: int) -> Context:
        """Return the context that the registers describe."""
        vttbr = self.values[pe]["VTTBR_EL2"][-1]
        vcpu = self.values[pe]["TTBR0_EL1"][-1]
        return Context((vttbr >> 48) & 0xFF, vttbr & OUTPUT, vcpu)

    def contexts(self, pe: int) -> list[Context]:
        """List the contexts from which a PE may fill."""
        if not self.el2[pe]:
            return [self.loaded(pe)]
        draining = self.draining[pe]
        return [] if draining is None else [draining]

    def evolve(self, pe: int) -> None:
        """Let the PE fill, and TLBIs take effect, in every order."""
        flying = [f for f in self.flights if pe in f.scope and pe not in f.done]
        todo = [State(self.fill(pe, s.entries), s.happened) for s in self.states[pe]]
        reached: dict[frozenset[Flight], set[frozenset[Held]]] = {}
        while todo:
            state = todo.pop()
            known = reached.setdefault(state.happened, set())
            if any(state.entries <= other for other in known):
                continue
            known -= {other for other in known if other < state.entries}
            known.add(state.entries)
            for flight in flying:
                if flight not in state.happened:
                    left = {e for e in state.entries if not matches(flight, e)}
                    refilled = self.fill(pe, frozenset(left))
                    todo.append(State(refilled, state.happened | {flight}))
        self.states[pe] = [
            State(entries, happened)
            for happened, sets in reached.items()
            for entries in sets
        ]

    def fill(self, pe: int, entries: frozenset[Held]) -> frozenset[Held]:
        """Close the content of a TLB under walks."""
        held = set(entries)
        for context in self.contexts(pe):
            walks: list[tuple[int, Chain]] = [(context.root, ())]
            walks += [
                (e.root, e.chain)
                for e in entries
                if e.kind == "S2W" and e.vmid == context.vmid
            ]
            for root, chain in walks:
                self.walk(pe, context, root, chain, held)
            # Stage 1 is the guest's: it is there, with every mapping, as soon
            # as one of its tables can be fetched.
            for entry in list(held):
                usable = (entry.vmid, entry.root) == (context.vmid, context.root)
                if usable and entry.kind in ("S2", "S12W"):
                    version = self.missed.get((pe, context.vmid, context.vcpu), 0)
                    held.add(Held("S1", context.vmid, version, context.vcpu, ()))
                    if entry.kind == "S2":
                        held.add(entry._replace(kind="S12", vcpu=context.vcpu))
                        held.add(entry._replace(kind="S12W", vcpu=context.vcpu))
        return frozenset(held)

    def walk(
        self, pe: int, context: Context, root: int, chain: Chain, held: set[Held]
    ) -> None:
        """Add what the walk from a chain on can reach."""
        level = len(chain) + 1
        page = self.stores[chain[-1].store].value & OUTPUT if chain else root
        for slot in SLOTS:
            pa = page + 8 * slot
            for number in self.readable(pe, pa, chain):
                value = self.stores[number].value
                longer = (*chain, Read(pa, number))
                if is_table(value, level):
                    held.add(Held("S2W", context.vmid, root, 0, longer))
                    self.walk(pe, context, root, longer, held)
                elif leaf_of(value, level):
                    held.add(Held("S2", context.vmid, root, 0, longer))

    # ---------------------------------------------------------------- oracle

    def held(self, pe: int) -> frozenset[Held]:
        """Return everything that a PE may hold."""
        return frozenset().union(*(state.entries for state in self.states[pe]))

    def leaf(self, entry: Held) -> Leaf | None:
        """Return the leaf descriptor that an entry was built from."""
        if entry.kind in ("S1", "S2W"):
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
            old = self.leaf(entry)
            if old and not all(
                allows(self.lookup(entry.root, ipa), old, ipa)
                for ipa in self.probes(entry)
            ):
                self.found("O1", pe, entry.kind)

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
            if entry.kind != "S1" and entry.root != context.root:
                self.found("O5", pe, entry.kind)
            if pe != entering or entry.vcpu == 0:
                continue
            version = self.missed.get((pe, entry.vmid, entry.vcpu), 0)
            if entry.vcpu != context.vcpu:
                self.found("O3", pe, "S1")
            elif entry.kind == "S1" and entry.root < version:
                self.found("O3 fb", pe, "S1")
