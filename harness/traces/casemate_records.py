"""The records of casemate's trace format.

A record is a list: its kind, "id", "tid", the fields of its kind and "src".
Each field is written with its name, ``(tid 0)``, or without, ``0``.  Numbers
other than id and tid are hexadecimal, with or without 0x.  What is read goes
beyond what casemate itself reads: any barrier option, TLBI and system register
that has a name, "thread" for "tid", words in capitals, and no "src".
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from reference_model.coordinates import Origin
from reference_model.events import Event

__all__ = ["FIELDS", "HINTS", "Hint", "Kind", "Record"]


class Kind(Enum):
    """What a record tells."""

    MEM_WRITE = "mem-write"
    MEM_READ = "mem-read"
    MEM_INIT = "mem-init"
    MEM_FREE = "mem-free"
    MEM_SET = "mem-set"
    BARRIER = "barrier"
    TLBI = "tlbi"
    SYSREG_WRITE = "sysreg-write"
    HINT = "hint"
    LOCK = "lock"
    TRYLOCK = "trylock"
    UNLOCK = "unlock"


class Hint(Enum):
    """What a hint says about ``address`` and ``value``."""

    ROOT_LOCK = "set_root_lock"  # the root is protected by that lock
    OWNER_ROOT = "set_owner_root"  # the page is for the tree of that root
    RELEASE = "release_table"  # the tree of the root is no longer in use
    THREAD_OWNER = "set_pte_thread_owner"  # only that thread writes the entry


HINTS = {hint.value: hint for hint in Hint}

# Per kind: the name of its word, then of its numbers in their order.
FIELDS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    Kind.MEM_WRITE: ("mem-order", ("address", "value")),
    Kind.MEM_READ: ("", ("address", "value")),
    Kind.MEM_INIT: ("", ("address", "size")),
    Kind.MEM_FREE: ("", ("address", "size")),
    Kind.MEM_SET: ("", ("address", "size", "value")),
    Kind.BARRIER: ("kind", ()),
    Kind.TLBI: ("", ("value",)),
    Kind.SYSREG_WRITE: ("sysreg", ("value",)),
    Kind.HINT: ("kind", ("location", "value")),
    Kind.LOCK: ("", ("address",)),
    Kind.TRYLOCK: ("", ("address",)),
    Kind.UNLOCK: ("", ("address",)),
}


class Record(NamedTuple):
    """One record, but for its id.

    ``word`` is the memory order, the TLBI, the system register or the hint in
    lower case, or the barrier with its option as in "dsb ish".  ``address`` is
    the address or location.  ``event`` is what it does, where that is
    one event (of a lock that is held already, none).
    """

    kind: Kind
    tid: int
    word: str = ""
    address: int = 0
    value: int = 0
    size: int = 0
    origin: Origin | None = None
    event: Event | None = None
