"""Suppression: which findings the tree says are known, and whether that counts.

The patch under test must not be able to talk itself clean.  So a SAF comment counts
only where the base has it already: the comment, the line that it is about, the
function that both are in, and the entry of the database.  Once a suppression has been
reviewed and is in the base, so is what it suppresses.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.check.finding import Finding, Status
from harness.check.suppressions.saf import Database, Entry, Tag, database, tags_of
from harness.errors import ApplyError, TreeError
from harness.series import Tree, View
from harness.series.regular_file import regular_file

__all__ = ["with_suppressions"]

# The line that a function, or another definition, begins with.
_HEAD = re.compile(r"[A-Za-z_][^;]*\(")


def with_suppressions(
    findings: Iterable[Finding], views: Mapping[int, View]
) -> list[Finding]:
    """Say of each new finding whether a SAF comment in the tree suppresses it.

    ``views`` are the trees by the number of the patch that a finding comes with.
    """
    sources = {number: _Source(view) for number, view in views.items()}
    return [
        sources[f.patch].told(f)
        if f.status is Status.NEW and f.location.file and f.patch in sources
        else f
        for f in findings
    ]


@dataclass(frozen=True, slots=True)
class _Answer:
    """Why a tag does not count; "" if it does."""

    tag: str
    reason: str
    refused: str


class _Source:
    """The files of a tree, with patches or without, beside those of its base."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._databases: dict[tuple[str, bool], Database] = {}

    def told(self, finding: Finding) -> Finding:
        """Return the finding with what the comments around its line do to it."""
        lines = self._lines(finding.location.file, patched=True)
        answers = [
            answer
            for tag in tags_of(lines, finding.location.line)
            if (answer := self._answer(tag, finding, lines)) is not None
        ]
        for answer in answers:
            if not answer.refused:
                reason = f": {answer.reason}" if answer.reason else ""
                return replace(finding, suppressed=f"{answer.tag}{reason}")
        refused = "; ".join(f"{a.tag} does not count: {a.refused}" for a in answers)
        return replace(finding, suppression_refused=refused)

    def _answer(
        self, tag: Tag, finding: Finding, lines: Sequence[str]
    ) -> _Answer | None:
        """Return what a tag does; None where it is not about the harness."""
        entry = self._entry(tag, patched=True)
        if isinstance(entry, str):
            return _Answer(tag.name, "", entry)
        if entry.rule != finding.rule:
            other = f"its entry is for {entry.rule}" if entry.rule else ""
            return _Answer(tag.name, "", other) if other else None
        before = self._entry(tag, patched=False)
        if not isinstance(before, Entry) or before.rule != finding.rule:
            brought = f"its entry in {tag.file} comes with the patch"
            return _Answer(tag.name, "", brought)
        if not self._there_before(tag, finding, lines):
            brought = "the comment, or the line that it is about, comes with the patch"
            return _Answer(tag.name, "", brought)
        return _Answer(tag.name, before.reason, "")

    # ---------------------------------------------------------------- database

    def _entry(self, tag: Tag, *, patched: bool) -> Entry | str:
        """Return the entry of a tag, or why there is none."""
        key = (tag.file, patched)
        if key not in self._databases:
            self._databases[key] = self._read_database(tag.file, patched=patched)
        known = self._databases[key]
        if known.broken:
            return known.broken
        return known.entries.get(tag.name) or f"{tag.file} has no such entry"

    def _read_database(self, name: str, *, patched: bool) -> Database:
        try:
            return database(self._file(name, patched=patched), name)
        except (ApplyError, TreeError) as error:
            return Database(broken=f"{name} cannot be read: {error.message}")

    # ------------------------------------------------------------------- files

    def _there_before(self, tag: Tag, finding: Finding, lines: Sequence[str]) -> bool:
        """Tell whether the base has the comment at the same line of a function."""
        file = finding.location.file
        first = min(tag.first, finding.location.line)
        last = max(tag.last, finding.location.line)
        if self._view.patch is None:
            return True
        if any(self._view.touched(file, n) for n in range(first, last + 1)):
            return False
        before = self._lines(file, patched=False)
        matcher = difflib.SequenceMatcher(None, before, lines, autojunk=False)
        for old, new, size in matcher.get_matching_blocks():
            if new < first and last <= new + size:
                place = old + first - new
                return _head(before, place) == _head(lines, first)
        return False

    def _lines(self, file: str, *, patched: bool) -> list[str]:
        try:
            content = self._file(file, patched=patched)
        except (ApplyError, TreeError):
            return []
        return (content or b"").decode("utf-8", "replace").split("\n")

    def _file(self, name: str, *, patched: bool) -> bytes | None:
        view = self._view
        if patched and name in view.deleted:
            return None
        if patched and name in view.files:
            found = regular_file(view.root, name)
        else:
            found = regular_file(view.tree.top, name)
            if found is None:
                return _outside(view.tree, name)
        return found[0] if found is not None else None


def _outside(tree: Tree, name: str) -> bytes | None:
    """Return a file that was not written out with the rest of a commit."""
    if tree.repository is None:
        return None
    return tree.repository.file(tree.commit, name)


def _head(lines: Sequence[str], number: int) -> str:
    """Return the line that the definition around a line begins with."""
    above = (line for line in reversed(lines[:number]) if _HEAD.match(line))
    return next(above, "")
