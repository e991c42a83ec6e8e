"""``harness litmus``: run litmus tests and compare with what they expect."""

from __future__ import annotations

import argparse

from harness.commands.outcome import Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Run litmus tests: exit 0 if all come out as they say, 1 if one does not."
    )
    parser.epilog = "harness litmus --format describes the files."
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="tests, or folders of *.litmus"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show a shortest execution, and the repair of each finding",
    )
    parser.add_argument(
        "--profile", metavar="NAME", help="run on this instead of each test's profile"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="processes; default: 1"
    )
    parser.add_argument(
        "--states",
        type=int,
        metavar="N",
        help="give up after so many states; default: 200000",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="only what did not come out"
    )
    parser.add_argument(
        "--format", action="store_true", help="describe the format of the files"
    )


def run(arguments: argparse.Namespace) -> Outcome:
    """Run the tests."""
    from harness.errors import UsageError
    from harness.exitcodes import ExitCode
    from harness.litmus.listing import listing
    from harness.litmus.manual import MANUAL
    from harness.litmus.run import MOST_STATES
    from harness.litmus.suite import find, run_all

    if arguments.format:
        return Outcome(MANUAL)
    if not arguments.files:
        raise UsageError("no test given: name files or folders (--format explains)")
    if arguments.jobs < 1:
        raise UsageError(f"expected a number of jobs above 0, not {arguments.jobs}")
    states = MOST_STATES if arguments.states is None else arguments.states
    if states < 1:
        raise UsageError(f"expected a number of states above 0, not {states}")
    files = find(arguments.files)
    answers = run_all(files, arguments.profile, arguments.jobs, states)
    text = listing(answers, explain=arguments.explain, quiet=arguments.quiet)
    bad = any(not answer.ok for answer in answers)
    return Outcome(text, ExitCode.FINDINGS if bad else ExitCode.CLEAN)
