"""What TLBs are allowed to hold, checked where something relies on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from reference_model.descriptors import Kind
from reference_model.entries import (
    TABLE_KINDS,
    Context,
    Entry,
    EntryKind,
    entry_of,
    table_kind,
)
from reference_model.tables import Link, Tables
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Oracle"]


class Oracle:
    """The properties O1, O4 and O6: what is allowed, not why it is broken."""

    def __init__(
        self,
        tables: Tables,
        tlbs: list[Tlb],
        times: Sequence[int],
    ) -> None:
        self._tables = tables
        self._tlbs = tlbs
        self._index_at = times  # machine time -> event index

    # ----------------------------------------------------------- O1: grants

    def stale_grants(
        self, index: int, page: range | None = None, *, scrub: bool = False
    ) -> list[Violation]:
        """Find entries that grant what the current tables do not (O1).

        ``page`` limits the search to entries whose output lies in it, ``scrub``
        to those that let it be written.
        """
        found: dict[tuple[int, EntryKind, int, str], Violation] = {}
        verdicts: dict[Link, tuple[str, Link | None]] = {}
        for tlb in self._tlbs:
            for entry in chain(tlb.stale, tlb.lingering):
                link = entry.link
                if entry.kind in TABLE_KINDS or not _overlaps(link, page):
                    continue
                if scrub and not link.descriptor.writable:
                    continue
                if link not in verdicts:
                    verdicts[link] = self._excess(link)
                reason, now = verdicts[link]
                if reason:
                    reason = "" if reason == _MORE else reason
                    if entry not in tlb.stale:
                        reason = "unsynchronised"
                    if scrub:
                        reason = "scrub"
                    key = (tlb.pe, entry.kind, entry.vmid, reason)
                    found[key] = self._grant(found.get(key), entry, tlb.pe, now, index)
                    found[key] = replace(found[key], reason=reason)
        return list(found.values())

    def _grant(
        self,
        before: Violation | None,
        entry: Entry,
        walker: int,
        allowed: Link | None,
        index: int,
    ) -> Violation:
        if before is not None:
            return before.counting(entry.link)
        return Violation(
            Property.O1,
            index,
            walker,
            entry.kind,
            entry.vmid,
            self._index_at[entry.link.ended],
            entry.link,
            allowed,
            low=entry.link.ia,
            high=entry.link.end,
        )

    def deferred(self, index: int) -> list[Violation]:
        """Find entries of a leaf whose permissions alone have been restricted."""
        return [
            replace(violation, reason="deferred")
            for violation in self.stale_grants(index)
            if violation.link and violation.allowed and not violation.reason
            if _same_place(violation.allowed, violation.link)
        ]

    def grants(self, link: Link) -> bool:
        """Tell whether the current tables grant all that ``link`` grants."""
        return not self._excess(link)[0]

    def _excess(self, link: Link) -> tuple[str, Link | None]:
        """Tell what ``link`` grants more than the current tables, "" if nothing.

        Also returns the descriptor that now stands in its place, None where
        it gives a fault.
        """
        dirty: Link | None = None
        for now in self._tables.pieces(link.table.root, link.ia, link.end):
            excess = _MORE if now is None else _excess(now, link)
            if excess == _MORE:
                leaf = now if now and now.descriptor.kind is Kind.LEAF else None
                return _MORE, leaf
            if excess:
                dirty = now
        return ("dirty", dirty) if dirty else ("", link)

    # ------------------------------------------------------- O6: progress

    def restricting(self, tlb: Tlb, context: Context, index: int) -> list[Violation]:
        """Find entries that permit less than the tables, on entry to a guest (O6).

        The guest could take the same permission fault for ever.
        """
        for entry in tlb.stale:
            link = entry.link
            if entry.kind in TABLE_KINDS or not context.uses(
                entry.tag, link.table.root
            ):
                continue
            for now in self._tables.pieces(link.table.root, link.ia, link.end):
                if now is not None and _relaxed(link, now):
                    violation = self._grant(None, entry, tlb.pe, now, index)
                    return [replace(violation, broken=Property.O6, reason="upgrade")]
        return []

    # -------------------------------------------------- O4: table lifetime

    def walked(self, pages: list[int], index: int, now: int) -> list[Violation]:
        """Find entries through which a walk still reaches freed pages (O4)."""
        found = []
        for tlb in self._tlbs:
            for page in pages:
                violation = self._walked_stale(tlb, page, index)
                violation = violation or self._walked_linked(tlb, page, index, now)
                violation = violation or self._walked_lingering(tlb, page, index)
                if violation is not None:
                    found.append(violation)
                    break
        return found

    def _walked_stale(self, tlb: Tlb, page: int, index: int) -> Violation | None:
        for entry in tlb.walkers(page):
            return self._walker(tlb, entry, index)
        for entry in tlb.stale:
            output = entry.link.descriptor.output
            size = entry.link.end - entry.link.ia
            if entry.kind is EntryKind.S12W and output <= page < output + size:
                return self._walker(tlb, entry, index)
        return None

    def _walked_lingering(self, tlb: Tlb, page: int, index: int) -> Violation | None:
        # The PE's own walks may go on from before its DSB (R_BLDZX).
        for entry in tlb.lingering:
            if entry.kind in TABLE_KINDS and page in entry.link.child.frames:
                found = self._walker(tlb, entry, index)
                return replace(found, reason="unsynchronised")
        return None

    def _walker(self, tlb: Tlb, entry: Entry, index: int) -> Violation:
        return Violation(
            Property.O4,
            index,
            tlb.pe,
            entry.kind,
            entry.vmid,
            self._index_at[entry.link.ended],
            entry.link,
            low=entry.link.ia,
            high=entry.link.end,
        )

    def _walked_linked(
        self, tlb: Tlb, page: int, index: int, now: int
    ) -> Violation | None:
        # Still part of a current tree: a walk may start at any time.
        for table in self._tables.linked(page):
            if table.link is None:
                continue
            for tag in tlb.users(table.root):
                entry = entry_of(table_kind(table.link), tag, table.link)
                if tlb.fills(tag, table.root) or tlb.may_hold(entry, now):
                    return Violation(
                        Property.O4,
                        index,
                        tlb.pe,
                        entry.kind,
                        tag.vmid,
                        -1,
                        table.link,
                        reason="linked",
                    )
        return None


_MORE = "more"


def _excess(now: Link, old: Link) -> str:
    """Tell what ``old`` grants more than the leaf ``now`` where they meet.

    "dirty": nothing but that it lets writes go by without marking the page
    (R_GPPYH, R_NNZGV).
    """
    new, was = now.descriptor, old.descriptor
    if new.kind is not Kind.LEAF or not new.cacheable or not _same_place(now, old):
        return _MORE
    if not new.rights >= was.rights:
        return _MORE
    return "dirty" if was.dirty and new.dirty_modifier and not new.write else ""


def _same_place(now: Link, old: Link) -> bool:
    start = max(now.ia, old.ia)
    new, was = now.descriptor, old.descriptor
    same_output = new.output + (start - now.ia) == was.output + (start - old.ia)
    return same_output and new.attributes == was.attributes


def _relaxed(old: Link, now: Link) -> bool:
    """Tell whether ``now`` is the same leaf with more permissions."""
    new = now.descriptor
    if new.kind is not Kind.LEAF or not new.cacheable or not _same_place(now, old):
        return False
    return new.rights > old.descriptor.rights


def _overlaps(link: Link, page: range | None) -> bool:
    if page is None:
        return True
    output = link.descriptor.output
    return output < page.stop and page.start < output + link.end - link.ia
