"""What differs between versions of Xen: where things lie and what they are called.

All of it is here.  A version is told by the files that it has, never by the
number that it states: distributions and branches carry changes over.  Of a
thing that was renamed, every name is listed; the first that a tree has counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TreeError

__all__ = [
    "ALLOC_TABLE",
    "CALLED",
    "CLEAR_ROOT",
    "CONSTANTS",
    "CREATION_FINISHED",
    "DYING",
    "ENTRY_POINTS",
    "FINAL_TEARDOWN",
    "FLUSH_ALL_GUESTS",
    "FLUSH_ALL_GUESTS_LOCAL",
    "FLUSH_VM",
    "FLUSH_XEN_LOCAL",
    "FLUSH_XEN_RANGE",
    "FLUSH_XEN_RANGE_LOCAL",
    "INVALIDATE_ROOT",
    "MEMBERS",
    "MEM_ACCESS_CONSTANTS",
    "OPTIONAL_MEMBERS",
    "POOL_MEMBERS",
    "RELINQUISH",
    "RESOLVE_FAULT",
    "SET_ALLOCATION",
    "SET_ENTRY",
    "SET_WAY",
    "TEARDOWN",
    "TEARDOWN_POOL",
    "TOGGLE_CACHE",
    "VERSIONS",
    "VMID_ALLOCATOR",
    "WRITE_LOCK",
    "WRITE_UNLOCK",
    "Version",
    "first_of",
    "version_of",
]


@dataclass(frozen=True, slots=True)
class Version:
    """One layout of the source tree."""

    name: str
    marks: tuple[str, ...]  # files that it has and the versions below do not
    sources: tuple[str, ...]  # the C files that are run, as one unit


# The first one whose marks are all there.
VERSIONS = (
    Version(
        "4.19 and later",
        ("xen/arch/arm/mmu/p2m.c",),
        ("xen/arch/arm/mmu/p2m.c", "xen/arch/arm/p2m.c"),
    ),
    Version("up to 4.18", ("xen/arch/arm/p2m.c",), ("xen/arch/arm/p2m.c",)),
)

# Functions that are called from outside the code under test.
ENTRY_POINTS = (
    "setup_virt_paging",
    "p2m_init",
    "p2m_save_state",
    "p2m_restore_state",
    "maddr_to_virt",
    "virt_to_page",
)

# Functions that not every version has.  What fills a domain's pool of table pages
# (from 4.17 on and with the backports of XSA-409; before, there is no pool).
SET_ALLOCATION = "p2m_set_allocation"

# What the boot code calls for the VMIDs; from 4.9 on setup_virt_paging() does so.
VMID_ALLOCATOR = "p2m_vmid_allocator_init"

# What changes a range of a p2m whose lock is held (from September 2016 on), and the
# lock; a version without is changed from outside (``physmap``).
SET_ENTRY = "p2m_set_entry"
WRITE_LOCK, WRITE_UNLOCK = "p2m_write_lock", "p2m_write_unlock"

# What makes the root of a new p2m, where p2m_init() does not (up to 4.7).
ALLOC_TABLE = "p2m_alloc_table"

# What clears the valid bits of the root, to see what a guest touches (from 4.12 on):
# called for a domain, else for a p2m.
CREATION_FINISHED = "p2m_domain_creation_finished"
INVALIDATE_ROOT = (CREATION_FINISHED, "p2m_invalidate_root")
RESOLVE_FAULT = "p2m_resolve_translation_fault"

# What handles cache maintenance of a guest by set and way (from 4.12 on).
SET_WAY = "p2m_set_way_flush"
TOGGLE_CACHE = "p2m_toggle_cache"
FLUSH_VM = "p2m_flush_vm"

# What destroys a domain's p2m, in this order.  The second is part of the third
# up to 4.17; the pool is there where SET_ALLOCATION is.
RELINQUISH = "relinquish_p2m_mapping"
CLEAR_ROOT = "p2m_clear_root_pages"
TEARDOWN = "p2m_teardown"
TEARDOWN_POOL = "p2m_teardown_allocation"
FINAL_TEARDOWN = "p2m_final_teardown"

# What flushes the TLBs of all guests, on every PE or on the one that calls.
FLUSH_ALL_GUESTS = "flush_all_guests_tlb"
FLUSH_ALL_GUESTS_LOCAL = "flush_all_guests_tlb_local"
# Those of the hypervisor's own translations; of a range by address and size.
FLUSH_XEN_LOCAL = "flush_xen_tlb_local"
FLUSH_XEN_RANGE = "flush_xen_tlb_range_va"
FLUSH_XEN_RANGE_LOCAL = "flush_xen_tlb_range_va_local"

# The enumerator that says so in domain.is_dying.
DYING = "DOMDYING_dying"

# All functions that a scenario may call, where a version has them.
CALLED = (
    *ENTRY_POINTS,
    SET_ALLOCATION,
    SET_ENTRY,
    "p2m_write_lock",
    "p2m_write_unlock",
    *INVALIDATE_ROOT,
    RESOLVE_FAULT,
    SET_WAY,
    TOGGLE_CACHE,
    FLUSH_VM,
    RELINQUISH,
    CLEAR_ROOT,
    TEARDOWN,
    TEARDOWN_POOL,
    FINAL_TEARDOWN,
    FLUSH_ALL_GUESTS,
    FLUSH_ALL_GUESTS_LOCAL,
    FLUSH_XEN_LOCAL,
    FLUSH_XEN_RANGE,
    FLUSH_XEN_RANGE_LOCAL,
)

# Enumerators, under each name in use.
CONSTANTS: dict[str, tuple[str, ...]] = {
    "p2m_invalid": ("p2m_invalid",),
    "p2m_ram_rw": ("p2m_ram_rw",),
    "p2m_ram_ro": ("p2m_ram_ro",),
    "p2m_map_foreign_rw": ("p2m_map_foreign_rw", "p2m_map_foreign"),
}

# The same of mem_access, which came with 4.6.
MEM_ACCESS_CONSTANTS: dict[str, tuple[str, ...]] = {
    "p2m_access_rwx": ("p2m_access_rwx",),
    "p2m_access_rx": ("p2m_access_rx",),
}

# Members shared with the code under test: (struct, path) under each name in use.
MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "domain_id": (("domain", "domain_id"),),
    "domain_p2m": (("domain", "arch.p2m"),),
    "domain_vttbr": (("domain", "arch.p2m.vttbr"), ("domain", "arch.vttbr")),
    "vcpu_id": (("vcpu", "vcpu_id"),),
    "vcpu_domain": (("vcpu", "domain"),),
    "vcpu_sctlr": (("vcpu", "arch.sctlr"),),
    "p2m_lock": (("p2m_domain", "lock"),),
    "page_list": (("page_info", "list"),),
    "page_next": (("page_info", "list.next"),),
    "page_owner": (("page_info", "v.inuse.domain"),),
}

# Members that a version may be without.
OPTIONAL_MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "domain_dying": (("domain", "is_dying"),),
    "vcpu_cpu_info": (("vcpu", "arch.cpu_info"),),
    "cpu_info_cpsr": (("cpu_info", "guest_cpu_user_regs.cpsr"),),
    "domain_type": (("domain", "arch.type"),),
    "p2m_mem_access": (("p2m_domain", "mem_access_enabled"),),  # from 4.6 on
    "vcpu_hcr": (("vcpu", "arch.hcr_el2"),),  # from 4.9 on
}

# Those of a pool of table pages; only with SET_ALLOCATION.
POOL_MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
    "domain_pool_lock": (("domain", "arch.paging.lock"),),
    "domain_pool": (("domain", "arch.paging.p2m_freelist"),),
    "domain_pool_size": (("domain", "arch.paging.p2m_total_pages"),),
}


def version_of(root: Path) -> Version:
    """Return the version of the tree at ``root``, or say what it does not have."""
    for version in VERSIONS:
        if all((root / mark).is_file() for mark in version.marks):
            return version
    looked_for = ", no ".join(f"'{v.marks[0]}'" for v in VERSIONS)
    raise TreeError(
        f"no {looked_for} in the tree: this is not a version of Xen's arm64 p2m "
        "that the harness knows"
    )


def first_of(names: Iterable[str], present: Collection[str]) -> str | None:
    """Return the first of several names that a tree has."""
    return next((name for name in names if name in present), None)
