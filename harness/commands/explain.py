"""``harness explain RULE``: the page of a rule."""

from __future__ import annotations

import argparse

from harness.commands.outcome import Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("rule", metavar="RULE", help="as in 'harness rules'")


def run(arguments: argparse.Namespace) -> Outcome:
    """Return the page; raises UsageError if there is no such rule."""
    from harness.catalogue import page, page_text

    return Outcome(page_text(page(arguments.rule)))
