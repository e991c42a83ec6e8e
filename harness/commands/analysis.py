"""What ``check`` and ``audit`` have in common."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assumptions import add_option, read
from harness.check.shard import MOST, Shard
from harness.commands.outcome import Outcome
from harness.commands.patch_argument import add_base, add_config, add_tree
from harness.errors import UsageError
from harness.exitcodes import Strictness, exit_code
from harness.model_version import model_version
from harness.report.formats import FORMATS, WITH_REPAIRS
from harness.report.text import render_text, terse_text
from reference_model.cores import chosen_profiles

if TYPE_CHECKING:
    from harness.check.request import CheckRequest
    from harness.check.result import Result

__all__ = ["add_analysis", "add_reporting", "part_reported", "reported", "request_of"]


def add_analysis(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
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
    parser.add_argument(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="run part I of N only, for 'harness merge': the work is shared by several "
        "machines, which write --output json=FILE",
    )
    add_reporting(parser)


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
        "--jobs", type=_positive, metavar="N", help="processes; default: one per CPU"
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
        "-q", "--quiet", action="store_true", help="one line for each finding"
    )
    talk.add_argument(
        "-v", "--verbose", action="store_true", help="show what is left out, too"
    )
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


def request_of(arguments: argparse.Namespace) -> CheckRequest:
    """Return the request that the options make, without a patch."""
    from harness.check.request import CheckRequest

    return CheckRequest(
        patch=None,
        patch_name="",
        tree=arguments.tree,
        cwd=Path.cwd(),
        profiles=_profile_names(arguments.profile),
        scenarios=arguments.scenario,
        jobs=arguments.jobs,
        progress=arguments.progress,
        assumptions=read(arguments.assume),
        base=arguments.base,
        config=arguments.config and arguments.config.absolute(),
        repairs=shows_repairs(arguments),
    )


def shows_repairs(arguments: argparse.Namespace) -> bool:
    """Tell whether diffs are asked for: to try them takes time."""
    if arguments.no_repair_diff:
        return False
    formats = {arguments.format, *(name for name, _ in arguments.output)}
    if arguments.format == "text" and arguments.quiet:
        formats.remove("text")
    return not formats.isdisjoint(WITH_REPAIRS)


def part_reported(
    request: CheckRequest, arguments: argparse.Namespace, *, audit: bool = False
) -> Outcome:
    """Run one part of the work; nothing is decided by it."""
    from harness.check.parts import part_of

    if arguments.strictness in (Strictness.CONCLUSIVE, Strictness.BISECT):
        raise UsageError("a part has no verdict: give this option to harness merge")
    if arguments.save_traces is not None:
        raise UsageError("a part has no findings: give --save-traces to harness merge")
    return reported(part_of(request, arguments.shard, audit=audit), request, arguments)


def reported(
    result: Result, request: CheckRequest, arguments: argparse.Namespace
) -> Outcome:
    """Save the traces if that is asked for; return the report and its exit code."""
    if arguments.save_traces is not None:
        from harness.check.saved_traces import save_traces

        directory = arguments.save_traces
        result = save_traces(request, result, directory, model_version())
    for name, file in arguments.output:
        _written(file, _rendered(name, result, arguments))
    code = exit_code(result.verdict, arguments.strictness)
    if arguments.format != "text":
        return Outcome(_rendered(arguments.format, result, arguments), code)
    colour = arguments.colour and not os.environ.get("NO_COLOR")
    if arguments.quiet:
        return Outcome(terse_text(result, colour=colour), code)
    return Outcome(render_text(result, colour=colour, verbose=arguments.verbose), code)


def _rendered(name: str, result: Result, arguments: argparse.Namespace) -> str:
    if name == "mail" and arguments.mail_always:
        from harness.report.mail import render_mail

        return render_mail(result, always=True)
    return FORMATS[name](result)


def _written(file: Path, text: str) -> None:
    """Write a file whole or not at all: a reader may be waiting for it."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=".harness-", delete=False
        ) as stream:
            stream.write(text)
        os.chmod(stream.name, 0o644)
        os.replace(stream.name, file)
    except OSError as error:
        raise UsageError(f"cannot write '{file}': {error.strerror}") from error


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


def _profile_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the full names of profiles, cores with all their variants."""
    every: dict[str, None] = {}
    for name in names:
        chosen = chosen_profiles(name)
        if not chosen:
            raise UsageError(f"no profile '{name}': 'harness profiles' lists them")
        every.update(dict.fromkeys(chosen))
    return tuple(every)
