"""What the names of a report mean, for readers who see one for the first time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.check.finding import Finding
from harness.check.result import Result
from harness.report.names import core_of
from harness.report.plain import reading
from harness.targets.scenarios import SCENARIOS
from reference_model.cores import PROFILES

__all__ = ["Group", "glossary", "scenario_summary"]

# The kinds of entry that a TLB may hold; each may be there without the others.
_KINDS = {
    "S1": "a page of stage 1: virtual to intermediate physical address (IPA)",
    "S1W": "a table of stage 1, by its IPA (walk cache)",
    "S2": "a page or block of stage 2: IPA to physical address",
    "S2W": "a table of stage 2 (walk cache)",
    "S12": "both stages combined: virtual address straight to physical address",
    "S12W": "a table of stage 1, straight by its physical address (walk cache)",
}
_SUMMARIES = {scenario.name: scenario.summary for scenario in SCENARIOS}
_KIND = re.compile(rf"\b(?:{'|'.join(_KINDS)})\b")


class Group(NamedTuple):
    """Names of one sort, and what each of them means."""

    title: str
    names: list[tuple[str, str]]


def glossary(result: Result, told: Iterable[Finding]) -> list[Group]:
    """Explain the names that a result and its findings use, nothing else."""
    findings = list(told)
    groups = (
        Group("TLB entries", list(_kinds(findings))),
        Group("CPUs", list(_profiles(result.profiles))),
        Group("Readings of the architecture", list(_readings(result.assumptions))),
    )
    return [group for group in groups if group.names]


def scenario_summary(name: str) -> str:
    """Say what is done in a scenario, "" for one that is not known."""
    return _SUMMARIES.get(name, "")


def _kinds(findings: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for text in _texts(findings):
        seen.update(_KIND.findall(text))
    return ((kind, meaning) for kind, meaning in _KINDS.items() if kind in seen)


def _texts(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield where a finding names kinds of entry."""
    for finding in findings:
        yield finding.message
        for step in finding.trace:
            yield step.effect
            yield from (state.text for state in step.states)
        for diff in finding.tlb_diff:
            yield from (*diff.unexpected, *diff.missing, diff.allowed)


def _profiles(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each profile; the variants of a core are told once."""
    known = [name for name in names if name in PROFILES]
    return (
        (core, PROFILES[next(name for name in known if core_of(name) == core)].summary)
        for core in dict.fromkeys(map(core_of, known))
    )


def _readings(settings: Iterable[str]) -> Iterator[tuple[str, str]]:
    for setting in settings:
        meaning = reading(setting)
        if meaning != setting:
            yield setting, meaning
