"""The command line: the only place that prints, exits or reads standard input.

Commands import the pipeline when they run, so that --help and a mistyped
option need not wait for it.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import harness
from harness.assumptions import add_option, read
from harness.check.result import Result
from harness.errors import HarnessError, PatchError, Unsupported, UsageError
from harness.exitcodes import ExitCode, Strictness, exit_code, for_failure
from harness.report.examples import example
from harness.report.formats import FORMATS
from harness.report.model_version import model_version
from harness.report.terminal import hanging, harmless
from harness.report.text import render_text, terse_text
from harness.series.base import EMBEDDED
from harness.series.patch import SIZE_LIMIT
from reference_model.cores import chosen_profiles

if TYPE_CHECKING:
    from harness.check.pipeline import CheckRequest

__all__ = ["main"]

# Commands with a module of their own in harness.commands, and what they do.
_COMMANDS: dict[str, str] = {
    "replay": "run a saved trace of events, or a casemate log",
    "profiles": "show the CPU profiles and the real cores",
    "assumptions": "list the readings of the architecture that can be chosen",
    "explain": "explain a rule",
    "rules": "list the rules",
    "litmus": "run litmus tests",
    "cost": "tell what TLB maintenance costs, with and without a patch",
}

_EPILOG = """\
exit codes: 0 nothing new at error level, 1 new errors, 2 could not analyse,
3 inconclusive (--require-conclusive), 125 skip (--bisect)"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Read before the arguments are understood: a mistake in them must not look
    # like a bad commit.
    strictness = Strictness.BISECT if "--bisect" in given else Strictness.DEFAULT
    try:
        code = _run(given, strictness)
        sys.stdout.flush()
    except HarnessError as error:
        return _failed(f"error: {error}", for_failure(strictness))
    except Unsupported as unsupported:
        strict = "--require-conclusive" in given
        code = ExitCode.INCONCLUSIVE if strict else for_failure(strictness)
        return _failed(f"inconclusive: {unsupported}", code)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; what it did not want to see is no failure of
        # the analysis, but nobody may take it for a clean one either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return for_failure(strictness)
    # The boundary of the program: whatever went wrong, the user gets one line
    # and a code that is neither "clean" nor "unsafe".
    except Exception as error:  # noqa: BLE001
        return _failed(_internal(error), for_failure(strictness))
    return code


def _failed(message: str, code: int) -> int:
    print(f"harness: {harmless(message)}", file=sys.stderr)
    return code


def _internal(error: Exception) -> str:
    """Say where an error came from that should not have happened."""
    if os.environ.get("HARNESS_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    # An error of a worker process carries its traceback as the text of a cause.
    lines = "".join(traceback.format_exception(error.__cause__ or error))
    file, line = re.findall(r'File "(.+)", line (\d+)', lines)[-1]
    return (
        f"internal error: {type(error).__name__} at {Path(file).name}:{line}: {error}; "
        f"please report (HARNESS_DEBUG=1 shows more)"
    )


def _run(given: list[str], strictness: Strictness) -> int:
    try:
        arguments = _parser().parse_args(given)
    except SystemExit as stop:  # argparse has said why
        return for_failure(strictness) if stop.code else ExitCode.CLEAN
    command: Callable[[argparse.Namespace], int] = arguments.run
    return command(arguments)


# ------------------------------------------------------------------- commands


def _check(arguments: argparse.Namespace) -> int:
    from harness.check.pipeline import check

    cwd = Path.cwd()
    if arguments.example is not None:
        if arguments.patch is not None or arguments.tree is not None:
            raise UsageError("--example comes with its own patch and tree")
        patch, name = example(arguments.example)
        cwd = EMBEDDED
    else:
        patch, name = _read_patch(arguments.patch)
    with _Progress(arguments) as progress:
        request = _request(arguments, patch, name, cwd, progress)
        result = _saved(check(request), request, arguments)
    return _reported(result, arguments)


def _audit(arguments: argparse.Namespace) -> int:
    from harness.check.pipeline import audit

    with _Progress(arguments) as progress:
        request = _request(arguments, None, "", Path.cwd(), progress)
        result = _saved(audit(request), request, arguments)
    return _reported(result, arguments)


def _saved(
    result: Result, request: CheckRequest, arguments: argparse.Namespace
) -> Result:
    """Save the traces of the findings, if that is asked for."""
    if arguments.save_traces is None:
        return result
    from harness.check.saved_traces import save_traces

    return save_traces(request, result, arguments.save_traces, model_version())


def _request(
    arguments: argparse.Namespace,
    patch: bytes | None,
    name: str,
    cwd: Path,
    progress: _Progress,
) -> CheckRequest:
    from harness.check.pipeline import CheckRequest

    return CheckRequest(
        patch=patch,
        patch_name=name,
        tree=arguments.tree,
        cwd=cwd,
        profiles=_profile_names(arguments.profile),
        scenarios=arguments.scenario,
        jobs=arguments.jobs,
        progress=progress.show if progress.wanted else None,
        embedded=EMBEDDED,
        assumptions=read(arguments.assume),
    )


def _read_patch(source: str | None) -> tuple[bytes, str]:
    """Return the patch and its name; ``-`` or a pipe is standard input."""
    if source is None and sys.stdin.isatty():
        raise UsageError("no patch given: name a file, or pipe one in")
    if source in (None, "-"):
        return sys.stdin.buffer.read(SIZE_LIMIT + 1), "<stdin>"
    assert source is not None
    try:
        with Path(source).open("rb") as stream:
            return stream.read(SIZE_LIMIT + 1), source
    except OSError as error:
        raise PatchError(f"cannot read patch '{source}': {error.strerror}") from error


def _reported(result: Result, arguments: argparse.Namespace) -> int:
    """Print the report and return the exit code of its verdict."""
    if arguments.format == "text":
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        text = (
            terse_text(result, colour=colour)
            if arguments.quiet
            else render_text(result, colour=colour, verbose=arguments.verbose)
        )
    else:
        text = FORMATS[arguments.format](result)
    print(text, end="", flush=True)
    return exit_code(result.verdict, arguments.strictness)


def _scenarios(arguments: argparse.Namespace) -> int:
    from harness.report.scenario_list import scenario_list

    _table(scenario_list(arguments.tree))
    return ExitCode.CLEAN


def _run_module(name: str, arguments: argparse.Namespace) -> int:
    arguments.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    with _Progress(arguments) as progress:
        arguments.progress = progress.show if progress.wanted else None
        outcome = _module(name).run(arguments)
    print(outcome.text, end="", flush=True)
    code: int = outcome.code
    return code


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"harness.commands.{name}")


def _table(rows: list[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, summary in rows:
        print("\n".join(hanging(f"{name:<{width}}  ", summary)))


def _regenerate(arguments: argparse.Namespace) -> int:
    from harness.report.generate import outdated, write

    if not arguments.check:
        for path in write():
            print(f"wrote {path}")
        return ExitCode.CLEAN
    stale = outdated()
    for path in stale:
        print(f"{path} is out of date: run 'harness regen'", file=sys.stderr)
    return ExitCode.FINDINGS if stale else ExitCode.CLEAN


# ------------------------------------------------------------------ arguments


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


def _version() -> str:
    pycparser = importlib.metadata.version("pycparser")
    version = harness.__version__
    return f"harness {version}, model {model_version()}, pycparser {pycparser}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="harness",
        description=harness.__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    checking = commands.add_parser("check", help="check a patch")
    checking.add_argument(
        "patch", nargs="?", metavar="PATCH", help="a diff or mail; - for stdin"
    )
    checking.add_argument(
        "--example", metavar="NAME", help="check patches/NAME.patch, an own example"
    )
    _add_analysis(checking)
    checking.set_defaults(run=_check)

    auditing = commands.add_parser("audit", help="check a tree as it is")
    _add_analysis(auditing)
    auditing.set_defaults(run=_audit)

    scenarios = commands.add_parser("scenarios", help="list the scenarios")
    scenarios.add_argument(
        "--tree", type=Path, metavar="DIR", help="only those that this tree can run"
    )
    scenarios.set_defaults(run=_scenarios)

    for name, help_text in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        _module(name).add_arguments(command)
        command.set_defaults(run=partial(_run_module, name))

    # Without help: of use only in a source checkout.
    generated = commands.add_parser("regen")
    generated.add_argument("--check", action="store_true")
    generated.set_defaults(run=_regenerate)
    return parser


def _add_analysis(parser: argparse.ArgumentParser) -> None:
    """Add what check and audit have in common."""
    parser.add_argument(
        "--tree",
        type=Path,
        metavar="DIR",
        help="the Xen tree; default: the one around the working directory, "
        "else the embedded base",
    )
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
        "--format", choices=tuple(FORMATS), default="text", help="default: text"
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


class _Progress:
    """One line on a terminal that says what is being run."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        quiet = getattr(arguments, "quiet", False)
        self.wanted = sys.stderr.isatty() and not quiet

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.wanted:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def show(self, text: str) -> None:
        """Replace the line."""
        line = harmless(text)[:78]
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
