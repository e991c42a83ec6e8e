"""``harness check``: check patches, one or a series."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.commands.analysis import add_analysis, reported, request_of
from harness.commands.outcome import Outcome
from harness.commands.patch_argument import add_patch, with_patch
from harness.errors import UsageError
from harness.exitcodes import Strictness

if TYPE_CHECKING:
    from harness.check.request import CheckRequest

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Check a patch, or each patch of a series on top of those before it. With "
        "--bisect and without a patch, check the tree as it is."
    )
    add_patch(parser)
    parser.add_argument(
        "--example", metavar="NAME", help="check patches/NAME.patch, an own example"
    )
    add_analysis(parser)


def run(arguments: argparse.Namespace) -> Outcome:
    """Check what the command line names."""
    from harness.check import pipeline

    request = request_of(arguments)
    if arguments.example is not None:
        request = _example(arguments, request)
    elif arguments.patch is None and arguments.strictness is Strictness.BISECT:
        # git bisect run has no patch to give: the commit is checked out.
        return reported(pipeline.audit(request), request, arguments)
    else:
        request = with_patch(arguments, request)
    return reported(pipeline.check(request), request, arguments)


def _example(arguments: argparse.Namespace, request: CheckRequest) -> CheckRequest:
    from harness.report.examples import example
    from harness.series.base import EMBEDDED

    given = (arguments.patch, arguments.tree, arguments.base, arguments.config)
    if any(each is not None for each in given):
        raise UsageError("--example comes with its own patch and tree")
    patch, name = example(arguments.example)
    return replace(request, patch=patch, patch_name=name, cwd=EMBEDDED)
