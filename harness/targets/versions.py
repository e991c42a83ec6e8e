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
    "CONSTANTS",
    "CREATION_FINISHED",
    "ENTRY_POINTS",
    "INVALIDATE_ROOT",
    "MEMBERS",
    "MEM_ACCESS_CONSTANTS",
    "OPTIONAL_MEMBERS",
    "POOL_MEMBERS",
    "RESOLVE_FAULT",
    "SET_ALLOCATION",
    "SET_ENTRY",
    "VERSIONS",
    "VMID_ALLOCATOR",
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
        "4.18 and later",
        ("xen/arch/arm/mmu/p2m.c",),
        ("xen/arch/arm/mmu/p2m.c", "xen/arch/arm/p2m.c"),
    ),
    Version("up to 4.17", ("xen/arch/arm/p2m.c",), ("xen/arch/arm/p2m.c",)),
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

# What changes a range of a p2m whose lock is held (from September 2016 on).
SET_ENTRY = "p2m_set_entry"

# What clears the valid bits of the root,
# to see what a guest touches (from 4.12 on): called for a domain, else for a p2m.
CREATION_FINISHED = "p2m_domain_creation_finished"
INVALIDATE_ROOT = (CREATION_FINISHED, "p2m_invalidate_root")
RESOLVE_FAULT = "p2m_resolve_translation_fault"

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
    "vcpu_id": (("vcpu", "vcpu_id"),),
    "vcpu_domain": (("vcpu", "domain"),),
    "vcpu_sctlr": (("vcpu", "arch.sctlr"),),
    "p2m_lock": (("p2m_domain", "lock"),),
    "p2m_vttbr": (("p2m_domain", "vttbr"),),
    "page_list": (("page_info", "list"),),
    "page_next": (("page_info", "list.next"),),
    "page_owner": (("page_info", "v.inuse.domain"),),
}

# Members that a version may be without.
OPTIONAL_MEMBERS: dict[str, tuple[tuple[str, str], ...]] = {
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
