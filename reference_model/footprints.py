"""What the events of a trace can touch: told from the traces alone.

Everything here is an upper bound, for every interleaving: an event may touch
less.  What is not told apart touches everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from reference_model.addresses import (
    DESCRIPTOR_BYTES,
    LAST_LEVEL,
    PAGE_BYTES,
    Granule,
    page_of,
)
from reference_model.assumptions import Assumptions
from reference_model.events import (
    Access,
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
from reference_model.profiles import AT_SPECULATE, REPEAT_TLBI, Profile
from reference_model.start import Start
from reference_model.tlbi import By, Scope, decode_operation

__all__ = ["Footprint", "Footprints", "Issue", "Role"]

_K4 = Granule.K4
_CONTIGUOUS = 1 << 52
_GROUP = _K4.contiguous(LAST_LEVEL)
_OUTPUT = 0x0000_FFFF_FFFF_F000
_BADDR = 0x0000_FFFF_FFFF_FFFE
_MOST_ROOT_PAGES = 16  # concatenated
_LEVELS = {0: 2, 1: 1, 2: 0, 3: 3}  # by VTCR_EL2.SL0
_GUEST_REGISTERS = ("VTTBR_EL2", "VTCR_EL2", "HCR_EL2")


class Role(Enum):
    """What kind of effect an event has on what the PEs share."""

    LOCAL = "local"  # only its own PE can tell that it has happened
    STORE = "store"
    ISSUE = "issue"  # a TLBI: nothing is removed yet
    SYNC = "sync"  # a DSB: retires old values, completes TLBIs
    LOCK = "lock"
    CHECK = "check"  # a point at which the oracle looks at everything
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Issue:
    """A TLBI: the VMIDs, the IPA and the PE that it is limited to, if any."""

    vmids: frozenset[int] | None
    ipa: int | None
    pe: int | None


@dataclass(frozen=True, slots=True)
class Footprint:
    """What an event can touch.

    ``cells`` are the descriptors that it stores, or whose old values a DSB
    retires; ``issues`` the TLBIs that it issues, or completes.  ``ends`` tells
    that the PE's accesses through removed entries end as well (M7).
    """

    role: Role
    cells: frozenset[int] = frozenset()
    issues: tuple[Issue, ...] = ()
    lock: str = ""
    ends: bool = False


_LOCAL, _ANY = Footprint(Role.LOCAL), Footprint(Role.ANY)
_Tree = tuple[int, int]  # root, level at which walks of it start
_Range = tuple[_Tree, int, int]  # first IPA, end


class Footprints:
    """The footprints of the events of some traces that run side by side."""

    def __init__(
        self,
        start: Start,
        before: Sequence[Event],
        traces: Sequence[Sequence[Event]],
        profile: Profile,
        assumptions: Assumptions,
    ) -> None:
        self._start = start
        self._before = before
        self._profile = profile
        self._everything = [*before, *(event for trace in traces for event in trace)]
        self._roots = {vttbr & _BADDR & -PAGE_BYTES for vttbr in self._all("VTTBR_EL2")}
        # Other regimes, granules and walkers are not told apart.  Where a
        # restriction may not wait, any store shows that it has.
        self.whole = bool(start.iommus) or any(
            [
                not assumptions.permission_change_deferral,
                *(register in ("TTBR0_EL2", "TTBR1_EL2") for register in self._names()),
                *((vtcr >> 14) & 3 for vtcr in self._all("VTCR_EL2")),
            ]
        )
        self._values = self._stored()
        self._ranges = {} if self.whole else self._reached()

    # ------------------------------------------------------------- registers

    def _names(self) -> Iterator[str]:
        for registers in self._start.registers:
            yield from (name for name, value in registers.items() if value)
        yield from (e.register for e in self._everything if isinstance(e, Msr))

    def _all(self, register: str) -> list[int]:
        values = [r.get(register, 0) for r in self._start.registers]
        values += [
            event.value
            for event in self._everything
            if isinstance(event, Msr) and event.register == register
        ]
        return list(dict.fromkeys(values))

    # ---------------------------------------------------------------- tables

    def _stored(self) -> dict[int, dict[int, list[int]]]:
        """Return every value that a location can hold, by page and location."""
        found: dict[int, dict[int, list[int]]] = {}

        def hold(pa: int, value: int) -> None:
            pa &= -DESCRIPTOR_BYTES
            found.setdefault(page_of(pa), {}).setdefault(pa, []).append(value)

        for pa, value in sorted(self._start.memory.items()):
            hold(pa, value)
        for event in self._everything:
            if isinstance(event, Store):
                hold(event.pa, event.value)
        return found

    def _reached(self) -> dict[int, set[_Range]]:
        """Return the IPAs that each location can translate, by any walk."""
        levels = {_LEVELS[(vtcr >> 6) & 3] for vtcr in self._all("VTCR_EL2")}
        found: dict[int, set[_Range]] = {}
        seen: set[tuple[_Tree, int, int, int]] = set()
        for tree in sorted((root, level) for root in self._roots for level in levels):
            root, level = tree
            todo = [
                (root + n * PAGE_BYTES, level, n * _K4.entries * _K4.level_bytes(level))
                for n in range(_MOST_ROOT_PAGES)
            ]
            while todo:
                table = todo.pop()
                if (tree, *table) not in seen:
                    seen.add((tree, *table))
                    todo += self._read(tree, *table, found)
        return found

    def _read(
        self,
        tree: _Tree,
        page: int,
        level: int,
        base: int,
        found: dict[int, set[_Range]],
    ) -> Iterator[tuple[int, int, int]]:
        """Note what a table translates; yields the tables that it refers to."""
        size = _K4.level_bytes(level)
        for pa, values in self._values.get(page, {}).items():
            own = base + (pa - page) // DESCRIPTOR_BYTES * size
            first, span = own, size
            if any(value & _CONTIGUOUS for value in values):
                span = size * _GROUP
                first &= -span
            found.setdefault(pa, set()).add((tree, first, first + span))
            for value in values:
                if value & 3 == 3 and level < LAST_LEVEL:
                    yield value & _OUTPUT, level + 1, own

    def related(self, one: frozenset[int], other: frozenset[int]) -> bool:
        """Tell whether descriptors can be part of one walk, or of one address."""
        if not one or not other:
            return False
        return self.whole or any(self._meet(a, b) for a in one for b in other)

    def _meet(self, one: int, other: int) -> bool:
        if one == other:
            return True
        here, there = self._ranges.get(one), self._ranges.get(other)
        if not here or not there:
            return page_of(one) == page_of(other)
        return any(
            tree == r and start < e and s < end
            for tree, start, end in here
            for r, s, e in there
        )

    def selects(self, issue: Issue, cells: frozenset[int]) -> bool:
        """Tell whether a TLBI can hit entries made from descriptors."""
        if not cells:
            return False
        if self.whole:
            return True
        return any(self._selects(issue, cell) for cell in cells)

    def _selects(self, issue: Issue, cell: int) -> bool:
        ranges = self._ranges.get(cell, set())
        if issue.vmids is not None:
            tagged = {
                vttbr & _BADDR & -PAGE_BYTES
                for vttbr in self._all("VTTBR_EL2")
                if (vttbr >> 48) & 0xFF in {v & 0xFF for v in issue.vmids}
            }
            ranges = {r for r in ranges if r[0][0] in tagged}
        # Copies that are indexed by where a descriptor lies go with any TLBI
        # of their context (R_TJQVP); with FEAT_nTLBPA there are none.
        if issue.ipa is None or not self._profile.ntlbpa:
            return bool(ranges)
        return any(start <= issue.ipa < end for _, start, end in ranges)

    def meet(self, one: Issue, other: Issue) -> bool:
        """Tell whether two TLBIs can hit the same entry, or one and its source."""
        if self.whole:
            return True
        if one.pe is not None and other.pe is not None and one.pe != other.pe:
            return False
        if one.vmids is not None and other.vmids is not None:
            low = {v & 0xFF for v in one.vmids}
            return bool(low & {v & 0xFF for v in other.vmids})
        return True

    # ---------------------------------------------------------------- traces

    def of(self, trace: Sequence[Event]) -> list[Footprint]:
        """Return the footprint of each event of the trace of one PE."""
        if not trace:
            return []
        state = _Running(self, trace[0].pe, self._start, self._profile)
        others = frozenset(
            event.pa & -DESCRIPTOR_BYTES
            for event in self._everything
            if isinstance(event, Store) and event.pe != trace[0].pe
        )
        state.handed = others
        for event in self._before:
            if event.pe == trace[0].pe:
                state.step(event)
        return [state.step(event) for event in trace]


class _Running:
    """One PE on its way through its trace."""

    def __init__(
        self, footprints: Footprints, pe: int, start: Start, profile: Profile
    ) -> None:
        registers = start.registers[pe] if pe < len(start.registers) else {}
        self._footprints = footprints
        self._pe = pe
        self._vttbr = [registers.get("VTTBR_EL2", 0)]
        self._el2 = True
        self._draining = False
        self._locked = False
        self._cleared = False
        self._iommus = bool(start.iommus)
        self._stored: set[int] = set()
        self._flying: list[Issue] = []
        self._speculative = AT_SPECULATE in profile.errata
        self._repeats = REPEAT_TLBI in profile.errata
        self.handed: frozenset[int] = frozenset()

    def step(self, event: Event) -> Footprint:
        """Take the next event."""
        match event:
            case IrqMask():
                return _LOCAL
            case Store():
                self._stored.add(event.pa & -DESCRIPTOR_BYTES)
                return Footprint(Role.STORE, frozenset({event.pa & -DESCRIPTOR_BYTES}))
            case Zero():
                self._cleared = True
            case CacheOp():
                # Done with a DSB only (F7.9, F8.4).
                self._cleared |= self._iommus or event.op.startswith("IC")
            case Tlbi():
                return self._tlbi(event)
            case Barrier():
                return self._barrier(event)
            case Isb():
                del self._vttbr[:-1]
                return self._register(())
            case Msr():
                return self._msr(event)
            case Lock() | Unlock():
                self._locked = True
                return Footprint(Role.LOCK, lock=event.name)
            case Release() | PageRelease() | TableFree():
                return Footprint(Role.CHECK)
            case Eret() | ExceptionEntry():
                self._el2 = isinstance(event, ExceptionEntry)
                self._draining = self._el2
                del self._vttbr[:-1]
            case Repeat():
                self._loop(event.body)
        return _ANY

    def _loop(self, body: Iterable[Event]) -> None:
        # A loop is one step here; what it leaves behind counts.
        for event in body:
            self.step(event)

    def _tlbi(self, event: Tlbi) -> Footprint:
        operation = decode_operation(event.op)
        local = operation.scope is Scope.LOCAL
        vmids: frozenset[int] | None = frozenset((v >> 48) for v in self._vttbr)
        if operation.by is By.EVERYTHING and not operation.el2:
            vmids = None
        elif operation.el2:
            vmids = frozenset()  # no entry of EL1&0
        ipa = None
        if operation.by is By.INTERMEDIATE:
            ipa = (event.operand & 0xF_FFFF_FFFF) << 12
        issue = Issue(vmids, ipa, self._pe if local else None)
        self._flying.append(issue)
        return Footprint(Role.ISSUE, issues=(issue,))

    def _barrier(self, event: Barrier) -> Footprint:
        if event.kind is BarrierKind.DMB or event.access is Access.LD:
            return _LOCAL  # orders what the PE itself does later (M1)
        if self._cleared:
            return _ANY  # publishes what is not followed here
        cells = frozenset(self._stored) | (self.handed if self._locked else frozenset())
        if event.domain is not Domain.NSH:
            self._stored.clear()
        if event.access is Access.ST:
            return Footprint(Role.SYNC, cells) if cells else _LOCAL
        issues = tuple(self._flying)
        if event.domain is not Domain.NSH and not event.nxs:
            self._flying.clear()
        if self._draining or not self._el2:
            self._draining = False
            return _ANY
        if not cells and not issues and not self._repeats:
            return _LOCAL
        return Footprint(Role.SYNC, cells, issues, ends=self._repeats)

    def _msr(self, event: Msr) -> Footprint:
        if event.register == "VTTBR_EL2" and self._vttbr[-1] != event.value:
            self._vttbr.append(event.value)
        if event.register == "HCR_EL2":
            return _ANY  # E2H, TGE: which regime EL2 and its TLBIs mean
        return self._register((event.register,))

    def _register(self, names: tuple[str, ...]) -> Footprint:
        # At EL2 the registers of EL1&0 are not used (R_NRJPP), but for the
        # VMID of the PE's own TLBIs.
        quiet = self._el2 and not self._speculative and not self._footprints.whole
        known = all(n in _GUEST_REGISTERS or n.endswith("_EL1") for n in names)
        return _LOCAL if quiet and known else _ANY
