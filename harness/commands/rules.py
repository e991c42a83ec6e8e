"""``harness rules``: every rule in one line."""

from __future__ import annotations

import argparse
import json

from harness.commands.outcome import Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> Outcome:
    """Return the list."""
    from harness.catalogue import pages

    every = pages()
    if arguments.json:
        rows = [
            {
                "rule": page.rule.id,
                "severity": page.rule.severity.value,
                "title": page.title,
                "message": page.rule.message,
                "arm_rules": list(page.rule.arm_rules),
            }
            for page in every
        ]
        return Outcome(json.dumps(rows, indent=2) + "\n")
    return Outcome("".join(_row(p.rule.id, p.rule.severity.value, p.title) for p in every))


def _row(rule: str, severity: str, title: str) -> str:
    return f"{rule}  ({severity})\n  {title}\n"
