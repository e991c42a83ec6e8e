"""``harness check``: check patches, one or a series."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.analysis import part_reported, reported, request_of
from harness.commands.options import add_analysis
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
    parser.add_argument(
        "--snippet",
        metavar="FILE",
        help="check C, as pasted from a mail, in place of what it redefines in the "
        "tree; - for standard input",
    )
    add_analysis(parser)


def run(arguments: argparse.Namespace) -> Outcome:
    """Check what the command line names."""
    from harness.check import pipeline

    request = request_of(arguments)
    if arguments.example is not None:
        request = _example(arguments, request)
    elif arguments.snippet is not None:
        request = _snippet(arguments, request)
    elif arguments.patch is None and arguments.strictness is Strictness.BISECT:
        # git bisect run has no patch to give: the commit is checked out.
        return reported(pipeline.audit(request), request, arguments)
    else:
        request = with_patch(arguments, request)
    if arguments.shard is not None:
        return part_reported(request, arguments)
    return reported(pipeline.check(request), request, arguments)


def _snippet(arguments: argparse.Namespace, request: CheckRequest) -> CheckRequest:
    from harness.check.request import Form
    from harness.errors import PatchError
    from harness.series.snippet import SNIPPET_LIMIT

    if arguments.patch is not None:
        raise UsageError("--snippet is checked by itself, not with a patch")
    source: str = arguments.snippet
    if source == "-":
        data = arguments.stdin.buffer.read(SNIPPET_LIMIT + 1)
        source = "<stdin>"
    else:
        try:
            with Path(source).open("rb") as stream:
                data = stream.read(SNIPPET_LIMIT + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise PatchError(f"cannot read snippet '{source}': {why}") from error
    return replace(request, patch=data, patch_name=source, form=Form.SNIPPET)


def _example(arguments: argparse.Namespace, request: CheckRequest) -> CheckRequest:
    from harness.report.examples import example
    from harness.series.base import EMBEDDED

    given = (
        arguments.patch,
        arguments.tree,
        arguments.base,
        arguments.config,
        arguments.snippet,
    )
    if any(each is not None for each in given):
        raise UsageError("--example comes with its own patch and tree")
    patch, name = example(arguments.example)
    return replace(request, patch=patch, patch_name=name, cwd=EMBEDDED)
