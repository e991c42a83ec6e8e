"""``harness assumptions``: the readings of the architecture that can be chosen."""

from __future__ import annotations

import argparse
import json

from harness.assumptions import ASSUMPTIONS, NO_CHOICE, Assumption
from harness.commands.outcome import Outcome
from harness.report.terminal import hanging

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> Outcome:
    """Return the list."""
    if arguments.json:
        rows = [_data(one) for one in ASSUMPTIONS.values()]
        data = {"assumptions": rows, "no_choice": NO_CHOICE}
        return Outcome(json.dumps(data, indent=1) + "\n")
    lines = []
    for one in ASSUMPTIONS.values():
        lines += _lines(one)
    lines.append("with nothing to choose:")
    for name, why in NO_CHOICE.items():
        lines += hanging(f"  {name}: ", why)
    return Outcome("\n".join(lines) + "\n")


def _lines(one: Assumption) -> list[str]:
    values = [f"{one.default} (default)", *(word for word, _ in one.values[1:])]
    lines = [f"{one.name}={'|'.join(values)}", *hanging("  ", one.meaning)]
    if one.arm_rules:
        lines += hanging("  Arm rules: ", ", ".join(one.arm_rules))
    if one.findings:
        lines += hanging("  findings that may rest on it: ", ", ".join(one.findings))
    return lines


def _data(one: Assumption) -> dict[str, object]:
    return {
        "name": one.name,
        "values": [word for word, _ in one.values],
        "default": one.default,
        "meaning": one.meaning,
        "arm_rules": list(one.arm_rules),
        "findings": list(one.findings),
        "default_may_hide": one.hides,
    }
