"""Merge diagnoses into findings: one finding, one root cause."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from harness.check.diagnosis import Diagnosis
from harness.check.finding import Finding, Severity, Status
from harness.check.rules import RULES

__all__ = ["compared", "findings_of"]

_Key = tuple[str, str, int, str]


def findings_of(
    diagnoses: Iterable[Diagnosis],
    profiles: tuple[str, ...],
    scenarios: tuple[str, ...],
) -> list[Finding]:
    """Merge diagnoses of one tree; ``profiles`` and ``scenarios`` give the order."""
    groups: dict[_Key, list[Diagnosis]] = {}
    for diagnosis in diagnoses:
        groups.setdefault(_key(diagnosis), []).append(diagnosis)
    groups = _joined(groups)
    found = [_finding(group, profiles, scenarios) for group in groups.values()]
    severities = list(Severity)
    return sorted(
        _told_apart(found),
        key=lambda f: (
            severities.index(f.severity),
            not f.location.in_patch,
            f.location.file,
            f.location.line,
            f.rule,
        ),
    )


def _key(diagnosis: Diagnosis) -> _Key:
    place = diagnosis.location
    return (diagnosis.rule, place.file, place.line, diagnosis.instruction)


def _joined(groups: dict[_Key, list[Diagnosis]]) -> dict[_Key, list[Diagnosis]]:
    """Join groups that blame one instruction at one place for the same repair.

    A broken break-before-make is told under the rule of the flush that is at
    fault when that flush is at fault elsewhere too.  A warning is not taken
    for the error of other profiles that the same repair mends.
    """
    joined: dict[_Key, list[Diagnosis]] = {}
    for key, group in sorted(groups.items(), key=lambda g: min(d.rank for d in g[1])):
        for other, members in joined.items():
            alike = other[1:] == key[1:] and _severity(other) is _severity(key)
            if alike and _same_repair(members, group):
                members.extend(group)
                break
        else:
            joined[key] = list(group)
    return joined


def _severity(key: _Key) -> Severity:
    return RULES[key[0]].severity


def _same_repair(first: list[Diagnosis], second: list[Diagnosis]) -> bool:
    return any(
        a.repair is not None
        and b.repair is not None
        and a.repair.edits == b.repair.edits
        for a in first
        for b in second
    )


def _finding(
    group: list[Diagnosis], profiles: tuple[str, ...], scenarios: tuple[str, ...]
) -> Finding:
    # The one to show: a trace is told, few steps, the strongest property.
    shown = min(
        (d for d in group if d.trace),
        key=lambda d: (d.rank, len(d.trace), scenarios.index(d.scenario)),
        default=group[0],
    )
    first = min(group, key=lambda d: d.rank)
    seen = {d.scenario for d in group}
    broken = {d.profile for d in group}
    return Finding(
        rule=first.rule,
        severity=RULES[first.rule].severity,
        status=Status.NEW,
        message=shown.message,
        profiles=tuple(p for p in profiles if p in broken),
        scenario=shown.scenario,
        scenarios=tuple(s for s in scenarios if s in seen) or (shown.scenario,),
        location=shown.location,
        witness=shown.witness,
        tlb_diff=shown.tlb_diff,
        trace=shown.trace,
        repair=shown.repair,
        arm_rules=RULES[first.rule].arm_rules,
        fingerprint=_fingerprint(first),
        assumptions=shown.assumptions,
        kin=tuple(sorted({_digest(d.mark) for d in group})),
        shown=shown,
        seen=frozenset((d.mark, d.scenario, d.profile) for d in group),
        places=frozenset(
            ((d.mark, d.scenario, d.profile), (d.anchor or d.location).line)
            for d in group
        ),
    )


def _told_apart(findings: list[Finding]) -> list[Finding]:
    """Number those with the same fingerprint, as their places follow each other.

    What is read by machines drops all but one of them.
    """
    times: dict[str, int] = {}
    result = []
    for f in sorted(findings, key=lambda f: (f.location.file, f.location.line)):
        times[f.fingerprint] = number = times.get(f.fingerprint, 0) + 1
        name = _digest((f.fingerprint, str(number))) if number > 1 else f.fingerprint
        result.append(replace(f, fingerprint=name))
    return result


def _fingerprint(diagnosis: Diagnosis) -> str:
    """Hash what survives moved lines: rule, function and instruction."""
    place = diagnosis.location
    return _digest((diagnosis.rule, place.file, place.function, diagnosis.instruction))


def _digest(words: tuple[str, ...]) -> str:
    text = "|".join(words)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compared(
    base: list[Finding], patched: list[Finding], complete: set[str]
) -> list[Finding]:
    """Set the status of each finding of the patched tree against the base.

    Only what the patched tree ran, the scenarios in ``complete``, is fixed.

    A finding that the patch spreads to more profiles or scenarios is new, and so
    is one at more places: those that the patch is at, all of them if none is.
    """
    before = {seen for finding in base for seen in finding.seen}
    after = {mark for finding in patched for mark in finding.marks}
    more = (_times(patched) - _times(base)).keys()
    grown = [finding for finding in patched if finding.seen & more]
    touched = [finding for finding in grown if finding.location.in_patch]
    result = []
    for finding in patched:
        here = any(finding is each for each in touched or grown)
        old = finding.seen <= before and not here
        status = Status.UNCHANGED if old else Status.NEW
        result.append(replace(finding, status=status))
    result.extend(
        replace(finding, status=Status.FIXED)
        for finding in base
        if not finding.marks & after and set(finding.scenarios) <= complete
    )
    return result


def _times(findings: list[Finding]) -> Counter[object]:
    """Count the places at which one thing is seen in one run."""
    places = {place for finding in findings for place in finding.places}
    return Counter(seen for seen, _ in places)
