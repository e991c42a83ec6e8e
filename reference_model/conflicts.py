"""Two entries for one address that differ: missing break-before-make (O2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reference_model.descriptors import Kind
from reference_model.entries import TABLE_KINDS, Context, Entry, EntryKind, Tag
from reference_model.tables import Link, Tables
from reference_model.tlb import Tlb
from reference_model.violations import Property, Violation

__all__ = ["Conflicts", "conflict"]


def conflict(old: Link, new: Link, bbm: int, *, read_only_exempt: bool = False) -> str:
    """Name the property of R_WHZWS in which two leaves for one address differ.

    ``bbm`` is the FEAT_BBM level.  Returns "" when they may coexist.
    Read-only aliases are taken to conflict, as their contents are not known to
    be equal, unless ``read_only_exempt``.
    """
    before, after = old.descriptor, new.descriptor
    if before.attributes != after.attributes:
        return "attr"
    start = max(old.ia, new.ia)
    moved = before.output + (start - old.ia) != after.output + (start - new.ia)
    exempt = read_only_exempt and not (before.writable or after.writable)
    if moved and not exempt:
        return "oa"
    if _made_global(old, new):
        return "global"
    if before.level != after.level and not _size_change_allowed(old, new, bbm):
        return "size"  # R_KFLJB
    if before.contiguous != after.contiguous and bbm == 0:
        return "contiguous"  # R_NGLXZ, R_JQQTC; from level 1 on R_KHRBC, R_FCPSG
    return ""


def _made_global(one: Link, other: Link) -> bool:
    """Tell whether the later leaf is global and the earlier one is not.

    The other way round is no break of coherency: just the one TLBI is needed.
    """
    earlier, later = sorted((one, other), key=lambda link: link.youngest)
    return later.descriptor.global_ and not earlier.descriptor.global_


def _size_change_allowed(old: Link, new: Link, bbm: int) -> bool:
    if bbm >= 2:
        return True
    # Level 1: an entry with nT set never breaks coherency (R_HHCXC).  Level 0
    # does not know nT: the bit protects nothing.
    marked = old.descriptor.no_translation or new.descriptor.no_translation
    return bbm == 1 and marked


def _size(old: Link, new: Link) -> str:
    """Name the property of size in which two leaves for one address differ."""
    before, after = old.descriptor, new.descriptor
    if before.level != after.level or before.no_translation > after.no_translation:
        return "size"
    return "contiguous" if before.contiguous != after.contiguous else ""


class Conflicts:
    """Finds the entries of a TLB that must not be held at the same time.

    Of two such entries at least one is stale, as the tables give one leaf for
    an address.  So it is enough to look at stale entries: when a descriptor
    becomes current, when a context starts to fill, and when one is added.
    """

    def __init__(
        self,
        tables: Tables,
        tlbs: list[Tlb],
        bbm: int,
        times: Sequence[int],
        *,
        read_only_exempt: bool = False,
        may_abort: bool = False,
        nt_cacheable: bool = True,
    ) -> None:
        self._tables = tables
        self._may_abort = may_abort
        self._nt_cacheable = nt_cacheable
        self._tlbs = tlbs
        self._bbm = bbm
        self._read_only_exempt = read_only_exempt
        self._index_at = times  # machine time -> event index

    def with_current(self, index: int, only: Tlb | None = None) -> list[Violation]:
        """Find stale entries that conflict with what walks now read.

        ``only`` limits the search to one TLB, whose contexts have changed.
        """
        found = _Found(index, self._index_at)
        for tlb in self._tlbs if only is None else (only,):
            for context in tlb.active:
                for entry in tlb.stale:
                    self._check(found, tlb, context, entry)
        return found.violations

    def with_fresh(self, fresh: list[Link], index: int) -> list[Violation]:
        """Find stale entries that conflict with leaves that have just come."""
        found = _Found(index, self._index_at)
        for tlb in self._tlbs:
            for context in tlb.active:
                for link in fresh:
                    if link.table.root == context.root:
                        for entry in list(tlb.overlapping(context.vmid, link)):
                            self._check(found, tlb, context, entry)
        return found.violations

    def _check(self, found: _Found, tlb: Tlb, context: Context, entry: Entry) -> None:
        root = entry.link.table.root
        if entry.kind in TABLE_KINDS or root != context.root:
            return
        if entry.vmid != context.vmid:
            return
        usable = context.uses(entry.tag, root)
        what, new = self._with_current(entry.link, usable=usable)
        if new is not None:
            found.add(tlb, entry, new, what)
        elif self._may_abort and usable:
            what, new = self._size_of_current(entry.link)
            if new is not None:
                found.add(tlb, entry, new, what, "abort")

    def unfinished(self, index: int) -> list[Violation]:
        """Find entries of another size than the leaf that has replaced them.

        From FEAT_BBM level 1 on they may be held for a while, but a closing
        TLBI must remove them (I_HYQMB, F5.5).
        """
        found = _Found(index, self._index_at)
        for tlb in self._tlbs if self._bbm else ():
            for entry in tlb.stale:
                if entry.kind not in TABLE_KINDS and self._closes(entry.link):
                    what, new = self._size_of_current(entry.link)
                    if new is not None:
                        found.add(tlb, entry, new, what, "final")
        return found.violations

    def _closes(self, link: Link) -> bool:
        return self._nt_cacheable or not link.descriptor.no_translation

    def _size_of_current(self, link: Link) -> tuple[str, Link | None]:
        """Find a current leaf that differs from a stale one in size alone."""
        for now in self._tables.pieces(link.table.root, link.ia, link.end):
            if now is None or not now.descriptor.cacheable:
                continue
            if now.descriptor.kind is Kind.LEAF and not self._conflict(link, now):
                what = _size(link, now)
                if what:
                    return what, now
        return "", None

    def of_added(
        self, added: Iterable[tuple[Tlb, Entry]], index: int
    ) -> list[Violation]:
        """Find what conflicts with stale entries that fills have just added."""
        found = _Found(index, self._index_at)
        for (tlb, tag, link), entries in _by_link(added).items():
            what, new = self._with_current(link)
            for entry in entries:
                if new is not None:
                    found.add(tlb, entry, new, what)
            for other in tlb.overlapping(tag.vmid, link):
                if tag.asid != other.asid and None not in (tag.asid, other.asid):
                    continue
                what = self._between(link, other.link)
                if what:
                    found.add(tlb, other, link, what)
                    for entry in entries:
                        found.add(tlb, entry, other.link, what)
        return found.violations

    def _between(self, link: Link, other: Link) -> str:
        if other is link or other.table.root != link.table.root:
            return ""
        return self._conflict(other, link)

    def _conflict(self, old: Link, new: Link) -> str:
        return conflict(old, new, self._bbm, read_only_exempt=self._read_only_exempt)

    def _with_current(
        self, link: Link, *, usable: bool = True
    ) -> tuple[str, Link | None]:
        """Find what conflicts of the current leaves with a stale one.

        One of another ASID (not ``usable``) meets only a global leaf.
        """
        for now in self._tables.pieces(link.table.root, link.ia, link.end):
            if now is None or now.descriptor.kind is not Kind.LEAF:
                continue
            if now.descriptor.cacheable and (usable or now.descriptor.global_):
                what = self._conflict(link, now)
                if what:
                    return what, now
        return "", None


class _Found:
    """The violations of one event: one for each kind of entry and property."""

    def __init__(self, index: int, times: Sequence[int]) -> None:
        self._index = index
        self._index_at = times
        self._of: dict[tuple[int, EntryKind, int, str], Violation] = {}
        self._seen: dict[tuple[int, Entry, str], None] = {}

    @property
    def violations(self) -> list[Violation]:
        """List them in the order in which they were found."""
        return list(self._of.values())

    def add(
        self, tlb: Tlb, entry: Entry, other: Link, what: str, reason: str = ""
    ) -> None:
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
            reason=reason,
            low=entry.link.ia,
            high=entry.link.end,
        )


def _by_link(
    added: Iterable[tuple[Tlb, Entry]],
) -> dict[tuple[Tlb, Tag, Link], list[Entry]]:
    found: dict[tuple[Tlb, Tag, Link], list[Entry]] = {}
    for tlb, entry in added:
        if entry.kind not in TABLE_KINDS and entry in tlb.stale:
            found.setdefault((tlb, entry.tag, entry.link), []).append(entry)
    return found
