"""Sizes and offsets of what the target shares with the code under test.

Only entry points, types and their members are known by name (``versions``).
What a tree does not have is a TreeError that says what was looked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import TreeError
from harness.ir.layout import Place, offset_of, size_of
from harness.ir.nodes import Unit
from harness.ir.types import Record
from harness.targets.page_pool import PagePools
from harness.targets.physmap import ADD_ENTRY, REMOVE_PAGE
from harness.targets.versions import (
    CONSTANTS,
    DYING,
    ENTRY_POINTS,
    MEM_ACCESS_CONSTANTS,
    MEMBERS,
    OPTIONAL_MEMBERS,
    POOL_MEMBERS,
    SET_ALLOCATION,
    SET_ENTRY,
    WRITE_LOCK,
    WRITE_UNLOCK,
    first_of,
)

__all__ = ["Names", "locate"]


@dataclass(frozen=True, slots=True)
class Names:
    """Sizes and byte offsets of the types shared with the code under test."""

    pointer: int  # size of a pointer, and of an unsigned long
    domain_size: int
    domain_id: int
    domain_p2m: int  # domain.arch.p2m
    domain_dying: int | None  # domain.is_dying
    domain_vttbr: int  # the value for VTTBR_EL2
    domain_type: int | None  # domain.arch.type, 64-bit or 32-bit
    vcpu_size: int
    vcpu_id: int
    vcpu_id_size: int
    vcpu_domain: int
    vcpu_cpu_info: int | None  # vcpu.arch.cpu_info
    vcpu_hcr: int | None  # vcpu.arch.hcr_el2
    vcpu_sctlr: int  # vcpu.arch.sctlr
    sctlr_size: int
    cpu_info_cpsr: int | None  # cpu_info.guest_cpu_user_regs.cpsr
    p2m_lock: int
    p2m_mem_access: int | None  # p2m_domain.mem_access_enabled
    page_size: int  # of struct page_info
    page_list: int  # page_info.list
    page_owner: int  # page_info.v.inuse.domain
    list_next: int  # list_head.next
    pools: PagePools | None
    constants: dict[str, int]
    dying: int  # what domain.is_dying is set to


def locate(unit: Unit) -> Names:
    """Find every name in ``unit``; TreeError names the first one missing."""
    changes: tuple[str, ...] = (SET_ENTRY, WRITE_LOCK, WRITE_UNLOCK)
    old = ADD_ENTRY in unit.functions and SET_ALLOCATION not in unit.functions
    if old and SET_ENTRY not in unit.functions:
        changes = (ADD_ENTRY, REMOVE_PAGE)
    for function in (*ENTRY_POINTS, *changes):
        if function not in unit.functions:
            raise TreeError(
                f"no function '{function}' in {unit.file}: this is not a version "
                "of Xen's arm64 p2m that the harness knows"
            )
    constants = _constants(unit, CONSTANTS)
    mem_access = _optional(unit, "p2m_mem_access")
    if mem_access is not None:
        constants |= _constants(unit, MEM_ACCESS_CONSTANTS)
    places = _places(unit, MEMBERS)
    at = {name: place.offset for name, place in places.items()}
    return Names(
        pointer=unit.model.pointer_size,
        domain_size=size_of(_record(unit, "domain")),
        domain_id=at["domain_id"],
        domain_p2m=at["domain_p2m"],
        domain_dying=_optional(unit, "domain_dying"),
        domain_vttbr=at["domain_vttbr"],
        domain_type=_optional(unit, "domain_type"),
        vcpu_size=size_of(_record(unit, "vcpu")),
        vcpu_id=at["vcpu_id"],
        vcpu_id_size=size_of(places["vcpu_id"].type),
        vcpu_domain=at["vcpu_domain"],
        vcpu_cpu_info=_optional(unit, "vcpu_cpu_info"),
        vcpu_hcr=_optional(unit, "vcpu_hcr"),
        vcpu_sctlr=at["vcpu_sctlr"],
        sctlr_size=size_of(places["vcpu_sctlr"].type),
        cpu_info_cpsr=_optional(unit, "cpu_info_cpsr"),
        p2m_lock=at["p2m_lock"],
        p2m_mem_access=mem_access,
        page_size=size_of(_record(unit, "page_info")),
        page_list=at["page_list"],
        page_owner=at["page_owner"],
        list_next=at["page_next"] - at["page_list"],
        pools=_pools(unit),
        constants=constants,
        dying=unit.constants.get(DYING, 1),
    )


def _pools(unit: Unit) -> PagePools | None:
    if SET_ALLOCATION not in unit.functions:
        return None
    at = _places(unit, POOL_MEMBERS)
    return PagePools(
        at["domain_pool_lock"].offset,
        at["domain_pool"].offset,
        at["domain_pool_size"].offset,
    )


def _constants(unit: Unit, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    found = {}
    for name, aliases in wanted.items():
        alias = first_of(aliases, unit.constants)
        if alias is None:
            raise TreeError(f"no enumerator '{name}' in {unit.file}")
        found[name] = unit.constants[alias]
    return found


def _optional(unit: Unit, name: str) -> int | None:
    """Find a member that not every version has."""
    try:
        return _place(unit, name, OPTIONAL_MEMBERS[name]).offset
    except TreeError:
        return None


def _places(
    unit: Unit, wanted: Mapping[str, tuple[tuple[str, str], ...]]
) -> dict[str, Place]:
    return {name: _place(unit, name, aliases) for name, aliases in wanted.items()}


def _place(unit: Unit, name: str, aliases: tuple[tuple[str, str], ...]) -> Place:
    """Find a member under the first of its names that the tree knows."""
    problem: TreeError | None = None
    for tag, path in aliases:
        try:
            return offset_of(_record(unit, tag), path)
        except TreeError as missing:
            problem = problem or missing
    raise problem or TreeError(f"no name is known for '{name}'")


def _record(unit: Unit, tag: str) -> Record:
    record = unit.records.get(f"struct {tag}")
    if not isinstance(record, Record) or record.size is None:
        raise TreeError(f"no 'struct {tag}' in {unit.file}")
    return record
