"""``harness rules``: every rule in one line."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from harness.commands.outcome import Outcome

if TYPE_CHECKING:
    from harness.catalogue import Page

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
    return Outcome("".join(_row(page) for page in every))


def _row(page: Page) -> str:
    return f"{page.rule.id} ({page.rule.severity.value})\n  {page.title}\n"
