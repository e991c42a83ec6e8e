"""The walks of the enumerating machine: what each PE may fill from memory."""

from __future__ import annotations

from typing import NamedTuple

from naive_entries import (
    OUTPUT,
    SLOTS,
    Chain,
    Context,
    Flight,
    Held,
    Made,
    Read,
    State,
    is_table,
    leaf_of,
    matches,
)


class Unfinished(NamedTuple):
    """Accesses of a PE that outlive a TLBI, completed at a time (erratum)."""

    pe: int
    issuer: int
    time: int
    entries: frozenset[Held]


class NaiveWalker:
    """Memory, registers and TLBs; ``states`` are those that a PE can be in."""

    def __init__(
        self,
        pes: int,
        memory: dict[int, int],
        registers: list[dict[str, int]],
        features: frozenset[str] = frozenset(),
    ) -> None:
        self.pes = range(pes)
        self.features = features  # "ttl", "ranges", "copies", "speculative", "repeat"
        self.entered: set[tuple[int, int]] = set()
        self.unfinished: list[Unfinished] = []
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
        self.time = 0
        for pe in self.pes:
            context = self.loaded(pe)
            self.entered.add((context.vmid, context.vcpu))

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
        found = [] if draining is None else [draining]
        if "speculative" in self.features:
            values = self.values[pe]
            found += [
                Context((vttbr >> 48) & 0xFF, vttbr & OUTPUT, vcpu)
                for vttbr in values["VTTBR_EL2"]
                for vcpu in values["TTBR0_EL1"]
            ]
        return found

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
                    left = {
                        e for e in state.entries if not matches(flight, e, self.levels)
                    }
                    refilled = self.fill(pe, frozenset(left))
                    todo.append(State(refilled, state.happened | {flight}))
        self.states[pe] = [
            State(entries, happened)
            for happened, sets in reached.items()
            for entries in sets
        ]

    def levels(self, entry: Held) -> set[int]:
        """List the levels of the leaves below a table, as it is now."""

        def below(page: int, level: int) -> set[int]:
            found: set[int] = set()
            for slot in SLOTS:
                value = self.current(page + 8 * slot)
                if is_table(value, level):
                    found |= below(value & OUTPUT, level + 1)
                elif leaf_of(value, level):
                    found.add(level)
            return found

        table = self.stores[entry.chain[-1].store].value & OUTPUT
        return below(table, len(entry.chain) + 1)

    def fill(self, pe: int, entries: frozenset[Held]) -> frozenset[Held]:
        """Close the content of a TLB under walks."""
        held, before = set(entries), -1
        while len(held) > before:  # what is copied may serve another walk
            before = len(held)
            for context in self.contexts(pe):
                self.fill_from(pe, context, held)
            if "copies" not in self.features:
                break
        return frozenset(held)

    def fill_from(self, pe: int, context: Context, held: set[Held]) -> None:
        """Add what one context lets a PE hold."""
        walks: list[tuple[int, Chain]] = [(context.root, ())]
        walks += [
            (e.root, e.chain)
            for e in held
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

    def walk(
        self, pe: int, context: Context, root: int, chain: Chain, held: set[Held]
    ) -> None:
        """Add what the walk from a chain on can reach."""
        level = len(chain) + 1
        page = self.stores[chain[-1].store].value & OUTPUT if chain else root
        for slot in SLOTS:
            pa = page + 8 * slot
            for number in self.given(pe, context.vmid, pa, chain, held):
                value = self.stores[number].value
                longer = (*chain, Read(pa, number))
                if is_table(value, level):
                    self.copy(context.vmid, longer[-1], held)
                    held.add(Held("S2W", context.vmid, root, 0, longer))
                    self.walk(pe, context, root, longer, held)
                elif leaf_of(value, level):
                    self.copy(context.vmid, longer[-1], held)
                    held.add(Held("S2", context.vmid, root, 0, longer))

    def given(
        self, pe: int, vmid: int, pa: int, chain: Chain, held: set[Held]
    ) -> list[int]:
        """List the stores that a walk may be given: of memory, and of copies."""
        copied = [
            number
            for number in self.at.get(pa, [])
            if Held("DESC", vmid, 0, 0, (Read(pa, number),)) in held
        ]
        return list(dict.fromkeys([*self.readable(pe, pa, chain), *copied]))

    def copy(self, vmid: int, read: Read, held: set[Held]) -> None:
        """Keep a copy of a descriptor by where it lies (FEAT_nTLBPA = 0)."""
        if "copies" in self.features:
            held.add(Held("DESC", vmid, 0, 0, (read,)))

    def held(self, pe: int) -> frozenset[Held]:
        """Return everything that a PE may hold."""
        return frozenset().union(*(state.entries for state in self.states[pe]))
