"""The names of Xen's arm64 p2m that the target relies on, and where they lie.

Only entry points, types and their members are known by name.  What a tree
does not have is a TreeError that says what was looked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import TreeError
from harness.ir.layout import offset_of, size_of
from harness.ir.nodes import Unit
from harness.ir.types import CType, Record

__all__ = ["ENTRY_POINTS", "Names", "locate"]

ENTRY_POINTS = (
    "setup_virt_paging",
    "p2m_init",
    "p2m_set_allocation",
    "p2m_set_entry",
    "p2m_write_lock",
    "p2m_write_unlock",
    "p2m_save_state",
    "p2m_restore_state",
    "maddr_to_virt",
    "virt_to_page",
)

CONSTANTS = (
    "p2m_invalid",
    "p2m_ram_rw",
    "p2m_ram_ro",
    "p2m_map_foreign_rw",
    "p2m_access_rwx",
    "p2m_access_rx",
)


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
    domain, vcpu = _record(unit, "domain"), _record(unit, "vcpu")
    p2m, page = _record(unit, "p2m_domain"), _record(unit, "page_info")
    identity = offset_of(vcpu, "vcpu_id")
    return Names(
        domain_size=size_of(domain),
        domain_id=_offset(domain, "domain_id"),
        domain_p2m=_offset(domain, "arch.p2m"),
        domain_pool_lock=_offset(domain, "arch.paging.lock"),
        domain_pool=_offset(domain, "arch.paging.p2m_freelist"),
        domain_pool_size=_offset(domain, "arch.paging.p2m_total_pages"),
        vcpu_size=size_of(vcpu),
        vcpu_id=identity.offset,
        vcpu_id_size=size_of(identity.type),
        vcpu_domain=_offset(vcpu, "domain"),
        vcpu_hcr=_offset(vcpu, "arch.hcr_el2"),
        vcpu_sctlr=_offset(vcpu, "arch.sctlr"),
        p2m_lock=_offset(p2m, "lock"),
        p2m_vttbr=_offset(p2m, "vttbr"),
        p2m_mem_access=_offset(p2m, "mem_access_enabled"),
        page_size=size_of(page),
        page_list=_offset(page, "list"),
        page_owner=_offset(page, "v.inuse.domain"),
        list_next=_offset(_type(offset_of(page, "list").type), "next"),
        constants={name: unit.constants[name] for name in CONSTANTS},
    )


def _record(unit: Unit, tag: str) -> Record:
    record = unit.records.get(f"struct {tag}")
    if not isinstance(record, Record) or record.size is None:
        raise TreeError(f"no 'struct {tag}' in {unit.file}")
    return record


def _type(ctype: CType) -> Record:
    if not isinstance(ctype, Record):
        raise TreeError(f"'{ctype}' is not the list link that the harness knows")
    return ctype


def _offset(record: Record, path: str) -> int:
    return offset_of(record, path).offset
