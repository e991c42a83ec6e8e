"""The oracle of the enumerating model of one-stage walks."""

from __future__ import annotations

from collections.abc import Iterator

from naive_regime_entries import (
    AF,
    CONTIGUOUS,
    GROUP,
    NOT_GLOBAL,
    OUTPUT,
    SHIFT,
    SLOTS,
    Held,
    Leaf,
)
from naive_regime_walks import NaiveRegimeWalks

from reference_model.events import (
    Event,
    Release,
    TableFree,
)


class NaiveRegimes(NaiveRegimeWalks):
    """The model; ``violations`` are (event, property, walker, kind)."""

    def leaf(self, entry: Held) -> Leaf | None:
        """Say what a leaf entry translates."""
        if entry.kind in ("S1W", "S2W", "DESC"):
            return None
        value, level = self.stores[entry.chain[-1].store].value, len(entry.chain) + 1
        return self.decode(value, level, self.address(entry))

    def decode(self, value: int, level: int, address: int) -> Leaf | None:
        """Decode a leaf that gives no fault by itself, as it is for an address."""
        if value & 3 != (3 if level == 3 else 1) or not value & AF:
            return None
        size = 1 << SHIFT[level]
        output = value & OUTPUT & -size
        if value & CONTIGUOUS:
            group = size * GROUP
            output = (output & -group) + (address & (group - size))
        stage2 = self.world.stage2
        return Leaf(
            address & -size,
            level,
            output,
            value & (0x33C if stage2 else 0x31C),
            bool(value & 1 << 6) or not stage2,
            bool(value & 1 << 7) == stage2,
            not (self.world.asids and value & NOT_GLOBAL),
            bool(value & CONTIGUOUS),
        )

    def lookup(self, root: int, address: int) -> Leaf | None:
        """Walk the last values stored."""
        page = root
        for level in (2, 3):
            pa = page + 8 * ((address >> SHIFT[level]) & 511)
            stores = self.at.get(pa)
            value = self.stores[stores[-1]].value if stores else 0
            if level == 3 or value & 3 != 3:
                size = 1 << SHIFT[level]
                if value & CONTIGUOUS:  # a walk takes the descriptor as it is
                    plain = self.decode(value & ~CONTIGUOUS, level, address)
                    return plain and plain._replace(contiguous=True)
                return self.decode(value, level, address & -size)
            page = value & OUTPUT
        raise AssertionError

    def probes(self, entry: Held) -> Iterator[int]:
        """Yield one address for each way to walk through the used slots."""
        start = self.address(entry)
        below = SLOTS if len(entry.chain) == 1 else (0,)
        yield from (start + (slot << 12) for slot in below)

    def granted(self, entry: Held) -> bool:
        """Tell whether the tables grant all that an entry grants."""
        old = self.leaf(entry)
        assert old is not None
        for address in self.probes(entry):
            new = self.lookup(entry.root, address)
            if (
                new is None
                or new.output + (address - new.address)
                != old.output + (address - old.address)
                or new.attributes != old.attributes
                or new.read < old.read
                or new.write < old.write
            ):
                return False
        return True

    def check(self, event: Event) -> None:
        """Apply the oracle."""
        for w in self.walkers:
            if not self.world.stage2:
                self.roots(w)
            if self.contexts(w):
                self.conflicts(w)
            if isinstance(event, Release):
                self.grants(w)
            if isinstance(event, TableFree):
                self.freed(w, event.pa)

    def found(self, broken: str, walker: int, kind: str) -> None:
        """Note a violation."""
        self.violations.add((self.index, broken, walker, kind))

    def grants(self, walker: int) -> None:
        """O1: no entry grants what the tables do not."""
        held = self.held(walker)
        for entry in held | self.lingering[walker]:
            if self.leaf(entry) and not self.granted(entry):
                late = "" if entry in held else " unsynchronised"
                self.found("O1" + late, walker, entry.kind)

    def freed(self, walker: int, page: int) -> None:
        """O4: no walk reaches a freed table."""
        for entry in self.held(walker) | self.lingering[walker]:
            below = self.stores[entry.chain[-1].store].value & OUTPUT
            if entry.kind in ("S1W", "S2W") and below == page:
                self.found("O4", walker, entry.kind)

    def roots(self, walker: int) -> None:
        """O5: what is usable in a context was made from its root."""
        contexts = self.contexts(walker)
        entered = [c for c in contexts if c not in self.known[walker]]
        self.known[walker] = contexts
        for context in entered:
            for entry in self.held(walker):
                mine = entry.kind != "S1W" and entry.asid is None
                if (
                    entry.kind != "DESC"
                    and entry.root != context.root
                    and (mine or entry.asid == context.asid)
                ):
                    self.found("O5", walker, "")

    def conflicts(self, walker: int) -> None:
        """O2: no two leaves for an address that differ in what BBM protects."""
        roots = {c.root for c in self.contexts(walker)}
        asids = {c.asid for c in self.contexts(walker)}
        for state in self.states[walker]:
            leaves = [e for e in state.entries if self.leaf(e) and e.root in roots]
            for n, one in enumerate(leaves):
                for other in leaves[:n]:
                    if self.meet(one, other, asids) and self.differ(one, other):
                        for entry in (one, other):
                            if not self.is_current(entry):
                                self.found("O2", walker, entry.kind)

    @staticmethod
    def meet(one: Held, other: Held, asids: set[int | None]) -> bool:
        """Tell whether entries may be found in one look-up."""
        if one.root != other.root:
            return False
        return one.asid == other.asid or None in (one.asid, other.asid)

    def is_current(self, entry: Held) -> bool:
        """Tell whether an entry says what the last stores say."""
        if entry.slot == entry.chain[-1].pa:
            return all(self.at[read.pa][-1] == read.store for read in entry.chain)
        now = self.lookup(entry.root, self.address(entry))
        return now is not None and now == self.leaf(entry)

    def differ(self, one: Held, other: Held) -> bool:
        """Tell whether two entries conflict (R_WHZWS, FEAT_BBM level 0)."""
        a, b = self.leaf(one), self.leaf(other)
        assert a is not None and b is not None
        start = max(a.address, b.address)
        end = min(a.address + (1 << SHIFT[a.level]), b.address + (1 << SHIFT[b.level]))
        if start >= end:
            return False
        before, after = sorted((one, other), key=self.youngest)
        first, last = self.leaf(before), self.leaf(after)
        assert first is not None and last is not None
        if last.global_ and not first.global_:
            return True
        return (a.attributes, a.output + start - a.address, a.level, a.contiguous) != (
            b.attributes,
            b.output + start - b.address,
            b.level,
            b.contiguous,
        )

    @staticmethod
    def youngest(entry: Held) -> int:
        """Return the latest store that an entry was made from."""
        return max(read.store for read in entry.chain)
