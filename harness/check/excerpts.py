"""The source around the steps of a counterexample, and the hunk it is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.check.finding import Excerpt, Finding
from harness.series import Patch, View

__all__ = ["with_excerpts", "with_hunks"]

_AROUND = 1  # lines before and after each step
_WIDTH = 160
_HUNK_LINES = 120


def with_excerpts(findings: Iterable[Finding], view: View) -> list[Finding]:
    """Add the lines of a tree that the traces of its findings are about."""
    files: dict[str, list[str]] = {}
    return [
        replace(f, excerpts=_excerpts(f, view, files)) if f.trace else f
        for f in findings
    ]


def _excerpts(
    finding: Finding, view: View, files: dict[str, list[str]]
) -> tuple[Excerpt, ...]:
    wanted: dict[str, set[int]] = {}
    for step in finding.trace:
        if step.file:
            near = range(step.line - _AROUND, step.line + _AROUND + 1)
            wanted.setdefault(step.file, set()).update(near)
    found = []
    for file, numbers in wanted.items():
        if file not in files:
            files[file] = _lines(view, file)
        lines = files[file]
        shown = tuple(
            (n, lines[n - 1][:_WIDTH]) for n in sorted(numbers) if 0 < n <= len(lines)
        )
        if shown:
            found.append(Excerpt(file, shown))
    return tuple(found)


def _lines(view: View, file: str) -> list[str]:
    """Read a file of the tree, never one that a link leads to elsewhere."""
    path = view.root / file
    if not path.is_file() or not view.admits(file):
        return []
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return []


def with_hunks(findings: Iterable[Finding], patch: Patch | None) -> list[Finding]:
    """Add to each finding the hunk of the patch that it is about.

    That is the hunk at its place, else the one nearest to a step of its trace
    in the same file, else the first one of a file that the trace goes through.
    """
    hunks = _hunks(patch) if patch is not None else []
    return [replace(f, hunk=_hunk(f, hunks)) for f in findings]


_Placed = tuple[str, int, int, str]  # file, first line, last line, text


def _hunks(patch: Patch) -> list[_Placed]:
    found = []
    for part in patch.files:
        for hunk in part.hunks:
            lines = [
                _head(
                    hunk.old_start,
                    hunk.old_count,
                    hunk.new_start,
                    hunk.new_count,
                    hunk.section,
                )
            ]
            lines += [
                origin + text.decode("utf-8", "replace").rstrip("\r\n")[:_WIDTH]
                for origin, text in hunk.lines[:_HUNK_LINES]
            ]
            end = hunk.new_start + max(0, hunk.new_count - 1)
            found.append((part.path, hunk.new_start, end, "\n".join(lines)))
    return found


def _head(old: int, old_count: int, new: int, new_count: int, section: str) -> str:
    return f"@@ -{old},{old_count} +{new},{new_count} @@ {section}".rstrip()


def _hunk(finding: Finding, hunks: list[_Placed]) -> str:
    where = finding.location
    places = [(where.file, where.line)]
    places += [(s.file, s.line) for s in reversed(finding.trace) if s.blamed and s.file]
    places += [(s.file, s.line) for s in finding.trace if s.file]
    for file, line in places:
        for name, first, last, text in hunks:
            if name == file and first <= line <= last:
                return text
    for file, line in places:
        near = [h for h in hunks if h[0] == file]
        if near:
            return min(near, key=lambda h: min(abs(h[1] - line), abs(h[2] - line)))[3]
    return ""
