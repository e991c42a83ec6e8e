"""A casemate log on the reference machine, with the discipline beside it.

An unlock ends a change: what the tables took away must be out of every TLB.
Another thread may do that for the one that unlocks, if it is the next to hold
the lock: so a lock released too early counts when its thread goes on, taking a
lock or invalidating, when the next holder releases it, or at the end.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.traces.casemate_import import CasemateImport, start_of
from harness.traces.casemate_records import Kind, Record
from harness.traces.discipline.breach import Breach
from harness.traces.discipline.monitor import Monitor
from reference_model.assumptions import Assumptions
from reference_model.coordinates import Origin
from reference_model.events import Event, Release
from reference_model.machine import Machine
from reference_model.profiles import Profile
from reference_model.violations import Property, Violation

__all__ = ["CasemateRun"]

_TAKES = (Kind.LOCK, Kind.TRYLOCK)
_WRITE, _BARRIER, _TLBI, _UNLOCK = Kind.MEM_WRITE, Kind.BARRIER, Kind.TLBI, Kind.UNLOCK


class CasemateRun:
    """Takes the records of a log one by one.

    ``threads`` is the number of threads of the log.  Each violation is given
    to ``found``, and not kept; each event of the machine is given to ``taken``.
    """

    def __init__(
        self,
        profile: Profile,
        assumptions: Assumptions,
        threads: int,
        found: Callable[[Violation], None],
        taken: Callable[[Event], None] | None = None,
    ) -> None:
        beside = not assumptions.single_pe
        self.start = start_of(threads, beside=beside)
        self.machine = Machine(profile, self.start, assumptions)
        self._monitor = Monitor(self._walked)
        is_table = self._monitor.is_table
        self._beside = beside
        self._import = CasemateImport(threads, is_table, beside=beside)
        self._found = found
        self._taken = taken
        self._known: set[int] = set()  # threads whose VMID is
        self._early: dict[int, tuple[int, Origin | None]] = {}  # lock -> thread
        self._told: set[int] = set()  # roots, until a TLBI

    @property
    def breaches(self) -> list[Breach]:
        """Return the breaches of the discipline so far."""
        return self._monitor.breaches

    def take(self, record: Record) -> None:
        """Take one record; raises Unmodelled."""
        monitor, event, kind = self._monitor, record.event, record.kind
        monitor.number += 1
        if event is None or not self._beside:
            self._others(record)
            monitor.take(record)
        elif kind is _WRITE:
            self._step(event)
            monitor.write(record, record.address, record.value)
        elif kind is _BARRIER:
            self._step(event)
            if monitor.identifiers.issued:
                monitor.take(record)
        elif kind is _TLBI:
            self._tlbi(record, event)
            monitor.take(record)
        else:
            self._locking(record, event)

    def finish(self) -> None:
        """Note the end of the log."""
        for lock in list(self._early):
            self._judge(lock)

    def _tlbi(self, record: Record, event: Event) -> None:
        if self._early or self._told:
            self._others(record)
            return
        if record.tid not in self._known:
            self._import.check_vmid(record)
            if self._import.has_vmid(record.tid):
                self._known.add(record.tid)
        self._step(event)

    def _locking(self, record: Record, event: Event) -> None:
        if record.kind is _UNLOCK:
            self._unlock(record)
            if self._import.unlocked(record):
                self._step(event)
                for following in self._import.left(record):
                    self._step(following)
        else:
            if self._early:
                self._going_on(record)
            if self._import.locked(record):
                self._step(event)
        self._monitor.lock(record)

    def _going_on(self, record: Record) -> None:
        """Judge what a thread released too early, for it goes on."""
        for lock, (thread, _) in list(self._early.items()):
            if thread == record.tid:
                self._judge(lock)

    def _others(self, record: Record) -> None:
        if record.kind is Kind.TLBI:
            self._told.clear()
        if record.kind is Kind.TLBI or record.kind in _TAKES:
            self._going_on(record)
        if record.kind is Kind.UNLOCK:
            self._unlock(record)
        for event in self._import.events(record):
            self._step(event)

    def _step(self, event: Event) -> None:
        if self._taken is not None:
            self._taken(event)
        machine = self.machine
        machine.step(event)
        if machine.violations:
            self._report()

    def _report(self, only: list[int] | None = None) -> None:
        for violation in self.machine.violations:
            if only is None or _root_of(violation) in only:
                self._found(violation)
        self.machine.violations.clear()

    # -------------------------------------------------------- release points

    def _unlock(self, record: Record) -> None:
        lock = record.address
        if lock in self._early:
            self._judge(lock)
        elif self._stale(lock):
            self._early[lock] = (record.tid, record.origin)

    def _judge(self, lock: int) -> None:
        """Rely on the change that was made under a lock."""
        thread, origin = self._early.pop(lock)
        stale = self._stale(lock)
        if not stale:
            return
        self._told.update(stale)
        event = Release(thread, f"lock {lock:#x} released", origin=origin)
        if self._taken is not None:
            self._taken(event)
        self.machine.step(event)
        self._report(stale)

    def _stale(self, lock: int) -> list[int]:
        """List the roots under a lock of which a TLB may hold too much."""
        roots = self._monitor.locks.roots(lock)
        if self._told:
            roots = [root for root in roots if root not in self._told]
        if not roots:
            return []
        oracle = self.machine.oracle
        found = oracle.stale_grants(self.machine.index)
        if not found:
            return []
        held = set(map(_root_of, found))
        return [root for root in roots if root in held]

    def _walked(self, page: int) -> bool:
        machine = self.machine
        found = machine.oracle.walked([page], machine.index, machine.now)
        return any(violation.reason != "linked" for violation in found)


def _root_of(violation: Violation) -> int:
    if violation.link is None or violation.broken is not Property.O1:
        return -1
    return violation.link.table.root.address
