"""What the model of one-stage walks knows: stores, entries, TLBIs in flight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

SHIFT = {2: 21, 3: 12}
OUTPUT = 0x0000_FFFF_FFFF_F000
CONTIGUOUS, NOT_GLOBAL, AF = 1 << 52, 1 << 11, 1 << 10
GROUP = 16
SLOTS = (0, 1, 7)  # the used slots of a table, and one that is never used


class Read(NamedTuple):
    """A value read in a walk: the location, and the number of the store."""

    pa: int
    store: int


class Context(NamedTuple):
    """What a walk starts from; no ASID or VMID but ``asid``."""

    asid: int | None
    root: int


class Held(NamedTuple):
    """An entry for the place of ``slot``, made of the descriptors in ``chain``."""

    kind: str
    asid: int | None
    root: int
    chain: tuple[Read, ...]
    slot: int


class Leaf(NamedTuple):
    """What a leaf says."""

    address: int
    level: int
    output: int
    attributes: int
    read: bool
    write: bool
    global_: bool
    contiguous: bool


class State(NamedTuple):
    """One way in which the TLB of a walker can be now."""

    entries: frozenset[Held]
    happened: frozenset[Flight]


@dataclass(eq=False)
class Flight:
    """A TLBI, and on which walkers it is complete."""

    op: str
    address: int
    asid: int
    pe: int
    scope: frozenset[int]
    stores: int
    done: set[int] = field(default_factory=set)


@dataclass
class Made:
    """A store; ``before`` are those that coherent walks must see before it."""

    pa: int
    value: int
    before: frozenset[int]
    retired: set[int] = field(default_factory=set)
    cleaning: set[int] = field(default_factory=set)
    cleaned: bool = False


class World(NamedTuple):
    """What the model is of; ``stage2`` or an EL2 regime, with ASIDs or without.

    ``inner`` gives the inner-shareable domain of each PE, ``iommus`` whether
    each is coherent; ``lingers``: without FEAT_ETS2; ``copies``: without FEAT_nTLBPA.
    """

    memory: dict[int, int]
    registers: tuple[dict[str, int], ...]
    stage2: bool = False
    asids: bool = False
    inner: tuple[int, ...] = (0, 0)
    iommus: tuple[bool, ...] = ()
    lingers: bool = True
    copies: bool = False
