"""Address arithmetic of the 4 KiB granule: levels, pages, table indices."""

__all__ = [
    "DESCRIPTOR_BYTES",
    "ENTRIES",
    "LAST_LEVEL",
    "PAGE_BYTES",
    "index",
    "level_bytes",
    "page_of",
]

PAGE_BYTES = 4096
DESCRIPTOR_BYTES = 8
ENTRIES = PAGE_BYTES // DESCRIPTOR_BYTES  # descriptors in a table page
LAST_LEVEL = 3

_LEVEL_SHIFT = (39, 30, 21, 12)


def level_bytes(level: int) -> int:
    """Return the bytes that one descriptor of ``level`` (0-3) maps."""
    return 1 << _LEVEL_SHIFT[level]


def index(address: int, level: int) -> int:
    """Return the index of ``address`` in a table of ``level``."""
    return (address >> _LEVEL_SHIFT[level]) & (ENTRIES - 1)


def page_of(address: int) -> int:
    """Return the base of the page that holds ``address``."""
    return address & -PAGE_BYTES
