"""Which patch of one version of a series became which of the next one."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

from harness.check.result import PatchSummary

__all__ = ["Pair", "Sameness", "paired"]

_TAGS = re.compile(r"^(?:\s*\[[^\]]*\])+")


class Sameness(Enum):
    """By what two patches were paired, or that there is only one."""

    SAME = "same"  # they change the same
    SUBJECT = "changed"  # of one subject
    ORDER = "renamed"  # at one place of the series, on the same files
    DROPPED = "dropped"  # only in the first version
    ADDED = "added"  # only in the second one


@dataclass(frozen=True, slots=True)
class Pair:
    """Two patches, by their numbers from 1; 0 is none."""

    first: int
    second: int
    sameness: Sameness


def paired(
    first: Sequence[PatchSummary], second: Sequence[PatchSummary]
) -> tuple[Pair, ...]:
    """Pair the patches of two versions; what is left is named as well."""
    old = dict(enumerate(first, 1))
    new = dict(enumerate(second, 1))
    pairs = [
        *_alike(old, new, lambda patch: patch.identity, Sameness.SAME),
        *_alike(old, new, _subject, Sameness.SUBJECT),
        *_in_order(old, new),
    ]
    pairs += [Pair(number, 0, Sameness.DROPPED) for number in old]
    pairs += [Pair(0, number, Sameness.ADDED) for number in new]
    # As the second version has them; what was dropped goes last.
    return tuple(sorted(pairs, key=lambda p: (not p.second, p.second, p.first)))


_Numbered = dict[int, PatchSummary]


def _alike(
    old: _Numbered,
    new: _Numbered,
    key: Callable[[PatchSummary], Hashable],
    sameness: Sameness,
) -> list[Pair]:
    """Pair those of one key in their order, and take them out."""
    found = []
    for number, patch in list(old.items()):
        other = next((n for n, p in new.items() if key(p) and key(p) == key(patch)), 0)
        if other:
            found.append(Pair(number, other, sameness))
            del old[number], new[other]
    return found


def _subject(patch: PatchSummary) -> str:
    return " ".join(_TAGS.sub("", patch.subject).lower().split())


def _in_order(old: _Numbered, new: _Numbered) -> list[Pair]:
    """Pair what is left and changes a file in common, without crossing."""
    found = []
    after = 0
    for number, patch in list(old.items()):
        for other, candidate in list(new.items()):
            if other > after and set(patch.files) & set(candidate.files):
                found.append(Pair(number, other, Sameness.ORDER))
                del old[number], new[other]
                after = other
                break
    return found
