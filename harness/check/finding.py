"""Findings: what is wrong, where, how it happens and what mends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.check.diagnosis import Diagnosis

__all__ = [
    "Excerpt",
    "Finding",
    "Location",
    "Repair",
    "Severity",
    "State",
    "Status",
    "Step",
    "TlbDiff",
    "Witness",
]


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"  # a permitted machine of the profile breaks a property
    WARNING = "warning"  # needs a named assumption, or concerns progress
    PERF = "perf"
    INFO = "info"


class Status(Enum):
    """The finding in the patched tree against the base."""

    NEW = "new"
    UNCHANGED = "unchanged"
    FIXED = "fixed"
    KNOWN = "known"  # new against the base, and in the baseline as well


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the source; ``in_patch`` tells whether the patch touched it."""

    file: str
    line: int
    function: str
    in_patch: bool


@dataclass(frozen=True, slots=True)
class Witness:
    """The entry that must not be there; ``va`` is one example of many.

    Addresses are None where they do not apply.  ``permissions`` reads like
    "rw-", "" for entries without.
    """

    pe: int
    kind: str
    vmid: int
    va: int | None
    ipa: int | None
    pa: int | None
    permissions: str = ""
    size: int = 4096


@dataclass(frozen=True, slots=True)
class TlbDiff:
    """TLB state of one pCPU: what it may hold, and what it is allowed to.

    ``unexpected`` are entries it may hold but must not, one line each;
    ``allowed`` says what the current tables give for the same address.
    """

    pe: int
    unexpected: tuple[str, ...]
    allowed: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """What one thing holds after a step: the tables, or the TLB of a pCPU.

    ``stale`` tells that some of it is not what the tables say.
    """

    name: str
    text: str
    stale: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the counterexample.

    ``file`` and ``line`` are empty and 0 for what hardware does by itself.
    ``blamed`` marks the event that the repair changes; ``states`` is what
    holds after it.
    """

    step: int
    pe: int
    event: str
    file: str
    line: int
    function: str
    effect: str
    blamed: bool = False
    states: tuple[State, ...] = ()


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a source file, by number; not all of them follow each other."""

    file: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Repair:
    """A change of the event trace that was replayed.

    ``edits`` are its parts, one sentence each; ``verified`` tells that the
    replay was free of the violation and brought no new one.  ``diff`` is a
    change of the patched tree that has the same effect, "" if none is known:
    it is given only after the tree with it was analysed, the finding gone and
    no new one there.  ``no_diff`` says why there is none, where one was looked
    for.
    """

    edits: tuple[str, ...]
    verified: bool
    diff: str = ""
    no_diff: str = ""

    @property
    def text(self) -> str:
        """Return the parts as one sentence."""
        return "; ".join(self.edits)


@dataclass(frozen=True, slots=True)
class Finding:
    """One root cause.

    ``scenario`` is the one of the trace shown, ``scenarios`` all in which it
    was seen.  ``fingerprint`` is structural: it survives moved lines.
    ``assumptions`` are the settings ("name=value") without which the trace
    shows nothing wrong.  ``patch`` is the number of the patch that brings it
    in, or mends what was there before, ``fixed_by`` that of a later one that
    mends it again; 0 is none.  ``excerpts`` are the lines that the steps come from,
    ``hunk`` is the part of the patch that the finding is about.
    ``replay`` is the token with which ``harness replay`` shows it again,
    ``trace_file`` the file that its whole trace was saved to.  ``suppressed`` is
    the tag of a SAF comment that counts for it, and the reason;
    ``suppression_refused`` says why one does not count.
    """

    rule: str
    severity: Severity
    status: Status
    message: str
    profiles: tuple[str, ...]
    scenario: str
    scenarios: tuple[str, ...]
    location: Location
    witness: Witness | None
    tlb_diff: tuple[TlbDiff, ...]
    trace: tuple[Step, ...]
    repair: Repair | None
    arm_rules: tuple[str, ...]
    fingerprint: str
    replay: str = ""
    assumptions: tuple[str, ...] = ()
    patch: int = 0
    fixed_by: int = 0
    excerpts: tuple[Excerpt, ...] = ()
    hunk: str = ""
    trace_file: str = ""
    suppressed: str = ""
    suppression_refused: str = ""
    # Digests of its marks, sorted: what other versions of the patch know it by.
    kin: tuple[str, ...] = ()
    # What it was made from; only as long as a check runs.
    shown: Diagnosis | None = field(default=None, repr=False, compare=False)
    # (mark, scenario, profile) of each time it was seen: to compare trees by.
    seen: frozenset[tuple[tuple[str, ...], str, str]] = frozenset()
    # The same with the line of the mark: two places of a function have one mark.
    places: frozenset[tuple[tuple[tuple[str, ...], str, str], int]] = frozenset()

    @property
    def marks(self) -> frozenset[tuple[str, ...]]:
        """Return what it has in common with its like in other trees."""
        return frozenset(mark for mark, _, _ in self.seen)
