"""What the enumerating machine knows: stores, entries, TLBIs in flight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

SHIFT = {1: 30, 2: 21, 3: 12}  # walks start at level 1, 39-bit IPA
OUTPUT = 0x0000_FFFF_FFFF_F000
# The used slots of a table, and one that is never used.
SLOTS = (0, 1, 7)


class Read(NamedTuple):
    """A value read in a walk: the location, and the number of the store."""

    pa: int
    store: int


Chain = tuple[Read, ...]


class Held(NamedTuple):
    """A TLB entry; stage-1 content is known by the vCPU's TTBR0_EL1 only.

    A "DESC" entry is the copy of one descriptor, which is all of its chain.
    For an S1 entry ``root`` says how often the vCPU had by then run on another
    PE where its TLBIs are local.
    """

    kind: str
    vmid: int
    root: int
    vcpu: int
    chain: Chain


class Leaf(NamedTuple):
    """What a leaf descriptor says."""

    level: int
    output: int
    attributes: int
    read: bool
    write: bool
    xn: int


class Context(NamedTuple):
    """What a walk starts from."""

    vmid: int
    root: int
    vcpu: int


@dataclass(eq=False)
class Flight:
    """A TLBI, and on which PEs it is complete.

    ``start`` to ``end`` are the IPAs that it names, ``level`` is its hint;
    ``time`` says when it was issued.
    """

    op: str
    start: int
    end: int
    level: int | None
    pe: int
    vmids: frozenset[int]
    scope: frozenset[int]
    stores: int  # made before it was issued
    time: int
    done: set[int] = field(default_factory=set)


class State(NamedTuple):
    """One way in which the TLB of a PE can be now."""

    entries: frozenset[Held]
    happened: frozenset[Flight]


@dataclass
class Made:
    """A store; ``before[q]`` are those that a walk of q must see before it."""

    pa: int
    value: int
    pe: int
    before: tuple[frozenset[int], ...]
    retired: set[int] = field(default_factory=set)


def address(chain: Chain) -> int:
    """Return the first IPA that a chain from the root translates."""
    return sum(
        ((read.pa >> 3) & 511) << SHIFT[level]
        for level, read in enumerate(chain, start=1)
    )


def is_table(value: int, level: int) -> bool:
    """Tell whether a value read at a level continues the walk."""
    return value & 3 == 3 and level < 3


def leaf_of(value: int, level: int) -> Leaf | None:
    """Decode a Block or Page that gives no fault by itself."""
    if value & 3 != (3 if level == 3 else 1) or not value & 1 << 10:
        return None
    return Leaf(
        level,
        value & OUTPUT & -(1 << SHIFT[level]),
        value & 0x33C,
        bool(value & 1 << 6),
        bool(value & 1 << 7) or bool(value & 1 << 51),
        value >> 53 & 3,
    )


def output_at(leaf: Leaf, ipa: int) -> int:
    """Return the physical address that a leaf gives for an IPA."""
    return leaf.output | ipa & ((1 << SHIFT[leaf.level]) - 1)


def allows(new: Leaf | None, old: Leaf, ipa: int) -> bool:
    """Tell whether a leaf grants what another grants at an IPA."""
    execute = {0: {0, 1}, 1: {0}, 2: set[int](), 3: {1}}
    return (
        new is not None
        and output_at(new, ipa) == output_at(old, ipa)
        and new.attributes == old.attributes
        and new.read >= old.read
        and new.write >= old.write
        and execute[new.xn] >= execute[old.xn]
    )


def named(
    op: str, operand: int, *, ttl: bool, ranges: bool
) -> tuple[int, int, int | None]:
    """Return the IPAs that an operation by IPA names, and its level hint.

    No IPAs at all: nothing is promised.
    """
    if "IPAS2" not in op:
        return 0, 1, None
    if op.startswith("R"):
        start = (operand & (1 << 37) - 1) << 12
        pages = ((operand >> 39 & 31) + 1) << (5 * (operand >> 44 & 3) + 1)
        level = operand >> 37 & 3
        aligned = not level or start % (1 << SHIFT[level]) == 0
        if not ranges or operand >> 46 & 3 != 1 or not aligned:
            return 0, 0, None
        return start, start + pages * 4096, level or None
    start = (operand & 0xF_FFFF_FFFF) << 12
    hint = operand >> 44 & 15 if ttl else 0
    if hint < 4 or hint == 4:  # no granule, or 4K level 0
        return start, start + 4096, None
    if hint >> 2 != 1:
        return 0, 0, None
    return start, start + 4096, hint & 3


def matches(flight: Flight, entry: Held, levels: Callable[[Held], set[int]]) -> bool:
    """Tell whether a TLBI must remove an entry.

    ``levels`` gives those of the leaves below a table.
    """
    if any(read.store >= flight.stores for read in entry.chain):
        return False  # built from a later store
    if flight.op == "ALLE1":
        return True
    if flight.vmids != {entry.vmid} or flight.op.endswith("E2"):
        return False
    if entry.kind == "DESC":
        return flight.start < flight.end  # whatever else it is for (R_TJQVP)
    if flight.op == "VMALLS12E1":
        return True
    if flight.op == "VMALLE1":
        return entry.kind not in ("S2", "S2W")
    if flight.op.lstrip("R") in ("IPAS2E1", "IPAS2LE1"):
        wanted = ("S2",) if "2LE1" in flight.op else ("S2", "S2W")
        if entry.kind not in wanted:
            return False
        start, size = address(entry.chain), 1 << SHIFT[len(entry.chain)]
        if flight.end <= start or start + size <= flight.start:
            return False
        found = {len(entry.chain)} if entry.kind == "S2" else levels(entry)
        return flight.level is None or found == {flight.level}
    return False
