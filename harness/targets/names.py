"""Sizes and offsets of what the target shares with the code under test.

Only entry points, types and their members are known by name (``versions``).
What a tree does not have is a TreeError that says what was looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import TreeError
from harness.ir.layout import Place, offset_of, size_of
from harness.ir.nodes import Unit
from harness.ir.types import Record
from harness.targets.versions import CONSTANTS, ENTRY_POINTS, MEMBERS

__all__ = ["Names", "locate"]


@dataclass(frozen=True, slots=True)
class Names:
    """Sizes and byte offsets of the types shared with the code under test."""

    domain_size: int
    domain_id: int
    domain_p2m: int  # domain.arch.p2m
    domain_pool_lock: int  # domain.arch.paging.lock
    domain_pool: int  # domain.arch.paging.p2m_freelist
    domain_pool_size: int  # domain.arch.paging.p2m_total_pages
    vcpu_size: int
    vcpu_id: int
    vcpu_id_size: int
    vcpu_domain: int
    vcpu_hcr: int  # vcpu.arch.hcr_el2
    vcpu_sctlr: int  # vcpu.arch.sctlr
    p2m_lock: int
    p2m_vttbr: int
    p2m_mem_access: int  # p2m_domain.mem_access_enabled
    page_size: int  # of struct page_info
    page_list: int  # page_info.list
    page_owner: int  # page_info.v.inuse.domain
    list_next: int  # list_head.next
    constants: dict[str, int]


def locate(unit: Unit) -> Names:
    """Find every name in ``unit``; TreeError names the first one missing."""
    for function in ENTRY_POINTS:
        if function not in unit.functions:
            raise TreeError(
                f"no function '{function}' in {unit.file}: this is not a version "
                "of Xen's arm64 p2m that the harness knows"
            )
    for constant in CONSTANTS:
        if constant not in unit.constants:
            raise TreeError(f"no enumerator '{constant}' in {unit.file}")
    places = {name: _place(unit, name) for name in MEMBERS}
    at = {name: place.offset for name, place in places.items()}
    return Names(
        domain_size=size_of(_record(unit, "domain")),
        domain_id=at["domain_id"],
        domain_p2m=at["domain_p2m"],
        domain_pool_lock=at["domain_pool_lock"],
        domain_pool=at["domain_pool"],
        domain_pool_size=at["domain_pool_size"],
        vcpu_size=size_of(_record(unit, "vcpu")),
        vcpu_id=at["vcpu_id"],
        vcpu_id_size=size_of(places["vcpu_id"].type),
        vcpu_domain=at["vcpu_domain"],
        vcpu_hcr=at["vcpu_hcr"],
        vcpu_sctlr=at["vcpu_sctlr"],
        p2m_lock=at["p2m_lock"],
        p2m_vttbr=at["p2m_vttbr"],
        p2m_mem_access=at["p2m_mem_access"],
        page_size=size_of(_record(unit, "page_info")),
        page_list=at["page_list"],
        page_owner=at["page_owner"],
        list_next=at["page_next"] - at["page_list"],
        constants={name: unit.constants[name] for name in CONSTANTS},
    )


def _place(unit: Unit, name: str) -> Place:
    """Find a member under the first of its names that the tree knows."""
    problem: TreeError | None = None
    for tag, path in MEMBERS[name]:
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
