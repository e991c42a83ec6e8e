"""``harness scenarios``: list the scenarios."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.outcome import Outcome
from harness.report.terminal import hanging

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--tree", type=Path, metavar="DIR", help="only those that this tree can run"
    )


def run(arguments: argparse.Namespace) -> Outcome:
    """Return names and summaries, in two columns."""
    from harness.report.scenario_list import scenario_list

    rows = scenario_list(arguments.tree)
    width = max(len(name) for name, _ in rows)
    lines = [
        line for name, text in rows for line in hanging(f"{name:<{width}}  ", text)
    ]
    return Outcome("".join(f"{line}\n" for line in lines))
