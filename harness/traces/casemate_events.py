"""The records that are one event, or none if a lock is held already."""

from __future__ import annotations

from harness.traces.casemate_records import Kind, Record
from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Event,
    Isb,
    Lock,
    Store,
    Tlbi,
    Unlock,
)

__all__ = ["with_event"]


def with_event(record: Record) -> Record:
    """Return the record with its event, if it is just one."""
    if record.kind is Kind.MEM_WRITE:
        return record._replace(
            event=Store(
                record.tid,
                record.address,
                record.value,
                record.word == "release",
                origin=record.origin,
            )
        )
    if record.kind is Kind.BARRIER:
        return record._replace(event=_barrier(record))
    if record.kind is Kind.TLBI:
        name = record.word.upper()
        event = Tlbi(record.tid, name, record.value, origin=record.origin)
        return record._replace(event=event)
    if record.kind in (Kind.LOCK, Kind.TRYLOCK):
        lock = Lock(record.tid, hex(record.address), origin=record.origin)
        return record._replace(event=lock)
    if record.kind is Kind.UNLOCK:
        unlock = Unlock(record.tid, hex(record.address), origin=record.origin)
        return record._replace(event=unlock)
    return record


def _barrier(record: Record) -> Event:
    if record.word == "isb":
        return Isb(record.tid, origin=record.origin)
    kind, option = record.word.split(" ")
    access = Access.ALL
    for suffix in (Access.ST, Access.LD):
        if option.endswith(suffix.value):
            option, access = option.removesuffix(suffix.value), suffix
    domain = Domain(option or "sy")
    return Barrier(record.tid, BarrierKind(kind), domain, access, origin=record.origin)
