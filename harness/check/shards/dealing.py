"""Which part of a check analyses what: dealt out so that all take about as long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.check.shards.blocks import EVERY_BLOCK
from harness.check.shards.shard import Shard
from harness.check.tree_analysis import TreeJob

__all__ = ["dealt"]

# What the blocks of the embedded base cost, as measured.  The balance depends on
# it, the outcome does not: most of the time goes into tables of 512 descriptors.
_COSTS = (35, 85, 5, 5, 5, 63, 45, 20)
_PATCHED = 2  # a patched tree has more to explain


def dealt(jobs: Mapping[str, TreeJob], shard: Shard) -> list[TreeJob]:
    """Return the jobs of one part, each with the blocks that are its own."""
    order = [(key, block) for key in jobs for block in EVERY_BLOCK]
    costs = {(key, block): _cost(jobs[key], block) for key, block in order}
    loads = [0] * shard.count
    mine: dict[str, list[int]] = {}
    for key, block in sorted(order, key=lambda unit: -costs[unit]):
        part = loads.index(min(loads))
        loads[part] += costs[key, block]
        if part == shard.number - 1:
            mine.setdefault(key, []).append(block)
    return [
        replace(job, blocks=tuple(sorted(mine[key])))
        for key, job in jobs.items()
        if key in mine
    ]


def _cost(job: TreeJob, block: int) -> int:
    return _COSTS[block] * (1 if job.view.patch is None else _PATCHED)
