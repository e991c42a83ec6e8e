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
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

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

SHIFT = {1: 30, 2: 21, 3: 12}  # walks start at level 1, 39-bit IPA
OUTPUT = 0x0000_FFFF_FFFF_F000
# The used slots of a table, and one that is never used.
SLOTS = (0, 1, 7)


class Read(NamedTuple):
    """A value read in a walk: the location, and the number of the store."""

    pa: int
    store: int


Chain = tuple[Read, ...]


class Held(NamedTuple):
    """A TLB entry; stage-1 content is known by the vCPU's TTBR0_EL1 only.

    For an S1 entry ``root`` says how often the vCPU had by then run on another
    PE where its TLBIs are local.
    """

    kind: str
    vmid: int
    root: int
    vcpu: int
    chain: Chain


class Leaf(NamedTuple):
    """What a leaf descriptor says."""

    level: int
    output: int
    attributes: int
    read: bool
    write: bool
    xn: int


class Context(NamedTuple):
    """What a walk starts from."""

    vmid: int
    root: int
    vcpu: int


@dataclass(eq=False)
class Flight:
    """A TLBI, and on which PEs it is complete."""

    op: str
    ipa: int
    pe: int
    vmids: frozenset[int]
    scope: frozenset[int]
    stores: int  # made before it was issued
    done: set[int] = field(default_factory=set)


class State(NamedTuple):
    """One way in which the TLB of a PE can be now."""

    entries: frozenset[Held]
    happened: frozenset[Flight]


@dataclass
class Made:
    """A store; ``before[q]`` are those that a walk of q must see before it."""

    pa: int
    value: int
    pe: int
    before: tuple[frozenset[int], ...]
    retired: set[int] = field(default_factory=set)


def address(chain: Chain) -> int:
    """Return the first IPA that a chain from the root translates."""
    return sum(
        ((read.pa >> 3) & 511) << SHIFT[level]
        for level, read in enumerate(chain, start=1)
    )


def is_table(value: int, level: int) -> bool:
    """Tell whether a value read at a level continues the walk."""
    return value & 3 == 3 and level < 3


def leaf_of(value: int, level: int) -> Leaf | None:
    """Decode a Block or Page that gives no fault by itself."""
    if value & 3 != (3 if level == 3 else 1) or not value & 1 << 10:
        return None
    return Leaf(
        level,
        value & OUTPUT & -(1 << SHIFT[level]),
        value & 0x33C,
        bool(value & 1 << 6),
        bool(value & 1 << 7) or bool(value & 1 << 51),
        value >> 53 & 3,
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

    def matches(self, flight: Flight, entry: Held) -> bool:
        """Tell whether a TLBI must remove an entry."""
        if any(read.store >= flight.stores for read in entry.chain):
            return False  # built from a later store
        if flight.op == "ALLE1":
            return True
        if flight.vmids != {entry.vmid}:
            return False
        if flight.op == "VMALLS12E1":
            return True
        if flight.op == "VMALLE1":
            return entry.kind not in ("S2", "S2W")
        if flight.op in ("IPAS2E1", "IPAS2LE1"):
            wanted = ("S2",) if flight.op == "IPAS2LE1" else ("S2", "S2W")
            if entry.kind not in wanted:
                return False
            start = address(entry.chain)
            return start <= flight.ipa < start + (1 << SHIFT[len(entry.chain)])
        return False

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
                    left = {e for e in state.entries if not self.matches(flight, e)}
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
                self.allows(self.lookup(entry.root, ipa), old, ipa)
                for ipa in self.probes(entry)
            ):
                self.found("O1", pe, entry.kind)

    @staticmethod
    def allows(new: Leaf | None, old: Leaf, ipa: int) -> bool:
        """Tell whether a leaf grants what another grants at an IPA."""
        execute = {0: {0, 1}, 1: {0}, 2: set[int](), 3: {1}}
        return (
            new is not None
            and output_at(new, ipa) == output_at(old, ipa)
            and new.attributes == old.attributes
            and new.read >= old.read
            and new.write >= old.write
            and execute[new.xn] >= execute[old.xn]
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
            if entry.kind != "S1" and entry.root != context.root:
                self.found("O5", pe, entry.kind)
            if pe != entering or entry.vcpu == 0:
                continue
            version = self.missed.get((pe, entry.vmid, entry.vcpu), 0)
            if entry.vcpu != context.vcpu:
                self.found("O3", pe, "S1")
            elif entry.kind == "S1" and entry.root < version:
                self.found("O3 fb", pe, "S1")


def output_at(leaf: Leaf, ipa: int) -> int:
    """Return the physical address that a leaf gives for an IPA."""
    return leaf.output | ipa & ((1 << SHIFT[leaf.level]) - 1)
