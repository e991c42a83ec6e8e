"""The translation tables of a log: which page is a table of which tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["PAGE", "Place", "Trees", "is_table", "table_address"]

PAGE = 4096
_OUTPUT = 0x0000_FFFF_FFFF_F000
_LAST_LEVEL = 3


class Place(NamedTuple):
    """What a table page is: part of the tree of ``root``, at ``level``."""

    stage: int
    root: int
    level: int


def is_table(value: int, level: int) -> bool:
    """Tell whether a descriptor names a table."""
    return level < _LAST_LEVEL and value & 3 == 3


def table_address(value: int) -> int:
    """Return the table that a descriptor names."""
    return value & _OUTPUT


class Trees:
    """The words stored so far, and the pages that are tables.

    ``broken`` holds, by the place of its descriptor, the table that was there
    until the descriptor was made invalid; ``detached`` are these tables.
    """

    def __init__(self) -> None:
        self._words: dict[int, dict[int, int]] = {}
        self.places: dict[int, Place] = {}
        self.broken: dict[int, int] = {}
        self.detached: set[int] = set()

    def read(self, pa: int) -> int:
        """Return the word at an address."""
        page = self._words.get(pa & -PAGE)
        return page.get(pa, 0) if page else 0

    def write(self, pa: int, value: int) -> int:
        """Store a word; returns the one before."""
        page = self._words.get(pa & -PAGE)
        if page is None:
            page = self._words[pa & -PAGE] = {}
        old = page.get(pa, 0)
        page[pa] = value
        return old

    def used(self, page: int) -> bool:
        """Tell whether a page is a table or holds anything."""
        return page in self.places or any(self._words.get(page, {}).values())

    def forget(self, page: int) -> None:
        """Drop the words of a page."""
        self._words.pop(page, None)

    def adopt(self, page: int, place: Place) -> Iterator[int]:
        """Make a page, and all below it, tables; yields those that are already."""
        waiting = [(page, place)]
        while waiting:
            page, place = waiting.pop()
            if page in self.places:
                yield page
                continue
            self.places[page] = place
            waiting.extend(
                (child, place._replace(level=place.level + 1))
                for child in self._children(page, place.level)
            )

    def abandon(self, page: int) -> None:
        """Let a page, and all below it, be tables no more."""
        waiting = [page]
        while waiting:
            page = waiting.pop()
            place = self.places.pop(page, None)
            if place is not None:
                waiting.extend(self._children(page, place.level))

    def _children(self, page: int, level: int) -> list[int]:
        words = self._words.get(page, {})
        return [table_address(v) for v in words.values() if is_table(v, level)]
