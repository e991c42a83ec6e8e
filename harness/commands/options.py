"""The options that several commands have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.assumptions import add_option
from harness.check.shards.shard import MOST, Shard
from harness.commands.patch_argument import add_base, add_config, add_tree
from harness.exitcodes import Strictness
from harness.report.formats import FORMATS

__all__ = ["add_analysis", "add_choice", "add_codes", "add_jobs", "add_reporting"]


def add_analysis(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_choice(parser)
    parser.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="run part I of N only, for 'harness merge': the work is shared by several "
        "machines, which write --output json=FILE",
    )
    add_reporting(parser)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add what chooses the tree, the CPUs and the scenarios."""
    add_tree(parser)
    add_base(parser)
    add_config(parser)
    parser.add_argument(
        "--profile",
        type=_names,
        default=("all",),
        metavar="NAME,...",
        help="CPU profiles or real cores; all (default) is the profiles of the "
        "architecture, cores every core",
    )
    add_option(parser)
    parser.add_argument(
        "--scenario",
        type=_names,
        metavar="NAME,...",
        help="scenarios, or families of them (before the slash); default: all",
    )
    add_jobs(parser)


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add how much may run at once."""
    parser.add_argument(
        "--jobs", type=_positive, metavar="N", help="processes; default: one per CPU"
    )


def add_reporting(parser: argparse.ArgumentParser) -> None:
    """Add what is the same however the work is done."""
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="text",
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}; default: text",
    )
    parser.add_argument(
        "--output",
        type=_output,
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="write the report to a file as well, in a format; may be repeated",
    )
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="a result saved as JSON: what it has found already is counted as known",
    )
    parser.add_argument(
        "--save-traces",
        type=Path,
        metavar="DIR",
        help="write the trace of each new finding there, for harness replay",
    )
    parser.add_argument(
        "--no-repair-diff",
        action="store_true",
        help="do not look for repairs of the source: each is tried by analyses of "
        "its own, which takes time where something is found",
    )
    parser.add_argument(
        "--mail-always",
        action="store_true",
        help="a mail even where there is no error; default: none",
    )
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="one line for each finding and each thing not covered",
    )
    talk.add_argument(
        "-v", "--verbose", action="store_true", help="show what is left out, too"
    )
    add_codes(parser)


def add_codes(parser: argparse.ArgumentParser) -> None:
    """Add what decides on the exit code."""
    codes = parser.add_mutually_exclusive_group()
    for option, strictness, what in (
        ("--require-conclusive", Strictness.CONCLUSIVE, "exit 3 if inconclusive"),
        ("--bisect", Strictness.BISECT, "exit 125 if there is no verdict"),
        ("--exit-zero", Strictness.ADVISORY, "exit 0 even with findings"),
    ):
        codes.add_argument(
            option,
            dest="strictness",
            action="store_const",
            const=strictness,
            default=Strictness.DEFAULT,
            help=what,
        )


def _output(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not equals or not file:
        raise argparse.ArgumentTypeError(f"expected FORMAT=FILE, not '{text}'")
    if name not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"no format '{name}': there are {', '.join(FORMATS)}"
        )
    return name, Path(file)


def _shard(text: str) -> Shard:
    number, slash, count = text.partition("/")
    if slash and number.isdecimal() and count.isdecimal():
        shard = Shard(int(number), int(count))
        if 1 <= shard.number <= shard.count <= MOST:
            return shard
    raise argparse.ArgumentTypeError(
        f"expected I/N with I from 1 to N, at most {MOST}, not '{text}'"
    )


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    if not names:
        raise argparse.ArgumentTypeError("expected names separated by commas")
    return names


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0, not '{text}'")
    return int(text)
