"""What one PE's TLB may hold.

Entries are independent: any subset of what may be held is a reachable TLB.
Entries whose chain of descriptors is current are not stored.  Whether they
may be held follows from when the PE could last fill them and what has been
invalidated since.  When a store ends a chain, its entries that may be held
then become *stale* and are stored one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from reference_model.cleared import Cleared
from reference_model.copies import Copies
from reference_model.entries import (
    ALL_KINDS,
    TABLE_KINDS,
    Context,
    Entry,
    EntryKind,
    Stage1,
    Tag,
    entry_of,
    kinds_of,
)
from reference_model.issued import Issued
from reference_model.memory import Clock
from reference_model.regimes import Regime
from reference_model.sysregs import Root
from reference_model.tables import Link, Table, Tables
from reference_model.tlbi import By

__all__ = ["Tlb"]

_OPEN = 1 << 62  # the end of a span that lasts
_Level = tuple[int, int]  # VMID, logarithm of the size


class Tlb:
    """The entries that PE number ``pe`` may hold."""

    def __init__(
        self,
        pe: int,
        tables: Tables,
        kinds: frozenset[EntryKind] = ALL_KINDS,
        *,
        copies: bool = False,
        coherent: bool = True,
    ) -> None:
        self.pe = pe
        self.coherent = coherent
        self._tables = tables
        self._kinds = kinds
        self.stale: dict[Entry, int] = {}  # entry -> time it became stale
        self._at: dict[_Level, dict[int, dict[Entry, None]]] = {}
        self._shifts: list[int] = []  # logarithms of the sizes, large ones first
        self._walkers: dict[int, dict[Entry, None]] = {}
        self.copies = Copies(pe, exist=copies)
        self.lingering: dict[Entry, int] = {}  # gone, but for the PE's own accesses
        self.removed: dict[Entry, int] = {}  # when dropped, while TLBIs pend
        self.active: tuple[Context, ...] = ()  # contexts that may fill now
        self._filled: dict[tuple[Tag, Root], int] = {}  # last time it could
        self._spans: dict[Context, list[list[int]]] = {}  # when it could
        self._stage1: dict[Stage1, int] = {}  # last time memory let it make them
        self._kept: dict[Stage1, int] = {}  # made through stale entries alone
        self._outdated: dict[Stage1, int] = {}
        self._cleared = Cleared()

    def floor(self, table: Table) -> Clock | None:
        """Return the stores that its walks of a table see for certain.

        What is ordered before the link to it need not have been cleaned for a
        walker that is not coherent (F8.4).
        """
        return table.floor if self.coherent else None

    # ------------------------------------------------------------- contexts

    def activate(self, contexts: tuple[Context, ...], now: int) -> list[Context]:
        """Set the contexts that may fill from now on; returns the new ones."""
        for context in self.active:
            self._note_fill(context, now)
        entered = [c for c in contexts if c not in self.active]
        self._note_spans(contexts, now)
        self.active = contexts
        for context in entered:
            self._note_fill(context, now)
        return entered

    def _note_fill(self, context: Context, now: int) -> None:
        # An empty stage 2 lets nothing in: even the fetch of a stage-1 table
        # takes a Translation fault, which is never cached (R_XCLRD).  An
        # entry of what was there before lets the fetch through.  Entries made
        # under another root of the VMID are taken not to: the workaround for
        # AT_SPECULATE, an empty root under the VMID to flush, rests on that.
        self._filled[context.tag, context.root] = now
        if EntryKind.S1 not in self._kinds or context.root.regime is not Regime.EL10:
            return
        if self._tables.maps_anything(context.root):
            self._stage1[context.stage1] = now
        elif self._holds_leaf(context):
            self._kept[context.stage1] = now

    def _holds_leaf(self, context: Context) -> bool:
        return any(
            e.vmid == context.vmid
            and e.link.table.root == context.root
            and e.kind not in TABLE_KINDS
            for e in self.stale
        )

    def touch(self, now: int) -> None:
        """Bring the fill times of the active contexts up to ``now``."""
        for context in self.active:
            self._note_fill(context, now)

    def note_leaf(self, entry: Entry, now: int, *, current: bool) -> None:
        """Note a leaf entry that walks of active contexts can go through.

        ``current``: its chain was current until now.
        """
        if entry.kind not in TABLE_KINDS and EntryKind.S1 in self._kinds:
            for context in self.active:
                stage2 = context.root.regime is Regime.EL10
                if stage2 and context.uses(entry.tag, entry.link.table.root):
                    times = self._stage1 if current else self._kept
                    times[context.stage1] = now

    def fills(self, tag: Tag, root: Root) -> bool:
        """Tell whether the PE may fill from a root under a tag now."""
        return any(c.uses(tag, root) for c in self.active)

    def _note_spans(self, contexts: tuple[Context, ...], now: int) -> None:
        for context in self.active:
            if context not in contexts:
                self._spans[context][-1][1] = now - 1
        for context in contexts:
            if context not in self.active:
                self._spans.setdefault(context, []).append([now, _OPEN])

    def fills_from(self, tag: Tag, root: Root, time: int) -> int | None:
        """Return the first time, not before ``time``, at which it could fill."""
        return self._first([c for c in self._spans if c.uses(tag, root)], time)

    def stage1_fills_from(self, stage1: Stage1, time: int) -> int | None:
        """Return the first time at which it could make entries of a stage 1."""
        return self._first([c for c in self._spans if c.stage1 == stage1], time)

    def _first(self, contexts: list[Context], time: int) -> int | None:
        starts = (
            max(start, time)
            for context in contexts
            for start, end in self._spans[context]
            if end >= time
        )
        return min(starts, default=None)

    def forget_before(self, time: int) -> None:
        """Forget when the PE could fill before a time."""
        for context, spans in list(self._spans.items()):
            spans[:] = [span for span in spans if span[1] >= time]
            if not spans:
                del self._spans[context]

    def users(self, root: Root) -> list[Tag]:
        """List the tags with which the PE has ever used a root."""
        return [tag for tag, used in self._filled if used == root]

    def roots(self, tag: Tag) -> list[Root]:
        """List the roots that the PE has ever used under a tag, oldest first."""
        return [root for used, root in self._filled if used == tag]

    def roots_of(self, regime: Regime) -> list[Root]:
        """List the roots of a regime that the PE has ever used, oldest first."""
        used = (root for _, root in self._filled if root.regime is regime)
        return list(dict.fromkeys(used))

    # ------------------------------------------------------ current entries

    def kinds_of(self, link: Link) -> tuple[EntryKind, ...]:
        """List the kinds of entry that it may hold of a descriptor."""
        return tuple(kind for kind in kinds_of(link) if kind in self._kinds)

    def may_hold(self, entry: Entry, now: int) -> bool:
        """Tell whether an entry of a current chain may be held at ``now``."""
        tag, root = entry.tag, entry.link.table.root
        last = now if self.fills(tag, root) else self._last_filled(tag, root)
        if last < entry.link.youngest:
            return False
        return not any(
            op.time >= last and op.selects(entry, self._tables)
            for op in self._cleared.meeting(entry.link)
        )

    def _last_filled(self, tag: Tag, root: Root) -> int:
        if tag.asid is not None or root.regime is not Regime.EL20:
            return self._filled.get((tag, root), -1)
        # A global entry was made under one ASID or another.
        times = (at for (_, used), at in self._filled.items() if used == root)
        return max(times, default=-1)

    def may_translate(self, kind: EntryKind, tag: Tag, address: int, now: int) -> bool:
        """Tell whether an entry of a kind may be held for an address."""
        for entry in self.stale:
            link = entry.link
            if (entry.kind, entry.tag) == (kind, tag) and link.ia <= address < link.end:
                return True
        return any(
            kind in self.kinds_of(link)
            and self.may_hold(entry_of(kind, tag, link), now)
            for root in self.roots(tag)
            for link in self._tables.path(root, address)
        )

    def stage1_held(self) -> list[Stage1]:
        """List the stage 1s of which entries may be held."""
        made = [s for s in self._stage1 if not self._cleared_since(s)]
        return made + [s for s in self._kept if s not in made]

    def _cleared_since(self, stage1: Stage1) -> bool:
        last = self._stage1[stage1]
        return any(
            op.time >= last and op.removes_stage1(stage1) for op in self._cleared.wide()
        )

    def stage1_lost(self) -> list[Stage1]:
        """List the stage 1s of which entries exist only through stale entries."""
        known = dict.fromkeys([*self._stage1, *self._kept])
        return [s for s in known if s not in self._stage1 or self._cleared_since(s)]

    def keep_stage1(self, stage1: Stage1, now: int, *, kept: bool) -> None:
        """Note whether entries of a stage 1 have outlived a TLBI."""
        if kept:
            self._kept.setdefault(stage1, now)
        else:
            self._kept.pop(stage1, None)
            if stage1 in self.stage1_lost():
                self._outdated.pop(stage1, None)

    def outdate(self, stage1: Stage1, now: int) -> None:
        """Note that local TLBIs of a vCPU elsewhere do not reach its entries."""
        self.touch(now)
        if stage1 in self.stage1_held():
            self._outdated[stage1] = max(
                self._stage1.get(stage1, -1), self._kept.get(stage1, -1)
            )

    def outdated(self, stage1: Stage1) -> bool:
        """Tell whether stage-1 entries that the vCPU has removed may be held."""
        return stage1 in self._outdated

    def stage1_filled(self, stage1: Stage1) -> int:
        """Return when the PE could last make entries of a stage 1."""
        return self._stage1.get(stage1, self._kept.get(stage1, -1))

    def note_done(self, operation: Issued, now: int) -> None:
        """Remember a completed TLBI for the entries that are not stored.

        It matters only for what the PE could last fill before its issue.
        """
        self.touch(now)
        for stage1, last in list(self._outdated.items()):
            if operation.time >= last and operation.removes_stage1(stage1):
                del self._outdated[stage1]
        times = (*self._filled.values(), *self._stage1.values())
        self._cleared.note(operation, min(times, default=now))

    # -------------------------------------------------------- stale entries

    def add(self, entry: Entry, now: int) -> bool:
        """Store a stale entry; returns False if it was stored already."""
        if entry in self.stale:
            return False
        self.stale[entry] = now
        link = entry.link
        shift = link.table.shift
        if shift not in self._shifts:
            self._shifts = sorted([*self._shifts, shift], reverse=True)
        level = self._at.setdefault((entry.vmid, shift), {})
        level.setdefault(link.ia, {})[entry] = None
        if entry.kind in TABLE_KINDS:
            for frame in link.child.frames:
                self._walkers.setdefault(frame, {})[entry] = None
        return True

    def remove(self, entry: Entry, now: int) -> None:
        """Drop a stale entry."""
        del self.stale[entry]
        self.removed[entry] = now
        link = entry.link
        level = self._at[entry.vmid, link.table.shift]
        level[link.ia].pop(entry)
        if not level[link.ia]:
            del level[link.ia]
        if entry.kind in TABLE_KINDS:
            for frame in link.child.frames:
                self._walkers[frame].pop(entry)

    def end_copies(self, operation: Issued) -> None:
        """Drop the copies of descriptors that a completed TLBI ends."""
        self.copies.done(operation, self._walked)

    def _walked(self, page: int, tag: Tag, regime: Regime, since: int) -> int | None:
        """Return when, from a time on, a walk could first come to a page."""
        stale = (e.link for e in self.walkers(page) if e.tag == tag)
        roots = dict.fromkeys(
            [table.root for table in self._tables.linked(page)]
            + [link.table.root for link in stale]
        )
        times = (
            self.fills_from(tag, root, since) for root in roots if root.regime is regime
        )
        return min((time for time in times if time is not None), default=None)

    def walkers(self, page: int) -> list[Entry]:
        """List the stale table entries through which a 4 KiB page is walked."""
        return list(self._walkers.get(page, ()))

    def candidates(self, operation: Issued) -> Iterable[Entry]:
        """List the stale entries that an operation could select."""
        target = operation.target
        if operation.operation.by not in (By.INTERMEDIATE, By.RANGE):
            return list(self.stale)
        if target is None:
            return ()
        if target.end - target.start > 1:
            return list(self.stale)
        return list(self._at_address(operation.vmids, target.start))

    def _at_address(self, vmids: frozenset[int], ipa: int) -> Iterator[Entry]:
        for vmid in sorted(vmids):
            for shift in self._shifts:
                level = self._at.get((vmid, shift))
                if level:
                    yield from level.get(ipa & -(1 << shift), ())

    def stage2_leaves(self, vmid: int) -> Iterator[Entry]:
        """Yield the stale S2 entries of a VMID, and those dropped of late."""
        for entry in chain(self.stale, self.removed):
            if entry.kind is EntryKind.S2 and entry.vmid == vmid:
                yield entry

    def was_held_since(self, entry: Entry, time: int) -> bool:
        """Tell whether a stale entry is held, or was dropped since ``time``."""
        if entry in self.stale:
            return True
        return self.removed.get(entry, -1) >= time

    def made_from(self, tag: Tag, root: Root) -> list[Entry]:
        """List the stale entries made from a root, oldest first."""
        return [e for e in self.stale if (e.tag, e.link.table.root) == (tag, root)]

    def overlapping(self, vmid: int, link: Link) -> Iterator[Entry]:
        """Yield the stale leaf entries for addresses that ``link`` translates."""
        for shift in self._shifts:
            level = self._at.get((vmid, shift), {})
            for ia in _within(level, shift, link.ia, link.end):
                yield from (e for e in level[ia] if e.kind not in TABLE_KINDS)


def _within(
    level: dict[int, dict[Entry, None]], shift: int, start: int, end: int
) -> list[int]:
    """List the addresses of a level at which entries meet a range."""
    first, step = start & -(1 << shift), 1 << shift
    if (end - first) >> shift > len(level):
        return [ia for ia in level if ia < end and start < ia + step]
    return [ia for ia in range(first, end, step) if ia in level]
