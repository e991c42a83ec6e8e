"""Proposals for one finding: changes of the source, the most likely one first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from harness.check.mending import Mending
from harness.check.repairs.insertions import insertions, stronger_calls
from harness.check.repairs.patched_code import PatchedCode
from harness.check.repairs.reorderings import swaps, unconditional
from harness.check.repairs.substitutions import callees, operands
from harness.check.repairs.templates import templates
from harness.check.repairs.texts import Change, clash

__all__ = ["proposals"]

_OPTIONS = 64  # of one edit
_COMBINED = 6  # of one edit, where several are needed

_Changes = frozenset[Change]


@dataclass(frozen=True, slots=True)
class _Option:
    """Changes for one edit; ``rank`` is what speaks against them, the worst first."""

    rank: tuple[int, ...]
    changes: tuple[Change, ...]


def proposals(code: PatchedCode, mendings: tuple[Mending, ...]) -> list[_Changes]:
    """List the changes that may come to what the edits of a trace do.

    In lines of the patch first, then in functions that it touched; outside of
    loops first; what corrects first, then what adds; the smallest first.
    """
    each = [_options(code, mending) for mending in mendings]
    if len(each) > 1:
        each = [options[:_COMBINED] for options in each]
    # One change of the source may do what takes several edits of a trace.
    chosen: list[tuple[_Option, ...]] = [
        (option,) for options in each for option in options
    ]
    chosen += product(*each) if len(each) > 1 else ()
    found: dict[_Changes, tuple[int, ...]] = {}
    for options in chosen:
        changes = frozenset(c for option in options for c in option.changes)
        if not clash(changes) and changes not in found:
            ranks = [option.rank for option in options]
            found[changes] = tuple(sum(column) for column in zip(*ranks, strict=True))
    return sorted(found, key=lambda changes: found[changes])


def _options(code: PatchedCode, mending: Mending) -> list[_Option]:
    found: list[_Option] = []
    every = islice(_every(code, mending), _OPTIONS)
    for (repeated, kind, away), changes in every:
        far = max(code.distance(change) for change in changes)
        size = sum(c.new.count("\n") + 1 for c in changes)
        found.append(_Option((far, int(repeated), kind, away, size), changes))
    return sorted(found, key=lambda option: option.rank)


def _every(
    code: PatchedCode, mending: Mending
) -> Iterator[tuple[tuple[bool, int, int], tuple[Change, ...]]]:
    """Yield changes with whether they are in a loop, their kind, and how far away."""
    if mending.wrong:
        for changes in callees(code, mending):
            yield (False, 0, 0), changes
        for changes in operands(code, mending):
            if changes:
                yield (False, 1, 0), changes
    if mending.missing:
        for changes in swaps(code, mending):
            yield (False, 0, 0), changes
        for changes in unconditional(code, mending):
            yield (False, 1, 0), changes
        for repeated, away, changes in insertions(code, mending):
            yield (repeated, 2, away), changes
        for changes in templates(code, mending):
            yield (False, 3, 0), changes
        for repeated, away, changes in stronger_calls(code, mending):
            yield (repeated, 4, away), changes
