"""Changes of a domain's memory by the functions that hypercalls end in.

Up to September 2016 nothing below them takes a range and a type; later they
call ``p2m_set_entry()``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.errors import TreeError
from harness.targets.physical import PAGE_SHIFT, frame
from harness.targets.stage2 import Mapping

if TYPE_CHECKING:
    from harness.targets.world import World

__all__ = ["ADD_ENTRY", "REMOVE_PAGE", "SET_MEM_ACCESS", "add", "remove", "restrict"]

ADD_ENTRY = "guest_physmap_add_entry"
REMOVE_PAGE = "guest_physmap_remove_page"
SET_MEM_ACCESS = "p2m_set_mem_access"
_RX = "XENMEM_access_rx"
_EVERY_BIT = 0xFFFF_FFFF


def add(world: World, pe: int, domain: str, new: Mapping, kind: str) -> int:
    """Map a range of 2^n pages; returns 0 or an error."""
    return world.call(
        pe,
        ADD_ENTRY,
        world.domains[domain].address,
        frame(new.ipa),
        frame(new.pa),
        _order(new.size),
        world.names.constants[kind],
    )


def remove(world: World, pe: int, domain: str, ipa: int, size: int) -> int:
    """Unmap a range of 2^n pages; returns 0 or an error.

    Up to 4.8 it returns nothing: then its caller frees the pages, and they must
    not be mapped any more (XSA-222).
    """
    mfn = _mapped_to(world.expected[domain], ipa, size)
    address = world.domains[domain].address
    return world.call(pe, REMOVE_PAGE, address, frame(ipa), mfn, _order(size))


def restrict(world: World, pe: int, domain: str, ipa: int) -> int:
    """Make a page read-only by mem_access, as its listener would."""
    unit = world.execution.unit
    arguments = (
        world.domains[domain].address,
        frame(ipa),
        1,  # page
        0,  # from the first one
        _EVERY_BIT,  # where to look whether to go on later
        unit.constants[_RX],
        0,  # altp2m
    )
    function = unit.functions.get(SET_MEM_ACCESS)
    if function is None:
        raise TreeError(f"no function '{SET_MEM_ACCESS}' in {unit.file}")
    return world.call(pe, SET_MEM_ACCESS, *arguments[: len(function.parameters)])


def _mapped_to(mappings: Iterable[Mapping], ipa: int, size: int) -> int:
    """Return the frame that the caller believes the range to be mapped to."""
    for here in mappings:
        if here.ipa < ipa + size and ipa < here.ipa + here.size:
            return frame(here.pa + ipa - here.ipa)
    return 0


def _order(size: int) -> int:
    pages = size >> PAGE_SHIFT
    if pages & (pages - 1):
        raise TreeError(f"{pages} pages are no power of two")
    return pages.bit_length() - 1
