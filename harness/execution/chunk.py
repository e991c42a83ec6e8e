"""Pieces of simulated memory: regions, their chunks, watches and windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "CONSTANT",
    "ENDED",
    "FRAME",
    "FULL",
    "OFFSET",
    "PAGE",
    "SHIFT",
    "Chunk",
    "OnRead",
    "OnStore",
    "Region",
    "Watch",
    "Window",
    "define",
    "full",
    "room",
]

PAGE = 4096
SHIFT = 12
OFFSET = PAGE - 1

FULL = {n: b"\xff" * n for n in range(17)}

OnStore = Callable[[int, int], None]  # (physical address, size)
OnRead = Callable[[str, int, int, int, int], None]


@dataclass(slots=True, eq=False)
class Region:
    """One object of the simulated program.

    ``kind`` is "global", "frame", "object", "physical" or "extern" (a variable
    whose size or value the unit under test does not know).
    """

    base: int
    size: int
    name: str
    kind: str
    readonly: bool = False
    freed: bool = False


FRAME = Region(0, 0, "variable on the stack", "frame")
CONSTANT = Region(0, 0, "constant on the stack", "frame", readonly=True)


class Chunk:
    """The content of one page, or of the part of it that a region covers.

    ``init`` has a mask of initialised bits for each byte; None means all are.
    ``plain`` is False when accesses need a second look (watched, poisoned,
    physical, read-only), ``readable`` when loads do (watched, poisoned);
    ``pa`` is the physical address of byte 0 or -1.
    """

    __slots__ = (
        "data",
        "init",
        "pa",
        "plain",
        "poison",
        "readable",
        "region",
        "watches",
    )

    def __init__(self, region: Region, size: int, zero: bool, pa: int = -1) -> None:
        self.data = bytearray(size)
        self.init: bytearray | None = None if zero else bytearray(size)
        self.region = region
        self.pa = pa
        self.plain = pa < 0 and not region.readonly
        self.readable = True
        self.poison: list[tuple[int, int]] = []
        self.watches: list[Watch] = []


ENDED = Chunk(FRAME, 0, True)  # in place of variables whose life has ended


@dataclass(frozen=True, slots=True)
class Watch:
    """A range whose reads are reported."""

    start: int
    end: int
    name: str
    report: OnRead


@dataclass(frozen=True, slots=True)
class Window:
    """Physical memory from ``pa`` on seen at virtual address ``va``."""

    va: int
    pa: int
    size: int
    region: Region
    zero: bool
    on_store: OnStore | None


def room(chunk: Chunk, address: int, size: int) -> int:
    return min(size, len(chunk.data) - (address & OFFSET))


def full(count: int) -> bytes:
    known = FULL.get(count)
    return b"\xff" * count if known is None else known


def define(chunk: Chunk, offset: int, count: int) -> None:
    if count == len(chunk.data):
        chunk.init = None
    elif chunk.init is not None:
        chunk.init[offset : offset + count] = full(count)
