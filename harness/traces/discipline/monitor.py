"""The monitor: follows the records of a log and notes every breach."""

from __future__ import annotations

from collections.abc import Callable

from harness.traces.casemate_guests import DEFAULT_REGISTERS, stage2_control
from harness.traces.casemate_records import Hint, Kind, Record
from harness.traces.discipline.breach import Breach
from harness.traces.discipline.identifiers import Identifiers
from harness.traces.discipline.locks import Locks
from harness.traces.discipline.ranges import Ranges
from harness.traces.discipline.trees import (
    PAGE,
    Place,
    Trees,
    is_table,
    table_address,
)
from reference_model.events import Barrier, Tlbi

__all__ = ["Monitor"]

_BASE = 0x0000_FFFF_FFFF_F000
_STAGES = {"vttbr_el2": 2, "ttbr0_el2": 1}
_CONTROLS = {2: ("vtcr_el2", "hcr_el2"), 1: ("tcr_el2", "sctlr_el2")}
_LIMIT = 256  # breaches kept


class Monitor:
    """Follows a log; ``walked`` tells whether a walk may still reach a page.

    Breaches at one place of the source are noted once.
    """

    def __init__(self, walked: Callable[[int], bool]) -> None:
        self.breaches: list[Breach] = []
        self.locks = Locks()
        self._walked = walked
        self._seen: set[tuple[str, object]] = set()
        self._initialised = Ranges()
        self._whole: set[int] = set()  # pages of it, some
        self._trees = Trees()
        self.identifiers = Identifiers()
        self._owners: dict[int, int] = {}  # entry -> thread
        self._registers: dict[tuple[int, str], int] = {}
        self.number = -1  # of the record that is taken

    def is_table(self, page: int) -> bool:
        """Tell whether a page is part of a tree, or was until it was unlinked."""
        return page in self._trees.places or page in self._trees.detached

    def take(self, record: Record) -> None:
        """Follow one record, after the machine has taken its events."""
        kind = record.kind
        if kind is Kind.MEM_WRITE:
            self.write(record, record.address, record.value)
        elif kind is Kind.BARRIER:
            if isinstance(record.event, Barrier):
                self.identifiers.barrier(record.event)
        elif kind is Kind.TLBI:
            if isinstance(record.event, Tlbi):
                self.identifiers.tlbi(record.event)
        elif kind in (Kind.LOCK, Kind.TRYLOCK, Kind.UNLOCK):
            self.lock(record)
        elif kind is Kind.SYSREG_WRITE:
            self._sysreg(record)
        elif kind is Kind.HINT:
            self._hint(record)
        else:
            self._memory(record)

    def lock(self, record: Record) -> None:
        """Follow a lock that is taken or released."""
        kind, thread, lock = record.kind, record.tid, record.address
        if kind is Kind.UNLOCK:
            wrong = self.locks.release(thread, lock)
        else:
            wrong = self.locks.take(thread, lock, again=kind is Kind.TRYLOCK)
        if wrong:
            self._note("discipline-lock", wrong, record)

    def _note(self, rule: str, message: str, record: Record) -> None:
        key = (rule, record.origin or message)
        if message and key not in self._seen and len(self.breaches) < _LIMIT:
            self._seen.add(key)
            self.breaches.append(
                Breach(rule, message, self.number, record.tid, record.origin)
            )

    # ---------------------------------------------------------------- memory

    def _memory(self, record: Record) -> None:
        start, end = record.address, record.address + record.size
        if record.kind is Kind.MEM_INIT:
            self._init(record, start, end)
        elif record.kind is Kind.MEM_FREE:
            for page in range(start & -PAGE, end, PAGE):
                if page in self._trees.places:
                    text = f"page {page:#x} is freed and still part of a tree"
                    self._note("discipline-release-in-use", text, record)
                self._trees.forget(page)
            self._initialised.remove(start, end)
            self._whole.clear()
        elif record.kind is Kind.MEM_SET:
            for pa in range(start, end, 8):
                self.write(record, pa, record.value)
        elif record.kind is Kind.MEM_READ and start in self._initialised:
            held = self._trees.read(start)
            if held != record.value:
                text = f"{start:#x} reads as {record.value:#x}, last store: {held:#x}"
                self._note("discipline-unlogged-store", text, record)

    def _init(self, record: Record, start: int, end: int) -> None:
        if end - start <= PAGE * PAGE:
            for page in range(start & -PAGE, end, PAGE):
                if page in self._initialised and self._trees.used(page):
                    text = f"page {page:#x} is in use"
                    self._note("discipline-used-init", text, record)
        self._initialised.add(start, end)
        if start % PAGE == 0 and end - start == PAGE:
            self._whole.add(start)

    # ---------------------------------------------------------------- stores

    def write(self, record: Record, pa: int, value: int) -> None:
        """Follow a store of one word."""
        if pa & -PAGE not in self._whole and pa not in self._initialised:
            text = f"{pa:#x} was never initialised"
            self._note("discipline-uninitialised-write", text, record)
        old = self._trees.write(pa, value)
        place = self._trees.places.get(pa & -PAGE)
        if place is None:
            return
        self._authorised(record, pa, place)
        if old == value:
            return
        if is_table(old, place.level):
            self._unlinked(record, pa, old, value)
        elif pa in self._trees.broken:
            self._remade(record, pa, value)
        if is_table(value, place.level):
            child = table_address(value)
            below = place._replace(level=place.level + 1)
            if self._walked_elsewhere(child):
                text = f"table page {child:#x} may still be walked as part of a tree"
                self._note("discipline-page-in-use", text, record)
            self._adopt(record, child, below)

    def _walked_elsewhere(self, page: int) -> bool:
        if page not in self._trees.detached or self._walked(page):
            return page in self._trees.detached
        self._trees.detached.discard(page)
        return False

    def _authorised(self, record: Record, pa: int, place: Place) -> None:
        owner = self._owners.get(pa)
        if owner is not None:
            if owner != record.tid:
                text = f"the entry at {pa:#x} belongs to thread {owner}"
                self._note("discipline-foreign-entry", text, record)
            return
        lock = self.locks.of(place.root)
        if lock is None:
            text = f"no lock is named for root {place.root:#x}"
            self._note("discipline-root-without-lock", text, record)
        elif not self.locks.held(record.tid, lock):
            text = f"the store to {pa:#x} needs lock {lock:#x}"
            self._note("discipline-write-without-lock", text, record)

    def _unlinked(self, record: Record, pa: int, old: int, value: int) -> None:
        child = table_address(old)
        if value & 1:
            text = f"{pa:#x}: table {child:#x} replaced by {value:#x} with no break"
            self._note("discipline-table-replaced", text, record)
        else:
            self._trees.broken[pa] = child
            self._trees.detached.add(child)
        self._trees.abandon(child)

    def _remade(self, record: Record, pa: int, value: int) -> None:
        if not value & 1:
            return
        child = self._trees.broken.pop(pa)
        if self._walked(child):
            text = f"{pa:#x}: table {child:#x} may still be walked"
            self._note("discipline-table-unclean", text, record)

    def _adopt(self, record: Record, page: int, place: Place) -> None:
        for twice in self._trees.adopt(page, place):
            text = f"table page {twice:#x} is part of a tree already"
            self._note("discipline-page-in-use", text, record)

    # ------------------------------------------------------------- registers

    def _sysreg(self, record: Record) -> None:
        self._registers[record.tid, record.word] = record.value
        for register, stage in _STAGES.items():
            if record.word in (register, _CONTROLS[stage][1]):
                self._translate(record, register, stage)

    def _register(self, thread: int, name: str) -> int:
        default = DEFAULT_REGISTERS.get(name.upper(), 0)
        return self._registers.get((thread, name), default)

    def _translate(self, record: Record, register: str, stage: int) -> None:
        """Let a thread use what its registers now say."""
        value = self._registers.get((record.tid, register))
        if not self._register(record.tid, _CONTROLS[stage][1]) & 1:
            self.identifiers.unload(record.tid, stage)
            return
        if value is None:
            return
        root, identifier = value & _BASE, value >> 48
        if stage == 1 and identifier:
            text = f"TTBR0_EL2 is written with ASID {identifier}"
            self._note("discipline-reserved-asid", text, record)
        key = (stage, identifier)
        rule, text = self.identifiers.load(record.tid, key, root)
        self._note(rule, text, record)
        level, pages = self._shape(record.tid, stage)
        for page in range(root, root + pages * PAGE, PAGE):
            known = self._trees.places.get(page)
            if known is None or known.root != root:
                self._adopt(record, page, Place(stage, root, level))

    def _shape(self, thread: int, stage: int) -> tuple[int, int]:
        """Return the start level of a tree and the number of its root pages."""
        value = self._register(thread, _CONTROLS[stage][0])
        bits = 64 - (value & 0x3F)
        if stage == 1:
            return max(0, (48 - bits) // 9), 1
        level = 2 - ((stage2_control(value) >> 6) & 3)
        return level, 1 << max(0, min(4, bits - 12 - 9 * (4 - level)))

    # ----------------------------------------------------------------- hints

    def _hint(self, record: Record) -> None:
        hint, address = Hint(record.word), record.address
        page = address & -PAGE
        if hint is Hint.ROOT_LOCK:
            self.locks.protect(address, record.value)
        elif hint is Hint.THREAD_OWNER:
            self._owners[address] = record.value
        elif hint is Hint.OWNER_ROOT:
            if page in self._trees.places:
                text = f"page {page:#x} is part of a tree"
                self._note("discipline-owner", text, record)
        else:
            self._release(record, page)

    def _release(self, record: Record, page: int) -> None:
        self.locks.forget(page)
        place = self._trees.places.get(page)
        if place is None:
            return
        in_use = place.root != page or self.identifiers.in_use(place.stage, page)
        if in_use:
            text = f"{page:#x} is released and still in use"
            self._note("discipline-release-in-use", text, record)
        for pa, child in list(self._trees.broken.items()):
            if pa & -PAGE in self._trees.places and self._walked(child):
                owner = self._trees.places[pa & -PAGE].root
                if owner == page:
                    text = f"{page:#x} is released, table {child:#x} may be walked"
                    self._note("discipline-release-in-use", text, record)
        self.identifiers.release(place.stage, page)
        self._trees.abandon(page)
