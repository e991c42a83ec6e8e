"""What each patch of a series changes: the analyses without and with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from harness.check.analyses import analysed
from harness.check.coverage.coverage import Coverage, is_way, unread
from harness.check.coverage.effects import Lines, both
from harness.check.intake import Step
from harness.check.request import CheckRequest
from harness.check.tree_analysis import TreeAnalysis
from harness.series import Patch, View
from harness.series.forward import forward
from harness.targets import Code

__all__ = ["Change", "changes_of", "not_executed", "nothing_ran", "trees_of"]

_PLACE = re.compile(r".* \((.+):(\d+)\)")


@dataclass(frozen=True, slots=True)
class Change:
    """One patch, and the analyses without and with it."""

    step: Step
    patch: Patch
    before: TreeAnalysis
    after: TreeAnalysis
    read_before: frozenset[str]
    code: Code
    affected: Lines


def trees_of(steps: tuple[Step, ...]) -> list[View]:
    """Return the trees that have to be analysed in any case."""
    return [view for step in steps for view in (step.after, *step.beginning)]


def changes_of(steps: tuple[Step, ...], request: CheckRequest) -> list[Change]:
    """Analyse the trees of all patches, as few of them as will do.

    What a tree with one patch does is what the next one is compared with,
    unless that stopped because of what the patch touched.
    """
    found = analysed(trees_of(steps), request, planned=True)
    pairs = list(pairwise(steps))
    stopped = [s.before for p, s in pairs if not s.first and found.of(p.after).reached]
    again = analysed(stopped, request)
    changes: list[Change] = []
    for number, step in enumerate(steps):
        assert step.after.patch is not None
        if step.first:
            before, read = found.of(step.before), found.code(step.before).files
        else:
            before, read = changes[number - 1].after, changes[number - 1].code.files
            before = again.get(step.before) or before
        changes.append(
            Change(
                step,
                step.after.patch,
                before,
                found.of(step.after),
                read,
                found.code(step.after),
                found.affected(step.after),
            )
        )
    return changes


def not_executed(changes: list[Change], request: CheckRequest) -> tuple[str, ...]:
    """List what the patches touch and no scenario runs.

    A patch often adds what only a later one makes use of: what runs at the end
    of the series is not missing.
    """
    every: dict[str, None] = {}
    for stack in _stacks(changes):
        missing = [_coverage(change) for change in stack]
        early = [n for n, each in enumerate(missing[:-1]) if each.missing]
        if early:
            moved = {n: _moved(stack, n) for n in early}
            at_end = _at_end(stack[-1], moved, request)
            for n in early:
                missing[n] = _still_missing(missing[n], moved[n], stack[-1], at_end)
        for coverage in missing:
            every |= dict.fromkeys(coverage.missing)
    return tuple(every)


def nothing_ran(changes: list[Change]) -> bool:
    """Tell whether the patches change code of which no line was run."""
    coverage = [change.after.coverage for change in changes]
    return not any(each.executed for each in coverage)


def _stacks(changes: list[Change]) -> Iterator[list[Change]]:
    stack: list[Change] = []
    for change in changes:
        stack.append(change)
        if change.step.last:
            yield stack
            stack = []


def _coverage(change: Change) -> Coverage:
    files = unread(change.patch, change.code.files, change.read_before)
    return replace(change.after.coverage, unread=files)


_Line = tuple[str, int]


def _moved(stack: list[Change], number: int) -> dict[_Line, _Line]:
    """Return where lines that a patch changes are at the end of the series."""
    found: dict[_Line, _Line] = {}
    changed = (stack[number].step.after.lines, stack[number].affected)
    for file, lines in both(changed).items():
        for line in lines:
            place: _Line | None = (file, line)
            for later in stack[number + 1 :]:
                place = place and forward(later.step.after, *place)
            if place is not None:
                found[file, line] = place
    return found


def _at_end(
    last: Change, moved: dict[int, dict[_Line, _Line]], request: CheckRequest
) -> Coverage:
    """Run the whole series once more, and watch lines of its earlier patches."""
    lines: dict[str, set[int]] = {}
    for places in moved.values():
        for file, line in places.values():
            lines.setdefault(file, set()).add(line)
    watched = {file: frozenset(each) for file, each in lines.items()}
    view: View = replace(last.step.after, lines=watched, before=None)
    return analysed([view], request).of(view).coverage


def _still_missing(
    coverage: Coverage, moved: dict[_Line, _Line], last: Change, at_end: Coverage
) -> Coverage:
    """Leave out what the end of the series runs."""
    lines = {_line(place) for place in at_end.executed if not is_way(place)}
    stuck = {_line(place) for place in at_end.unexecuted if is_way(place)}
    unexecuted = [
        place
        for place in coverage.unexecuted
        if (there := moved.get(_line(place))) not in lines
        or (is_way(place) and there in stuck)
    ]
    dropped = list(coverage.dropped)
    unread_files = []
    for file in coverage.unread:
        names = {there[0] for (name, _), there in moved.items() if name == file}
        if not names or not names <= last.code.files:
            unread_files.append(file)
            continue
        unexecuted += [p for p in at_end.unexecuted if _line(p)[0] in names]
        dropped += [line for line in at_end.dropped if line[0] in names]
    return replace(
        coverage,
        unexecuted=tuple(unexecuted),
        unread=tuple(unread_files),
        dropped=tuple(dropped),
    )


def _line(place: str) -> _Line:
    found = _PLACE.fullmatch(place)
    assert found is not None
    return found[1], int(found[2])
