"""TLB maintenance by concrete addresses: which entries an operation removes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reference_model.exploration.held import GRANULE, Held, HeldKind, covers
from reference_model.operands import Reading, Target, target_of
from reference_model.operations import By, Operation, Scope
from reference_model.profiles import Profile
from reference_model.tlbi import decode_operation
from reference_model.unmodelled import Unmodelled

__all__ = ["Maintenance", "Readings", "issue", "removed"]


class Readings(NamedTuple):
    """The named assumptions that say what an operation removes."""

    any_tlbi_removes_copies: bool = True
    asid_removes_tables: bool = False


class Maintenance(NamedTuple):
    """One TLBI as issued: by instruction ``place`` of ``pe``, for ``vmids``."""

    pe: int
    place: int
    operation: Operation
    target: Target | None
    vmids: frozenset[int]
    broadcast: bool
    readings: Readings


def issue(
    pe: int,
    place: int,
    name: str,
    operand: int,
    vmids: frozenset[int],
    profile: Profile,
    readings: Readings,
    *,
    force_broadcast: bool,
) -> Maintenance:
    """Decode a TLBI where it is executed."""
    operation = decode_operation(name)
    if operation.clean or operation.nxs:
        raise Unmodelled(f"TLBI {name} in an exploration")
    reading = Reading(GRANULE, ttl=profile.ttl, ranges=profile.tlb_range)
    target = target_of(operation, operand, reading)
    broadcast = operation.scope is not Scope.LOCAL or force_broadcast
    return Maintenance(pe, place, operation, target, vmids, broadcast, readings)


def removed(op: Maintenance, entries: Iterable[Held]) -> list[Held]:
    """List what an operation must remove of the entries that a PE may hold.

    What it may remove besides (R_MMZTY) is never counted on.
    """
    found = [entry for entry in entries if _removes(op, entry)]
    hint = None if op.target is None else op.target.level
    if hint is not None and any(entry.leaf and entry.level != hint for entry in found):
        # R_SQXYZ: with a wrong hint nothing need go, walk caches included.
        return [e for e in found if e.kind in _COPIES]
    return found


_COPIES = (HeldKind.DESC1, HeldKind.DESC2)


def _removes(op: Maintenance, entry: Held) -> bool:
    operation, target = op.operation, op.target
    if operation.el2 != entry.el2:
        return False
    if target is not None and target.refused:
        return False
    if (
        not operation.el2
        and operation.by is not By.EVERYTHING
        # Under an ambiguous VMID only what every reading removes goes (M4).
        and op.vmids != {entry.vmid}
    ):
        return False
    if entry.kind in _COPIES:
        return _removes_copy(op, entry)
    if not operation.el2:
        # R_TVTYQ, R_LGSCG, R_GNJPZ
        if entry.stage1 and not operation.stage1:
            return False
        if not entry.stage1 and not operation.stage2:
            return False
    if operation.last_level and not entry.leaf:
        return False
    return target is None or _selected(op, target, entry)


def _removes_copy(op: Maintenance, entry: Held) -> bool:
    """R_TJQVP: any operation that applies to the PE in the context of the copy."""
    operation, target = op.operation, op.target
    if not op.readings.any_tlbi_removes_copies and not operation.el2:
        stage = operation.stage1 if entry.stage1 else operation.stage2
        if not stage:
            return False
    asid = None if target is None else target.asid
    return entry.asid is None or asid is None or operation.el2 or asid == entry.asid


def _selected(op: Maintenance, target: Target, entry: Held) -> bool:
    operation = op.operation
    if operation.by is By.ADDRESS_SPACE:
        # Non-global leaves; that it reaches walk caches is not promised.
        reached = entry.leaf or op.readings.asid_removes_tables
        return reached and entry.asid == target.asid
    by_asid = target.asid is not None and not operation.el2
    if by_asid and entry.asid not in (None, target.asid):
        return False
    return covers(entry, target.start, target.end)
