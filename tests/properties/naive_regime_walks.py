"""An enumerating model of one-stage walks: EL2, EL2&0, IOMMUs, Contiguous groups.

Each walker has a set of *states*: what it holds when it fills all it may, and
which of the TLBIs in flight have taken effect on it.  Trees have two levels, so
walks are spelled out.  Of a guest's stage 1 only combined leaves are kept.
"""

from __future__ import annotations

from naive_regime_entries import (
    AF,
    CONTIGUOUS,
    NOT_GLOBAL,
    OUTPUT,
    SHIFT,
    SLOTS,
    Context,
    Flight,
    Held,
    Made,
    Read,
    State,
    World,
)

from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    CacheOp,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    IommuFlush,
    Isb,
    Lock,
    Msr,
    Store,
    Tlbi,
    Unlock,
)


class NaiveRegimeWalks:
    """The model without its oracle: what every walker may hold."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pes = range(len(world.inner))
        self.walkers = range(len(world.inner) + len(world.iommus))
        self.coherent = [*(True for _ in self.pes), *world.iommus]
        self.stores: list[Made] = []
        self.at: dict[int, list[int]] = {}
        for pa, value in sorted(world.memory.items()):
            self.at[pa] = [len(self.stores)]
            self.stores.append(Made(pa, value, frozenset()))
        self.own: list[set[int]] = [set() for _ in self.pes]
        self.handed: list[set[int]] = [set() for _ in self.pes]
        self.ordered: list[set[int]] = [set() for _ in self.pes]
        self.locks: dict[str, set[int]] = {}
        self.values = [{k: [v] for k, v in r.items()} for r in world.registers]
        self.el2 = [True for _ in self.pes]
        self.draining = [False for _ in self.pes]
        self.lingering: list[set[Held]] = [set() for _ in self.walkers]
        self.flights: list[Flight] = []
        empty = State(frozenset(), frozenset())
        self.states = [[empty] for _ in self.walkers]
        self.violations: set[tuple[int, str, int, str]] = set()
        self.index = -1
        self.known: list[list[Context]] = [self.contexts(w) for w in self.walkers]
        for w in self.walkers:
            self.evolve(w)

    # -------------------------------------------------------------- contexts

    def contexts(self, walker: int) -> list[Context]:
        """List what a walker may walk from now."""
        if walker not in self.pes:
            return [Context(None, self.values[0]["VTTBR_EL2"][0] & OUTPUT)]
        values = self.values[walker]
        if self.world.stage2:
            running = not self.el2[walker] or self.draining[walker]
            return [Context(None, values["VTTBR_EL2"][0] & OUTPUT)] if running else []
        found = {
            Context(ttbr >> 48 if self.world.asids else None, ttbr & OUTPUT)
            for ttbr in values["TTBR0_EL2"]
            for sctlr in values["SCTLR_EL2"]
            if sctlr & 1
        }
        return sorted(found)

    def synchronise(self, pe: int) -> None:
        """Let the last values written hold for certain, and old state be gone."""
        for values in self.values[pe].values():
            del values[:-1]
        self.lingering[pe].clear()

    # ---------------------------------------------------------------- events

    def step(self, event: Event) -> None:
        """Take one event, then everything that walkers may do by themselves."""
        self.index += 1
        pe = event.pe
        match event:
            case Store():
                self.store(event)
            case Barrier():
                self.barrier(event)
            case Isb():
                self.synchronise(pe)
            case Msr():
                if self.values[pe][event.register][-1] != event.value:
                    self.values[pe][event.register].append(event.value)
            case ExceptionEntry() | Eret():
                self.synchronise(pe)
                self.draining[pe] = isinstance(event, ExceptionEntry)
                self.el2[pe] = isinstance(event, ExceptionEntry)
            case Tlbi():
                self.issue(event)
            case IommuFlush():
                self.flush(len(self.pes) + event.iommu)
            case CacheOp():
                for pa in range(event.pa & -64, (event.pa & -64) + 64, 8):
                    for number in self.at.get(pa, []):
                        self.stores[number].cleaning.add(pe)
            case Lock():
                self.handed[pe] |= self.locks.get(event.name, set())
                self.ordered[pe] |= self.locks.get(event.name, set())
            case Unlock():
                self.locks[event.name] = self.handed[pe] | self.own[pe]
        for w in self.walkers:
            self.evolve(w)
        self.check(event)

    def store(self, event: Store) -> None:
        """Append a store; older values stay readable."""
        before = set(self.ordered[event.pe])
        if event.release:
            before |= self.own[event.pe]
        number = len(self.stores)
        self.stores.append(Made(event.pa, event.value, frozenset(before)))
        self.at[event.pa].append(number)
        self.own[event.pe].add(number)

    def domain(self, pe: int, domain: Domain) -> set[int]:
        """Return the walkers in a barrier's domain."""
        if domain is Domain.NSH:
            return {pe}
        inner = self.world.inner
        near = {p for p in self.pes if inner[p] == inner[pe]}
        pes = near if domain is Domain.ISH else set(self.pes)
        return pes | set(self.walkers) - set(self.pes)

    def barrier(self, event: Barrier) -> None:
        """Order, retire and complete, as far as the barrier does."""
        if event.access is Access.LD:
            return
        pe, domain = event.pe, self.domain(event.pe, event.domain)
        if domain == set(self.walkers):
            self.ordered[pe] |= self.own[pe]
        if event.kind is BarrierKind.DMB:
            return
        if event.access is Access.ALL:
            flights = [f for f in self.flights if f.pe == pe and pe not in f.done]
            before = self.held(pe)
            for flight in self.flights:
                if flight.pe == pe:
                    self.complete(flight, domain)
            if flights and not self.world.stage2:
                self.lingering[pe] |= {
                    entry
                    for entry in before - self.held(pe)
                    if self.world.lingers or self.executable(entry)
                }
            self.draining[pe] = False
            if event.domain is not Domain.NSH:
                for made in self.stores:
                    made.cleaned |= pe in made.cleaning
        for number in self.own[pe] | self.handed[pe]:
            made = self.stores[number]
            reached = {w for w in domain if self.coherent[w] or made.cleaned}
            older = self.at[made.pa]
            for other in older[: older.index(number)]:
                self.stores[other].retired |= reached

    def issue(self, event: Tlbi) -> None:
        """Put a TLBI in flight."""
        op = event.op
        scope = {event.pe}
        if op.endswith("OS"):
            scope = set(self.pes)
        elif op.endswith("IS"):
            scope = self.domain(event.pe, Domain.ISH) & set(self.pes)
        op = op[:-2] if op[-2:] in ("IS", "OS") else op
        address, asid = (event.operand & 0xFFF_FFFF) << 12, event.operand >> 48
        flight = Flight(op, address, asid, event.pe, frozenset(scope), len(self.stores))
        self.flights.append(flight)

    def complete(self, flight: Flight, domain: set[int]) -> None:
        """Let a TLBI have happened on the walkers of a domain."""
        for w in flight.scope & domain - flight.done:
            flight.done.add(w)
            self.states[w] = [
                State(state.entries, state.happened - {flight})
                for state in self.states[w]
                if flight in state.happened
            ]

    def flush(self, walker: int) -> None:
        """Invalidate all that an IOMMU holds."""
        self.states[walker] = [State(frozenset(), frozenset())]

    # ----------------------------------------------------------------- fills

    def matches(self, flight: Flight, entry: Held) -> bool:
        """Tell whether a TLBI must remove an entry."""
        if any(read.store >= flight.stores for read in entry.chain):
            return False
        op, kind = flight.op, entry.kind
        if kind == "DESC":
            if self.world.stage2:
                return True
            asid = self.world.asids and op != "ALLE2"
            return op.endswith("E2") and (not asid or entry.asid == flight.asid)
        if self.world.stage2:
            if op in ("VMALLS12E1", "ALLE1"):
                return True
            if op == "VMALLE1":
                return kind == "S12"
            wanted = {"IPAS2E1": ("S2", "S2W"), "IPAS2LE1": ("S2",)}.get(op, ())
            return kind in wanted and self.covers(entry, flight.address)
        if op == "ALLE2":
            return True
        if op not in ("VAE2", "VALE2") or not self.covers(entry, flight.address):
            return False
        if op == "VALE2" and kind == "S1W":
            return False
        return not self.world.asids or entry.asid in (
            (flight.asid,) if kind == "S1W" else (flight.asid, None)
        )

    def covers(self, entry: Held, address: int) -> bool:
        """Tell whether an entry is for an address."""
        start = self.address(entry)
        return start <= address < start + (1 << SHIFT[len(entry.chain) + 1])

    def readable(self, walker: int, pa: int, above: tuple[Read, ...]) -> list[int]:
        """List the stores that a walk may read below a chain."""
        stores = self.at.get(pa, [])
        oldest = 0
        for read in above if self.coherent[walker] else ():
            for covered in self.stores[read.store].before:
                if self.stores[covered].pa == pa:
                    oldest = max(oldest, stores.index(covered))
        return [s for s in stores[oldest:] if walker not in self.stores[s].retired]

    def given(
        self,
        walker: int,
        asid: int | None,
        pa: int,
        above: tuple[Read, ...],
        held: set[Held],
    ) -> list[int]:
        """List the stores that a walk may be given: of memory, and of copies."""
        copied = [
            number
            for number in self.at.get(pa, [])
            if Held("DESC", asid, 0, (Read(pa, number),), pa) in held
        ]
        return list(dict.fromkeys([*self.readable(walker, pa, above), *copied]))

    def evolve(self, walker: int) -> None:
        """Let a walker fill, and TLBIs take effect, in every order."""
        flying = [f for f in self.flights if walker in f.scope and walker not in f.done]
        todo = [
            State(self.fill(walker, s.entries), s.happened) for s in self.states[walker]
        ]
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
                    refilled = self.fill(walker, frozenset(left))
                    todo.append(State(refilled, state.happened | {flight}))
        self.states[walker] = [
            State(entries, happened)
            for happened, sets in reached.items()
            for entries in sets
        ]

    def fill(self, walker: int, entries: frozenset[Held]) -> frozenset[Held]:
        """Close the content of a TLB under walks."""
        held, size = set(entries), -1
        while size < len(held):  # what is copied may serve another walk
            size = len(held)
            self.fill_once(walker, held)
        return frozenset(held)

    def fill_once(self, walker: int, held: set[Held]) -> None:
        """Add what each context lets a walker hold."""
        for asid, root in self.contexts(walker):
            chains = [
                e.chain
                for e in held
                if e.kind in ("S1W", "S2W") and (e.asid, e.root) == (asid, root)
            ]
            for chain in [(), *chains]:
                self.walk(walker, asid, root, chain, held)
            if self.world.stage2 and walker in self.pes:
                leaves = [e for e in held if e.kind == "S2" and e.root == root]
                held |= {e._replace(kind="S12") for e in leaves}

    def walk(
        self,
        walker: int,
        asid: int | None,
        root: int,
        chain: tuple[Read, ...],
        held: set[Held],
    ) -> None:
        """Add what the walk from a chain on can reach."""
        stage = "S2" if self.world.stage2 else "S1"
        page = self.stores[chain[-1].store].value & OUTPUT if chain else root
        for pa in (page + 8 * slot for slot in SLOTS):
            for number in self.given(walker, asid, pa, chain, held):
                value = self.stores[number].value
                longer = (*chain, Read(pa, number))
                if self.world.copies and value & 1:
                    held.add(Held("DESC", asid, 0, longer[-1:], pa))
                if value & 3 == 3 and not chain:
                    held.add(Held(stage + "W", asid, root, longer, pa))
                    self.walk(walker, asid, root, longer, held)
                elif value & 3 == (3 if chain else 1) and value & AF:
                    general = self.world.asids and not value & NOT_GLOBAL
                    tag = None if general else asid
                    held.add(Held(stage, tag, root, longer, pa))
                    if value & CONTIGUOUS:
                        slots = [page + 8 * slot for slot in SLOTS]
                        held |= {Held(stage, tag, root, longer, s) for s in slots}

    # ---------------------------------------------------------------- entries

    def held(self, walker: int) -> frozenset[Held]:
        """Return everything that a walker may hold."""
        return frozenset().union(*(state.entries for state in self.states[walker]))

    def address(self, entry: Held) -> int:
        """Return the first address that an entry is for."""
        above = sum(
            ((read.pa >> 3) & 511) << SHIFT[2 + n]
            for n, read in enumerate(entry.chain[:-1])
        )
        return above + (((entry.slot >> 3) & 511) << SHIFT[len(entry.chain) + 1])

    def executable(self, entry: Held) -> bool:
        """Tell whether fetches may go through an entry."""
        value = self.stores[entry.chain[-1].store].value
        return entry.kind == "S1W" or not value & 1 << 54

    def check(self, event: Event) -> None:
        """Apply the oracle."""
        raise NotImplementedError
