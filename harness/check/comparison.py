"""Two versions of a patch or a series: what the second one fixes and brings in.

Findings are the same if they have a fingerprint or a mark in common, whatever
their lines.  Nothing is called fixed that the second version did not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from harness.check.architectures import BUILD
from harness.check.finding import Finding, Severity, Status
from harness.check.pairing import Pair, Sameness, paired
from harness.check.result import Result, Verdict
from harness.errors import ReportError

__all__ = ["Compared", "Comparison", "Fate", "compare"]


class Fate(Enum):
    """What became of a finding from the first version to the second one."""

    NEW = "new"  # only the second one brings it in
    STILL = "still"  # both bring it in
    GONE = "gone"  # not told any more, but not proved to be fixed either
    FIXED = "fixed"  # the second one ran what showed it, and it is not there
    LOST = "lost"  # on the base; the first one mends it, the second one does not
    MENDED = "mended"  # on the base; the second one mends it, the first one does not


@dataclass(frozen=True, slots=True)
class Compared:
    """One finding in both versions, or in one; ``note`` is to be told with it."""

    fate: Fate
    first: Finding | None
    second: Finding | None
    note: str = ""

    @property
    def shown(self) -> Finding:
        """Return the finding as the newest version has it."""
        found = self.second or self.first
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results; ``notes`` say what makes them differ but for the patches."""

    first: Result
    second: Result
    pairs: tuple[Pair, ...]
    findings: tuple[Compared, ...]
    notes: tuple[str, ...]

    def count(self, fate: Fate) -> int:
        """Count the findings that a fate befell."""
        return sum(one.fate is fate for one in self.findings)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the second version."""
        verdict = self.second.verdict
        if verdict is Verdict.CLEAN and self.count(Fate.GONE):
            return Verdict.INCONCLUSIVE
        return verdict


def compare(first: Result, second: Result) -> Comparison:
    """Compare two versions; raises ReportError where that would say nothing."""
    _refuse(first, second)
    pairs = paired(first.patches, second.patches)
    trusted = _trusted(first, second, pairs)
    one, other = _doubtful(first, trusted), _doubtful(second, trusted)
    found = [*_brought(one, other), *_mended(one, other)]
    fates, severities = list(Fate), list(Severity)
    found.sort(
        key=lambda one: (fates.index(one.fate), severities.index(one.shown.severity))
    )
    return Comparison(
        first,
        second,
        pairs,
        tuple(found),
        tuple(_notes(first, second)),
    )


def _trusted(first: Result, second: Result, pairs: Sequence[Pair]) -> frozenset[str]:
    """Return what neither version runs, and what is the same in both.

    Nothing that one of them breaks can be hidden there in the other one.
    """
    same = {(p.first, p.second) for p in pairs if p.sameness is Sameness.SAME}
    olds, news = {old for old, _ in same}, {new for _, new in same}
    changed = {
        file
        for result, kept in ((first, olds), (second, news))
        for number, patch in enumerate(result.patches, 1)
        if number not in kept
        for file in patch.files
    }
    both = {*first.not_executed} & {*second.not_executed}
    return frozenset(what for what in both if not any(file in what for file in changed))


def _doubtful(result: Result, trusted: frozenset[str]) -> Result:
    """Return a result without the gaps that cannot hide what is compared."""
    missing = tuple(what for what in result.not_executed if what not in trusted)
    return replace(result, not_executed=missing)


# -------------------------------------------------------------------- findings


def _alike(one: Finding, other: Finding) -> bool:
    return one.fingerprint == other.fingerprint or bool({*one.kin} & {*other.kin})


def _brings(result: Result) -> list[Finding]:
    """Return what a version brings in, whoever knows of it."""
    return [f for f in result.findings if f.status in (Status.NEW, Status.KNOWN)]


def _brought(first: Result, second: Result) -> Iterator[Compared]:
    old, new = _brings(first), _brings(second)
    partners: dict[int, Finding] = {}
    for finding in old:
        like = [n for n, other in enumerate(new) if _alike(finding, other)]
        if not like:
            yield _no_more(finding, second)
            continue
        # One place of two that are alike may be new: each is paired once.
        free = [n for n in like if n not in partners]
        if free:
            same = (n for n in free if new[n].fingerprint == finding.fingerprint)
            partners[next(same, free[0])] = finding
    for number, other in enumerate(new):
        if number in partners:
            finding = partners[number]
            yield Compared(Fate.STILL, finding, other, _still(finding, other))
        else:
            yield Compared(Fate.NEW, None, other, _new(other, old, first))


def _no_more(finding: Finding, second: Result) -> Compared:
    why = _unproved(finding, second)
    if why:
        return Compared(Fate.GONE, finding, None, f"not proved to be fixed: {why}")
    return Compared(Fate.FIXED, finding, None)


def _unproved(finding: Finding, result: Result) -> str:
    """Say why a result without a finding does not mean that it is not there."""
    for item in result.unsupported:
        met = {BUILD, *finding.scenarios} & {*item.scenarios}
        if met and {*finding.profiles} & {*item.profiles}:
            return f"v2 reaches what is not modelled: {item.what}"
    if result.not_executed:
        return f"v2 changes what no scenario ran: {result.not_executed[0]}"
    if not result.bounds.exhausted:
        return "v2 reached a bound: not everything was explored"
    if result.unproved:
        return "v2 was recovered from a review, and no blob id proves it right"
    ran = _ran(result)
    for scenario in finding.scenarios:
        for profile in finding.profiles:
            if scenario != BUILD and (scenario, profile) not in ran:
                if not any(profile == name for _, name in ran):
                    return f"v2 was not run on {profile}"
                if not any(scenario == name for name, _ in ran):
                    return f"v2 was not run in scenario {scenario}"
    return ""


def _ran(result: Result) -> set[tuple[str, str]]:
    return {
        (row.scenario, profile)
        for row in result.cost
        if row.patched is not None
        for profile in row.profiles
    }


def _still(finding: Finding, other: Finding) -> str:
    """Say what of a finding that is still there has changed."""
    parts = []
    if spread := [p for p in other.profiles if p not in finding.profiles]:
        parts.append(f"now on {', '.join(spread)} as well")
    if less := [p for p in finding.profiles if p not in other.profiles]:
        parts.append(f"not on {', '.join(less)} any more")
    if other.severity is not finding.severity:
        parts.append(f"{finding.severity.value} before")
    if other.fixed_by and not finding.fixed_by:
        parts.append(f"mended again by patch {other.fixed_by}")
    if finding.fixed_by and not other.fixed_by:
        parts.append("no later patch mends it any more")
    if other.suppressed and not finding.suppressed:
        parts.append(f"suppressed now: {other.suppressed}")
    return "; ".join(parts)


def _new(finding: Finding, old: Sequence[Finding], first: Result) -> str:
    if any(_alike(finding, other) for other in old):
        return "like one that v1 has as well, but at one more place"
    why = _unproved(finding, first)
    if why:
        return f"v1 may have had it: {why.replace('v2', 'v1', 1)}"
    if any(_alike(finding, f) for f in first.findings if f.status is Status.UNCHANGED):
        return "on the base as well, but on fewer CPUs or in fewer scenarios"
    return ""


def _mended(first: Result, second: Result) -> Iterator[Compared]:
    """Yield what is wrong on the base, and mended by one of the versions only."""
    old = [f for f in first.findings if f.status is Status.FIXED]
    new = [f for f in second.findings if f.status is Status.FIXED]
    for finding in new:
        if not any(_alike(finding, other) for other in old):
            told = any(_alike(finding, other) for other in first.findings)
            note = "" if told else "v1 does not tell of it on its base"
            yield Compared(Fate.MENDED, None, finding, note)
    for finding in old:
        if not any(_alike(finding, other) for other in new):
            told = any(_alike(finding, other) for other in second.findings)
            why = _unproved(finding, second) or "v2 does not tell of it on its base"
            yield Compared(Fate.LOST, finding, None, "" if told else why)


# ------------------------------------------------------------------ conditions


def _refuse(first: Result, second: Result) -> None:
    if first.part or second.part:
        raise ReportError(
            "a part of a check cannot be compared: harness merge puts the parts "
            "together"
        )
    conditions = {
        "commands": (first.command, second.command),
        "profiles": (", ".join(first.profiles), ", ".join(second.profiles)),
        "assumptions": (
            ", ".join(first.only_under) or "default",
            ", ".join(second.only_under) or "default",
        ),
    }
    for what, (one, other) in conditions.items():
        if one != other:
            raise ReportError(
                f"the results cannot be compared: their {what} differ: v1 has {one}, "
                f"v2 has {other}"
            )


def _notes(first: Result, second: Result) -> Iterator[str]:
    conditions = {
        "bases": (
            first.base_commit[:12] or first.tree_version,
            second.base_commit[:12] or second.tree_version,
        ),
        "configurations": (first.configuration, second.configuration),
    }
    for what, (one, other) in conditions.items():
        if one != other:
            yield f"the {what} differ: v1 has {one}, v2 has {other}"
