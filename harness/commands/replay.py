"""``harness replay``: run a token or a saved trace on the reference machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness import assumptions
from harness.commands.outcome import Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.description = (
        "Show the finding of a replay token again, or run a trace of events on the "
        "reference machine: exit 0 if nothing is wrong, 1 if something is."
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="TOKEN|FILE",
        help="a token out of a report (tlb1...), or a trace; more files go on where "
        "it stops",
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
        help="write the trace in the other format as well; that of a token as jsonl",
    )
    parser.add_argument(
        "--describe", action="store_true", help="describe the formats and stop"
    )
    parser.add_argument(
        "--step",
        action="store_true",
        help="show what the tables and each TLB hold after each step",
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
    from harness.check.replays.replayed import ReplayRequest, replay
    from harness.errors import UsageError
    from harness.exitcodes import Strictness, exit_code
    from harness.report.replay_text import render_replay
    from harness.traces.manual import manual

    if arguments.describe:
        return Outcome(manual())
    if not arguments.files:
        raise UsageError(
            "no trace given: give a token or name a file (--describe explains)"
        )
    token = _token(arguments.files)
    request = ReplayRequest(
        files=() if token else tuple(map(Path, arguments.files)),
        token=token,
        format=arguments.format,
        profiles=_profiles(arguments.profile),
        assume=tuple(arguments.assume),
        progress=getattr(arguments, "progress", None),
    )
    if arguments.export is not None:
        from harness.check.replays.exported import export

        export(request.files, request.format, arguments.export, request.token)
    replayed = replay(request)
    strict = arguments.require_conclusive
    strictness = Strictness.CONCLUSIVE if strict else Strictness.DEFAULT
    text = render_replay(
        replayed,
        colour=getattr(arguments, "colour", False),
        verbose=arguments.verbose,
        stepping=arguments.step,
    )
    return Outcome(text, exit_code(replayed.verdict, strictness))


def _token(given: list[str]) -> str:
    """Return the token, put together again if a mail has broken it; "" for none."""
    from harness.check.replays.tokens import is_token

    text = "".join(given)
    return text if is_token(text) else ""


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
