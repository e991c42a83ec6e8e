"""``harness audit``: check a tree as it is."""

from __future__ import annotations

import argparse

from harness.commands.analysis import part_reported, reported, request_of
from harness.commands.options import add_analysis
from harness.commands.outcome import Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Check a tree as it is: the files of a working directory, those of HEAD of a "
        "bare repository, or those of --base."
    )
    add_analysis(parser)


def run(arguments: argparse.Namespace) -> Outcome:
    """Check the tree."""
    from harness.check import pipeline

    request = request_of(arguments)
    if arguments.shard is not None:
        return part_reported(request, arguments, audit=True)
    return reported(pipeline.audit(request), request, arguments)
