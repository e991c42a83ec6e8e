"""From the records of a casemate log to the events of the reference machine.

Thread t is PE t; the guest that it has loaded runs on another PE (``guests``).
Memory starts as zero: mem-init tells who may use it, and stores nothing.  Where
an unlock ends a change, what other code relies on is the business of the
replay; freed memory is relied upon to be unreachable here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from harness.traces.casemate_guests import (
    DEFAULT_REGISTERS,
    START_REGISTERS,
    Guest,
    stage2_control,
)
from harness.traces.casemate_records import Hint, Kind, Record
from reference_model.coordinates import Origin
from reference_model.events import (
    Event,
    Isb,
    Msr,
    PageRelease,
    Store,
    TableFree,
    Zero,
)
from reference_model.machine import Start
from reference_model.unmodelled import Unmodelled

__all__ = ["CasemateImport", "start_of"]

_PAGE = 4096


def start_of(threads: int, *, beside: bool) -> Start:
    """Return where a log with so many threads starts."""
    pes = 2 * threads if beside else threads
    return Start(pes, {}, tuple(dict(START_REGISTERS) for _ in range(pes)))


class CasemateImport:
    """Turns records into events; knows which locks each thread holds.

    ``threads`` is the number of threads; ``beside`` tells that guests run on
    further PEs, ``is_table`` whether a page is or was part of a tree.
    """

    def __init__(
        self, threads: int, is_table: Callable[[int], bool], *, beside: bool = True
    ) -> None:
        self._is_table = is_table
        self._controlled: set[int] = set()  # threads with SCTLR_EL2 written
        self._translating: set[int] = set()  # threads with SCTLR_EL2.M set
        self._guests = [
            Guest(threads + n if beside else n, beside=beside) for n in range(threads)
        ]
        self._depth: list[dict[int, int]] = [{} for _ in range(threads)]

    def events(self, record: Record) -> Iterator[Event]:
        """Yield what a record does, in order."""
        kind, tid, origin = record.kind, record.tid, record.origin
        guest = self._guests[tid]
        yield from guest.hypervisor_entered(origin)
        if kind is Kind.TLBI:
            self.check_vmid(record)
        if kind in (Kind.LOCK, Kind.TRYLOCK, Kind.UNLOCK):
            yield from self._locking(record)
        elif record.event is not None:
            yield record.event
        elif kind is Kind.SYSREG_WRITE:
            yield from self._sysreg(record)
        elif kind is Kind.MEM_SET:
            yield from _set(record)
        elif kind is Kind.MEM_FREE:
            yield from self._free(record)
        elif kind is Kind.HINT and record.word == Hint.RELEASE.value:
            yield TableFree(tid, record.address & -_PAGE, origin=origin)

    def check_vmid(self, record: Record) -> None:
        """Refuse a TLBI whose VMID is not known."""
        everywhere = record.word.startswith("alle") or "e2" in record.word
        if self._guests[record.tid].vttbr is None and not everywhere:
            raise Unmodelled(f"TLBI {record.word.upper()} with VTTBR_EL2 never written")

    def has_vmid(self, thread: int) -> bool:
        """Tell whether the VMID of a thread is known."""
        return self._guests[thread].vttbr is not None

    def locked(self, record: Record) -> bool:
        """Let a thread take a lock; tells whether it did not hold it before."""
        held, lock = self._depth[record.tid], record.address
        depth = held.get(lock, 0)
        held[lock] = depth + 1
        return not depth

    def unlocked(self, record: Record) -> bool:
        """Let a thread release a lock; tells whether it holds it no more."""
        held, lock = self._depth[record.tid], record.address
        depth = held.pop(lock, 1)
        if depth > 1:
            held[lock] = depth - 1
        return depth <= 1

    def left(self, record: Record) -> Iterable[Event]:
        """Return what happens where a thread may have released its last lock."""
        guest = self._guests[record.tid]
        if self._depth[record.tid] or not guest.due:
            return ()
        return guest.hypervisor_left(record.origin)

    def _locking(self, record: Record) -> Iterator[Event]:
        assert record.event is not None
        if record.kind is not Kind.UNLOCK:
            if self.locked(record):
                yield record.event
        elif self.unlocked(record):
            yield record.event
            yield from self.left(record)

    def _sysreg(self, record: Record) -> Iterator[Event]:
        register, value = record.word.upper(), record.value
        if register == "VTCR_EL2":
            value = stage2_control(value)
        guest, tid, origin = self._guests[record.tid], record.tid, record.origin
        enabled = register == "SCTLR_EL2" and bool(value & 1)
        if enabled and tid not in self._translating:
            yield from self._switched_on(tid, value, origin)
        else:
            guest.write(register, value)
            yield Msr(tid, register, value, origin=origin)
        if register == "SCTLR_EL2":
            self._controlled.add(tid)
            if not enabled:
                self._translating.discard(tid)
        elif register == "TTBR0_EL2" and tid not in self._controlled:
            # EL2's translation was on before the log began.
            self._controlled.add(tid)
            value = DEFAULT_REGISTERS["SCTLR_EL2"]
            yield from self._switched_on(tid, value, origin)
        yield from self.left(record)

    def _switched_on(
        self, thread: int, value: int, origin: Origin | None
    ) -> Iterator[Event]:
        """Switch EL2's translation on, by registers that are in effect.

        Logs leave out the ISBs of a boot.
        """
        self._translating.add(thread)
        self._guests[thread].write("SCTLR_EL2", value)
        yield Isb(thread, origin=origin)
        yield Msr(thread, "SCTLR_EL2", value, origin=origin)
        yield Isb(thread, origin=origin)

    def _free(self, record: Record) -> Iterator[Event]:
        pa, size, origin = record.address, record.size, record.origin
        pages = range(pa & -_PAGE, pa + size, _PAGE)
        if any(map(self._is_table, pages)):
            yield TableFree(record.tid, pa, size, origin=origin)
        yield PageRelease(record.tid, pa, size, origin=origin)


def _set(record: Record) -> Iterator[Event]:
    if not record.value:
        yield Zero(record.tid, record.address, record.size, origin=record.origin)
        return
    for pa in range(record.address, record.address + record.size, 8):
        yield Store(record.tid, pa, record.value, origin=record.origin)
