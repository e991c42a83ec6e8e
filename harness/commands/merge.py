"""``harness merge``: put the parts of a check together."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands.analysis import reported, shows_repairs
from harness.commands.options import add_jobs, add_reporting
from harness.commands.outcome import Outcome
from harness.commands.patch_argument import add_config, add_tree
from harness.errors import ReportError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Put together what 'harness check --shard I/N' or 'harness audit --shard I/N' "
        "found on several machines: the report and the exit code are those of one run. "
        "The tree has to be at hand as it was there."
    )
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="what each part wrote with --output json=FILE",
    )
    add_tree(parser)
    add_config(parser)
    add_jobs(parser)
    add_reporting(parser)


def run(arguments: argparse.Namespace) -> Outcome:
    """Finish the check with what the parts have found."""
    from dataclasses import replace

    from harness.check import pipeline
    from harness.check.request import CheckRequest
    from harness.check.shards.parts import given_by, merged
    from harness.report.report_reader import read_report
    from harness.report.saved_result import part_of_report, saved_result

    if arguments.baseline is not None:
        saved_result(arguments.baseline)  # refused before the work, not after it

    parts = []
    seconds = 0.0
    for file in arguments.files:
        report = read_report(file)
        part = part_of_report(report)
        if part is None:
            raise ReportError(f"'{file}' is a whole result: there is nothing to merge")
        parts.append((str(file), part))
        seconds += report["stats"].get("seconds", 0.0)
    given, done = given_by(parts)
    place = CheckRequest(
        None,
        "",
        arguments.tree,
        Path.cwd(),
        jobs=arguments.jobs,
        progress=arguments.progress,
        config=arguments.config and arguments.config.absolute(),
    )
    repairs = shows_repairs(arguments)
    request = replace(given.request(place), done=done, repairs=repairs)
    check = pipeline.audit if given.command == "audit" else pipeline.check
    result = merged(check(request), parts, seconds)
    return reported(result, request, arguments)
