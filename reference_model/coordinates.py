"""Where in the kernel source an event comes from."""

from typing import NamedTuple

__all__ = ["Coord", "Frame", "Origin"]


class Coord(NamedTuple):
    """A place in a source file; lines and columns count from 1, 0 = unknown."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Frame(NamedTuple):
    """One call on the stack: the function entered and where it was called."""

    function: str
    call: Coord


class Origin(NamedTuple):
    """Source of an event: innermost place first, then the calls around it.

    ``function`` holds the place; ``stack`` runs from the innermost call
    outwards; ``in_patch`` tells whether the patch under test touched the line.
    """

    coord: Coord
    function: str = ""
    stack: tuple[Frame, ...] = ()
    in_patch: bool = False
