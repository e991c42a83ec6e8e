"""The parts that the analysis of a tree is made of, whoever runs them.

What is found out about one scenario helps with the next, so that the outcome
depends on which scenarios run together.  They run in fixed blocks, each of which
knows of no other: the same comes out on one CPU, on many, and on many machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.check.coverage.coverage import common
from harness.check.tree_analysis import BLOCKS, TreeAnalysis

__all__ = ["EVERY_BLOCK", "complete", "joined"]

EVERY_BLOCK = tuple(range(BLOCKS))


def complete(blocks: Mapping[int, TreeAnalysis]) -> bool:
    """Tell whether the blocks are all that there is to say about a tree."""
    return set(_needed(blocks)) <= set(blocks)


def joined(blocks: Mapping[int, TreeAnalysis]) -> TreeAnalysis:
    """Put the blocks of one tree's analysis together.

    One bound that was reached is enough: what comes after it does not count.
    """
    parts = [blocks[number] for number in _needed(blocks)]
    if not parts[0].scenarios:  # nothing ran, and each says so
        return parts[0]
    whole = TreeAnalysis(scenarios=parts[0].scenarios, unhandled=parts[0].unhandled)
    for part in parts:
        whole.diagnoses += part.diagnoses
        whole.reached += part.reached
        whole.savings += part.savings
        whole.needs += part.needs
        whole.costs.update(part.costs)
        whole.complete |= part.complete
        whole.executions += part.executions
        whole.events += part.events
        whole.exhausted = whole.exhausted and part.exhausted
    place = {name: number for number, name in enumerate(whole.scenarios)}
    whole.diagnoses.sort(key=lambda found: place[found.scenario])
    whole.reached.sort(key=lambda found: place[found.scenario])
    whole.savings.sort(key=lambda found: place[found.scenario])
    whole.needs.sort(key=lambda found: place[found.scenario])
    whole.coverage = common(part.coverage for part in parts)
    return whole


def _needed(blocks: Mapping[int, TreeAnalysis]) -> Sequence[int]:
    """Return the blocks up to the first one that reached a bound."""
    for number in EVERY_BLOCK:
        if number in blocks and not blocks[number].exhausted:
            return EVERY_BLOCK[: number + 1]
    return EVERY_BLOCK
