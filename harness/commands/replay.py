"""``harness replay``: run a saved trace on the reference machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness import assumptions
from harness.commands.outcome import Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Run a trace of events on the reference machine: exit 0 if nothing is wrong, "
        "1 if something is."
    )
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="a trace; more files go on where it stops",
    )
    parser.add_argument(
        "--format",
        choices=("jsonl", "casemate"),
        default="jsonl",
        help="of the files: the harness's own (default), or casemate's logs",
    )
    parser.add_argument(
        "--profile",
        action="append",
        metavar="NAME,...",
        help="CPU profiles, or all; default: what the trace says",
    )
    assumptions.add_option(parser)
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="write the trace in the other format as well",
    )
    parser.add_argument(
        "--describe", action="store_true", help="describe the formats and stop"
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="no word on progress"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show what is left out, too"
    )
    parser.add_argument(
        "--require-conclusive", action="store_true", help="exit 3 if inconclusive"
    )


def run(arguments: argparse.Namespace) -> Outcome:
    """Replay the trace."""
    from harness.check.replayed import ReplayRequest, replay
    from harness.errors import UsageError
    from harness.exitcodes import Strictness, exit_code
    from harness.report.replay_text import render_replay
    from harness.traces.manual import manual

    if arguments.describe:
        return Outcome(manual())
    if not arguments.files:
        raise UsageError("no trace given: name a file (--describe explains)")
    request = ReplayRequest(
        files=tuple(arguments.files),
        format=arguments.format,
        profiles=_profiles(arguments.profile),
        assume=tuple(arguments.assume),
        progress=getattr(arguments, "progress", None),
    )
    if arguments.export is not None:
        from harness.check.exported import export

        export(request.files, request.format, arguments.export)
    replayed = replay(request)
    strict = arguments.require_conclusive
    strictness = Strictness.CONCLUSIVE if strict else Strictness.DEFAULT
    text = render_replay(
        replayed, colour=getattr(arguments, "colour", False), verbose=arguments.verbose
    )
    return Outcome(text, exit_code(replayed.verdict, strictness))


def _profiles(given: list[str] | None) -> tuple[str, ...]:
    from harness.errors import UsageError
    from reference_model.cores import chosen_profiles

    names: dict[str, None] = {}
    for name in (n.strip() for text in given or () for n in text.split(",")):
        found = chosen_profiles(name)
        if not found:
            raise UsageError(f"no profile '{name}': 'harness profiles' lists them")
        names.update(dict.fromkeys(found))
    return tuple(names)
