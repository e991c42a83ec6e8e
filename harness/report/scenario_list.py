"""The scenarios, all of them or those that a tree can run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.series import Tree, apply
from harness.targets import TARGET
from harness.targets.scenarios import SCENARIOS

__all__ = ["scenario_list"]


def scenario_list(tree: Path | None) -> list[tuple[str, str]]:
    """Return name and summary of each scenario."""
    scenarios = SCENARIOS
    if tree is not None:
        with (
            apply(Tree.at(tree)) as view,
            tempfile.TemporaryDirectory(prefix="harness-") as work,
        ):
            scenarios = TARGET.load(view, Path(work)).scenarios()
    return [(scenario.name, scenario.summary) for scenario in scenarios]
