"""Two entries for one address that differ: missing break-before-make (O2)."""

from __future__ import annotations

from collections.abc import Iterable

from reference_model.descriptors import Kind
from reference_model.entries import TABLE_KINDS, Entry, EntryKind
from reference_model.tables import Link, Tables
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Conflicts", "conflict"]


def conflict(old: Link, new: Link, bbm: int) -> str:
    """Name the property of R_WHZWS in which two leaves for one address differ.

    ``bbm`` is the FEAT_BBM level.  Returns "" when they may coexist.
    Read-only aliases with equal contents are taken to conflict: the contents
    are not known.
    """
    before, after = old.descriptor, new.descriptor
    if before.attributes != after.attributes:
        return "attr"
    start = max(old.ia, new.ia)
    if before.output + (start - old.ia) != after.output + (start - new.ia):
        return "oa"
    if before.level != after.level and not _size_change_allowed(old, new, bbm):
        return "size"  # R_KFLJB
    if before.contiguous != after.contiguous and bbm == 0:
        return "contiguous"  # R_NGLXZ, R_JQQTC
    return ""


def _size_change_allowed(old: Link, new: Link, bbm: int) -> bool:
    if bbm >= 2:
        return True
    # Level 1: an entry with nT set never breaks coherency (R_HHCXC).
    marked = old.descriptor.no_translation or new.descriptor.no_translation
    return bbm == 1 and marked


class Conflicts:
    """Finds the entries of a TLB that must not be held at the same time.

    Of two such entries at least one is stale, as the tables give one leaf for
    an address.  So it is enough to look at stale entries: when a descriptor
    becomes current, when a context starts to fill, and when one is added.
    """

    def __init__(
        self, tables: Tables, tlbs: list[Tlb], bbm: int, times: dict[int, int]
    ) -> None:
        self._tables = tables
        self._tlbs = tlbs
        self._bbm = bbm
        self._index_at = times  # machine time -> event index

    def with_current(self, index: int) -> list[Violation]:
        """Find stale entries that conflict with what walks now read."""
        found = _Found(index, self._index_at)
        for tlb in self._tlbs:
            for context in tlb.active:
                for entry in tlb.stale:
                    root = entry.link.table.root
                    if entry.kind in TABLE_KINDS or root != context.root:
                        continue
                    if entry.vmid != context.vmid:
                        continue
                    what, new = self._with_current(entry.link)
                    if new is not None:
                        found.add(tlb, entry, new, what)
        return found.violations

    def of_added(
        self, added: Iterable[tuple[Tlb, Entry]], index: int
    ) -> list[Violation]:
        """Find what conflicts with stale entries that fills have just added."""
        found = _Found(index, self._index_at)
        for (tlb, vmid, link), entries in _by_link(added).items():
            what, new = self._with_current(link)
            for entry in entries:
                if new is not None:
                    found.add(tlb, entry, new, what)
            for other in tlb.overlapping(vmid, link):
                what = self._between(link, other.link)
                if what:
                    found.add(tlb, other, link, what)
                    for entry in entries:
                        found.add(tlb, entry, other.link, what)
        return found.violations

    def _between(self, link: Link, other: Link) -> str:
        if other is link or other.table.root != link.table.root:
            return ""
        return conflict(other, link, self._bbm)

    def _with_current(self, link: Link) -> tuple[str, Link | None]:
        for now in self._tables.pieces(link.table.root, link.ia, link.end):
            if now is None or now.descriptor.kind is not Kind.LEAF:
                continue
            if now.descriptor.cacheable:
                what = conflict(link, now, self._bbm)
                if what:
                    return what, now
        return "", None


class _Found:
    """The violations of one event: one for each kind of entry and property."""

    def __init__(self, index: int, times: dict[int, int]) -> None:
        self._index = index
        self._index_at = times
        self._of: dict[tuple[int, EntryKind, int, str], Violation] = {}
        self._seen: dict[tuple[int, Entry, str], None] = {}

    @property
    def violations(self) -> list[Violation]:
        """List them in the order in which they were found."""
        return list(self._of.values())

    def add(self, tlb: Tlb, entry: Entry, other: Link, what: str) -> None:
        """Note that ``entry`` and one made from ``other`` differ in ``what``."""
        if (tlb.pe, entry, what) in self._seen:
            return
        self._seen[tlb.pe, entry, what] = None
        key = (tlb.pe, entry.kind, entry.vmid, what)
        before = self._of.get(key)
        if before is not None:
            self._of[key] = before.counting(entry.link)
            return
        self._of[key] = Violation(
            Property.O2,
            self._index,
            tlb.pe,
            entry.kind,
            entry.vmid,
            self._index_at[entry.link.ended],
            entry.link,
            other,
            conflict=what,
            low=entry.link.ia,
            high=entry.link.end,
        )


def _by_link(
    added: Iterable[tuple[Tlb, Entry]],
) -> dict[tuple[Tlb, int, Link], list[Entry]]:
    found: dict[tuple[Tlb, int, Link], list[Entry]] = {}
    for tlb, entry in added:
        if entry.kind not in TABLE_KINDS and entry in tlb.stale:
            found.setdefault((tlb, entry.vmid, entry.link), []).append(entry)
    return found
