"""The result of a check: everything a report is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from harness.check.answer import Answer
from harness.check.finding import Finding, Severity, Status
from harness.cost.counts import Counts

__all__ = [
    "Bounds",
    "Counts",
    "Letter",
    "Part",
    "PatchSummary",
    "Result",
    "ScenarioCost",
    "UnsupportedItem",
    "Verdict",
]


class Verdict(Enum):
    """The three verdicts, always spelled the same."""

    CLEAN = "clean"
    UNSAFE = "unsafe"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Letter:
    """The mail that a patch came in; "" and nothing where it was none.

    ``heading`` is its subject as it was sent: with "[PATCH v2 3/5]".
    """

    author: str = ""
    date: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    heading: str = ""


@dataclass(frozen=True, slots=True)
class PatchSummary:
    """A patch under test; ``notes`` are remarks on how it was read.

    ``recovered`` tells, of one read out of a review, whether its blob ids
    prove it right; None is a patch as its author made it.  ``uncertain`` says
    what was not sure then.  ``commit`` is its object id in the repository,
    ``letter`` the mail that it came in.  ``identity`` digests what it changes,
    wherever it applies.  ``repair`` is a diff on top of it after
    which none of its new errors is left and nothing new is found, "" if none is
    known.
    """

    name: str
    subject: str
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()
    recovered: bool | None = None
    uncertain: tuple[str, ...] = ()
    commit: str = ""
    letter: Letter = field(default_factory=Letter)
    identity: str = ""
    repair: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What was explored; ``exhausted`` tells that nothing was cut short."""

    scenarios: int
    profiles: int
    pcpus: int
    executions: int
    events: int
    exhausted: bool


@dataclass(frozen=True, slots=True)
class ScenarioCost:
    """Counts of a scenario, base against patched.

    ``profiles`` are those that share these counts.  ``base`` is None for an
    audit, or where the base could not be run.
    """

    scenario: str
    profiles: tuple[str, ...]
    base: Counts | None
    patched: Counts | None


@dataclass(frozen=True, slots=True)
class UnsupportedItem:
    """Something that was reached and is not modelled."""

    what: str
    file: str
    line: int
    scenarios: tuple[str, ...]
    profiles: tuple[str, ...]
    in_base: bool  # also reached without the patch


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a check that several machines share: nothing rests on it alone.

    ``number`` counts from 1.  ``common`` says, by name, what all parts have to
    agree on; ``plan`` names the analyses that they make together, ``work`` is
    what this one found out, packed.
    """

    number: int
    count: int
    common: tuple[tuple[str, str], ...]
    plan: tuple[str, ...]
    work: str


@dataclass(frozen=True, slots=True)
class Result:
    """One check or audit.

    ``base`` names the tree and how it was found; ``base_commit`` is its object
    id, "" outside a repository, ``tree_version`` its Xen version.  ``notes``
    are remarks on the base and on the series as a whole.  ``assumptions``
    lists "name=value" of every reading of the architecture that the result
    rests on, ``only_under`` those of them that are not the default: beyond
    them the verdict says nothing.
    ``not_executed`` lists functions that the patch touches and no scenario ran;
    ``nothing_ran``: there are such, and nothing else that it touches ran either.
    ``unhandled`` names (erratum, core) where the tree does not know of an erratum.
    ``answers`` are to questions of reviewers, as far as they were computed.
    """

    command: str  # "check" or "audit"
    base: str
    tree_version: str
    patches: tuple[PatchSummary, ...]
    profiles: tuple[str, ...]
    bounds: Bounds
    findings: tuple[Finding, ...]
    unsupported: tuple[UnsupportedItem, ...]
    cost: tuple[ScenarioCost, ...]
    assumptions: tuple[str, ...]
    not_executed: tuple[str, ...] = ()
    only_under: tuple[str, ...] = ()
    unhandled: tuple[tuple[str, str], ...] = ()
    stats: dict[str, float] = field(default_factory=dict)
    configuration: str = ""  # of the build, in words
    base_commit: str = ""
    notes: tuple[str, ...] = ()
    alternatives: bool = False  # the patches do not stand on one another
    answers: tuple[Answer, ...] = ()
    nothing_ran: bool = False
    part: Part | None = None  # what is told is one of several parts

    @property
    def new_errors(self) -> tuple[Finding, ...]:
        """Return the findings that make a check fail."""
        return tuple(
            f
            for f in self.findings
            if f.status is Status.NEW
            and f.severity is Severity.ERROR
            and not f.suppressed
        )

    @property
    def suppressed(self) -> tuple[Finding, ...]:
        """Return what would be told but for a SAF comment in the tree."""
        return tuple(
            f for f in self.findings if f.status is Status.NEW and f.suppressed
        )

    @property
    def known(self) -> tuple[Finding, ...]:
        """Return what would be told if it were not in the baseline."""
        return tuple(f for f in self.findings if f.status is Status.KNOWN)

    @property
    def unproved(self) -> tuple[PatchSummary, ...]:
        """Return the patches that may not be what their authors wrote."""
        return tuple(patch for patch in self.patches if patch.recovered is False)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict; something unmodelled never counts as clean."""
        if self.new_errors:
            return Verdict.UNSAFE
        if self.part is not None:
            return Verdict.INCONCLUSIVE
        if self.unsupported or not self.bounds.exhausted or self.not_executed:
            return Verdict.INCONCLUSIVE
        if self.unproved:
            return Verdict.INCONCLUSIVE
        return Verdict.CLEAN
