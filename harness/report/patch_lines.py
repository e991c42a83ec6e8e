"""The patches and the base of a report for a terminal."""

from __future__ import annotations

from harness.check.finding import Finding
from harness.check.result import PatchSummary, Result
from harness.report.names import counted
from harness.report.terminal import hanging, harmless

__all__ = ["mender", "origin", "subject_lines"]

# What a tree that was not built is taken with.
_USUAL = "defconfig, with CONFIG_DEBUG"


def subject_lines(result: Result) -> list[str]:
    """Say what was checked, on what, and what is to be noted about both."""
    lines = []
    for number, patch in enumerate(result.patches, 1):
        label = f"patch {_of(number, result)}: " if _several(result) else "patch: "
        lines += _patch(patch, label)
    version = f" (Xen {result.tree_version})" if result.tree_version else ""
    label = "tree:  " if result.command == "audit" else "base:  "
    lines += hanging(label, harmless(f"{result.base}{version}"))
    if result.configuration not in ("", _USUAL):
        lines += hanging("build: ", harmless(result.configuration))
    if result.alternatives:
        text = "the patches do not build on one another: each is checked on the base"
        lines += hanging("note:  ", text)
    for note in result.notes:
        lines += hanging("note:  ", harmless(note))
    return lines


def origin(finding: Finding, result: Result) -> list[tuple[str, str]]:
    """Return the labelled facts on which patch of several a finding belongs to."""
    if not _several(result) or not finding.patch:
        return []
    facts = [("brought in by", _named(finding.patch, result))]
    if finding.fixed_by:
        facts.append(("mended again by", _named(finding.fixed_by, result)))
    return facts


def mender(finding: Finding, result: Result) -> str:
    """Say which patch of several fixes what was wrong on the base."""
    if not _several(result) or not finding.patch:
        return ""
    return f", by patch {_of(finding.patch, result)}"


def _several(result: Result) -> bool:
    return len(result.patches) > 1


def _of(number: int, result: Result) -> str:
    return f"{number}/{len(result.patches)}"


def _named(number: int, result: Result) -> str:
    patch = result.patches[number - 1]
    return f"patch {_of(number, result)}: {patch.subject or patch.name}"


def _patch(patch: PatchSummary, label: str) -> list[str]:
    title = patch.subject or patch.name
    files = f" ({counted(len(patch.files), 'file')})" if patch.files else ""
    lines = hanging(label, f"{harmless(title)}{files}")
    notes = [*_recovery(patch), *patch.notes]
    for note in notes:
        lines += hanging(" " * len(label), harmless(note))
    return lines


def _recovery(patch: PatchSummary) -> list[str]:
    if patch.recovered is None:
        return []
    if patch.recovered:
        state = "recovered, verified: its blob ids prove every line"
    else:
        state = "recovered, not verifiable: no blob id proves it"
    return [state, *(f"not sure: {what}" for what in patch.uncertain)]
