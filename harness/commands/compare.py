"""``harness compare``: two versions of a patch or a series."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands.analysis import request_of
from harness.commands.options import add_choice, add_codes
from harness.commands.outcome import Outcome
from harness.commands.patch_argument import with_patch
from harness.errors import UsageError
from harness.exitcodes import exit_code

if TYPE_CHECKING:
    from harness.check.result import Result

__all__ = ["add_arguments", "run"]

_FORMATS = ("text", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Compare two versions of a patch or a series: which findings of v1 does v2 "
        "fix, which are still there, which are new. Each is a patch as check takes it, "
        "or a result that check has saved as JSON. The exit code is that of v2."
    )
    for name in ("v1", "v2"):
        parser.add_argument(
            name,
            metavar=name.upper(),
            help="a diff, mail, mailbox, directory, commit, A..B, or saved result",
        )
    add_choice(parser)
    parser.add_argument("--format", choices=_FORMATS, default="text")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show what is new in full"
    )
    add_codes(parser)
    parser.set_defaults(no_repair_diff=True)


def run(arguments: argparse.Namespace) -> Outcome:
    """Check what is not saved, and compare."""
    from harness.check.comparison import compare
    from harness.report.comparison_json import comparison_json
    from harness.report.comparison_text import comparison_text

    names = (arguments.v1, arguments.v2)
    if names == ("-", "-"):
        raise UsageError("only one version can come from standard input")
    saved = [_saved(name) for name in names]
    first, second = (
        _checked(arguments, name, other) if result is None else result
        for name, result, other in zip(names, saved, reversed(saved), strict=True)
    )
    comparison = compare(first, second)
    code = exit_code(comparison.verdict, arguments.strictness)
    if arguments.format == "json":
        return Outcome(comparison_json(comparison), code)
    text = comparison_text(
        comparison, colour=arguments.colour, verbose=arguments.verbose
    )
    return Outcome(text, code)


def _saved(name: str) -> Result | None:
    """Return the result that a file holds, None if it holds something else."""
    from harness.report.saved_result import saved_result

    try:
        with Path(name).open("rb") as stream:
            start = stream.read(64)
    except (OSError, ValueError):
        return None
    if not start.lstrip().startswith(b"{"):
        return None
    return saved_result(Path(name))


def _checked(arguments: argparse.Namespace, name: str, other: Result | None) -> Result:
    """Check one version; where the other one is saved, on the same CPUs."""
    from dataclasses import replace

    from harness import assumptions
    from harness.check import pipeline

    arguments.patch = name
    request = with_patch(arguments, request_of(arguments))
    if other is not None and arguments.profile == ("all",):
        request = replace(request, profiles=other.profiles)
    if other is not None and not arguments.assume:
        request = replace(request, assumptions=assumptions.read(other.only_under))
    return pipeline.check(request)
