"""Writing a trace as a log that casemate reads.

A log needs what a trace has not: memory that is initialised before it is used,
and a lock for every tree.  One lock stands for all: it goes to whichever thread
stores next, as casemate counts TLBIs and DSBs for its holder only.  Stores are
plain but where casemate asks for a store-release, which orders no less.  Of a
root's concatenated tables casemate follows the first.

Left out is what casemate has no notion of: guest entry and exit, the registers of
EL1, the locks of the trace.  So a log shows nothing about one vCPU that uses the
entries of another.  TLBIs and barriers that it has no record for are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from harness.errors import UsageError
from reference_model.events import (
    Access,
    At,
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Isb,
    Msr,
    Repeat,
    Store,
    TableFree,
    Tlbi,
    Zero,
)
from reference_model.repeated import expand
from reference_model.start import Start

__all__ = ["casemate_lines"]

_THREADS = 4
_PAGE = 4096
_BASE = 0x0000_FFFF_FFFF_F000
_LOCK = 0xFFFF_0000_0000_0000
_SYSREGS = (
    "VTCR_EL2",
    "TCR_EL2",
    "MAIR_EL2",
    "HCR_EL2",
    "SCTLR_EL2",
    "VTTBR_EL2",
    "TTBR0_EL2",
)
_PLAIN_TLBIS = (
    "vmalls12e1",
    "vmalls12e1is",
    "vmalle1",
    "vmalle1is",
    "alle1",
    "alle1is",
    "alle2",
    "alle2is",
)
_VALUE_TLBIS = ("vae2is", "vale2is", "ipas2e1is")
_ROOTS = ("VTTBR_EL2", "TTBR0_EL2")
_MAX_RANGE = 1 << 16  # pages of one range operation

Events = Callable[[], Iterable[Event]]


def casemate_lines(start: Start, events: Events) -> Iterator[str]:
    """Yield the lines of a log; ``events`` gives the events each time it is called.

    Raises UsageError for an event that casemate has no record for.
    """
    writer = _Writer()
    yield from writer.preamble(start, *_used(start, events))
    for number, event in enumerate(events()):
        for single in expand(event) if isinstance(event, Repeat) else (event,):
            yield from writer.event(single, number)
    yield from writer.end()


def _used(start: Start, events: Events) -> tuple[list[int], list[int]]:
    """Return the pages stored to or walked, and the roots."""
    stored: dict[int, set[int]] = {}
    roots: set[int] = set()
    for pa, value in start.memory.items():
        stored.setdefault(pa & -_PAGE, set()).add(value)
    for registers in start.registers:
        roots.update(registers.get(name, 0) & _BASE for name in _ROOTS)
    for event in events():
        if isinstance(event, Store):
            stored.setdefault(event.pa & -_PAGE, set()).add(event.value)
        elif isinstance(event, Zero):
            for page in range(event.pa & -_PAGE, event.pa + event.size, _PAGE):
                stored.setdefault(page, set())
        elif isinstance(event, Msr) and event.register in _ROOTS:
            roots.add(event.value & _BASE)
    roots.discard(0)
    return sorted({*stored, *_walked(stored, roots)}), sorted(roots)


def _walked(stored: dict[int, set[int]], roots: set[int]) -> set[int]:
    """Return every page that some walk from a root may take for a table.

    The roots may be at level 1 or 0: a page more than there are is no harm.
    """
    found, level = set(roots), set(roots)
    for _ in range(3):
        level = {
            value & _BASE
            for page in level
            for value in stored.get(page, ())
            if value & 3 == 3
        }
        found |= level
    return found


class _Writer:
    """Numbers the records, and follows whom the lock belongs to."""

    def __init__(self) -> None:
        self._id = 0
        self._holder: int | None = None
        self._plain = False  # a plain store is allowed
        self._roots: frozenset[int] = frozenset()

    def _record(self, kind: str, thread: int, fields: str, event: Event | None) -> str:
        origin = event.origin if event else None
        place = f"{origin.coord.file[-200:]}:{origin.coord.line}" if origin else "-:0"
        place = place.replace('"', "'")
        line = f'({kind} (id {self._id}) (tid {thread}) {fields} (src "{place}"))\n'
        self._id += 1
        return line

    # -------------------------------------------------------------- preamble

    def preamble(
        self, start: Start, pages: list[int], roots: list[int]
    ) -> Iterator[str]:
        """Yield what comes before the first event."""
        self._roots = frozenset(roots)
        for page in pages:
            fields = f"(address {page:#x}) (size {_PAGE:#x})"
            yield self._record("mem-init", 0, fields, None)
        for root in roots:
            fields = f"(kind set_root_lock) (location {root:#x}) (value {_LOCK:#x})"
            yield self._record("hint", 0, fields, None)
        for pa, value in sorted(start.memory.items()):
            fields = f"(mem-order plain) (address {pa:#x}) (value {value:#x})"
            yield self._record("mem-write", 0, fields, None)
        for thread, registers in enumerate(start.registers[:_THREADS]):
            for register in _SYSREGS:
                if registers.get(register):
                    event = Msr(thread, register, registers[register])
                    yield from self._msr(event)
            if registers:
                yield self._record("barrier", thread, "isb", None)

    def end(self) -> Iterator[str]:
        """Yield what comes after the last event."""
        if self._holder is not None:
            fields = f"(address {_LOCK:#x})"
            yield self._record("unlock", self._holder, fields, None)

    # ---------------------------------------------------------------- events

    def event(self, event: Event, number: int) -> Iterator[str]:
        """Yield the records of one event."""
        if event.pe >= _THREADS:
            raise UsageError(f"event {number}: a casemate log has at most 4 threads")
        match event:
            case Store():
                yield from self._store(event)
            case Zero():
                yield from self._zero(event)
            case Tlbi():
                yield from self._tlbi(event, number)
            case Barrier():
                yield from self._barrier(event, number)
            case Isb():
                yield self._record("barrier", event.pe, "isb", event)
            case Msr():
                yield from self._msr(event)
            case TableFree() if event.pa in self._roots:
                fields = f"(kind release_table) (location {event.pa:#x}) (value 0x0)"
                yield self._record("hint", event.pe, fields, event)
            case TableFree():
                fields = f"(address {event.pa:#x}) (size {event.size:#x})"
                yield self._record("mem-free", event.pe, fields, event)
            case At():
                raise UsageError(f"event {number}: a casemate log has no AT")
            case _:
                pass  # see above: what is left out

    def _locked(self, event: Event) -> Iterator[str]:
        if self._holder == event.pe:
            return
        fields = f"(address {_LOCK:#x})"
        if self._holder is not None:
            yield self._record("unlock", self._holder, fields, event)
        yield self._record("lock", event.pe, fields, event)
        self._holder, self._plain = event.pe, True

    def _store(self, event: Store) -> Iterator[str]:
        yield from self._locked(event)
        order = "plain" if self._plain and not event.release else "release"
        self._plain = False
        fields = f"(mem-order {order}) (address {event.pa:#x}) (value {event.value:#x})"
        yield self._record("mem-write", event.pe, fields, event)

    def _zero(self, event: Zero) -> Iterator[str]:
        yield from self._locked(event)
        if event.pa % _PAGE or event.size % _PAGE:
            for pa in range(event.pa, event.pa + event.size, 8):
                yield from self._store(Store(event.pe, pa, 0, origin=event.origin))
            return
        fields = f"(address {event.pa:#x}) (size {event.size:#x}) (value 0x0)"
        yield self._record("mem-set", event.pe, fields, event)

    def _tlbi(self, event: Tlbi, number: int) -> Iterator[str]:
        op = event.op.lower()
        if op.endswith("os"):  # all PEs are in one inner-shareable domain
            op = op.removesuffix("os") + "is"
        if op == "ripas2e1is":
            for page in _range(event, number):
                fields = f"ipas2e1is (value {page:#x})"
                yield self._record("tlbi", event.pe, fields, event)
        elif op in _PLAIN_TLBIS:
            yield self._record("tlbi", event.pe, op, event)
        elif op in _VALUE_TLBIS:
            fields = f"{op} (value {event.operand:#x})"
            yield self._record("tlbi", event.pe, fields, event)
        else:
            raise UsageError(f"event {number}: a casemate log has no TLBI {event.op}")

    def _barrier(self, event: Barrier, number: int) -> Iterator[str]:
        if event.kind is BarrierKind.DMB or event.access is Access.LD:
            return  # completes nothing
        if event.nxs:
            raise UsageError(f"event {number}: a casemate log has no DSB nXS")
        if event.domain is Domain.NSH:
            if event.access is Access.ST:
                return  # there is none; without it nothing looks better
            option = "nsh"
        else:
            option = "ishst" if event.access is Access.ST else "ish"
        if event.pe == self._holder:
            self._plain = True
        yield self._record("barrier", event.pe, f"dsb (kind {option})", event)

    def _msr(self, event: Msr) -> Iterator[str]:
        if event.register not in _SYSREGS:
            return
        register, value = event.register.lower(), event.value
        if register == "vtcr_el2":
            value = _size_of_first(value)
        if event.register in _ROOTS:
            value &= ~1  # CnP
            if not value & _BASE:
                return  # no tree of anyone
        fields = f"(sysreg {register}) (value {value:#x})"
        yield self._record("sysreg-write", event.pe, fields, event)


def _size_of_first(vtcr: int) -> int:
    """Return VTCR_EL2 for the input size that one start-level table covers.

    casemate derives the start level from the size.
    """
    level = 2 - ((vtcr >> 6) & 3)
    bits = min(64 - (vtcr & 0x3F), 12 + 9 * (4 - level))
    return vtcr & ~0x3F | (64 - bits)


def _range(event: Tlbi, number: int) -> range:
    scale, count = (event.operand >> 44) & 3, (event.operand >> 39) & 0x1F
    pages = (count + 1) << (5 * scale + 1)
    if (event.operand >> 46) & 3 != 1 or pages > _MAX_RANGE:
        raise UsageError(
            f"event {number}: TLBI {event.op} of {pages} pages: too many for a log"
        )
    base = event.operand & 0x1F_FFFF_FFFF
    return range(base, base + pages)
