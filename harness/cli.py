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
from typing import TextIO

import harness
from harness.errors import HarnessError, Unsupported
from harness.exitcodes import ExitCode, Strictness, for_failure
from harness.model_version import model_version
from harness.report.terminal import harmless

__all__ = ["main"]

# Commands with a module of their own in harness.commands, and what they do.
_COMMANDS: dict[str, str] = {
    "check": "check a patch or a series",
    "audit": "check a tree as it is",
    "compare": "tell what a new version of a patch or series fixes and brings in",
    "merge": "put the parts of a check together that several machines ran",
    "scenarios": "list the scenarios",
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


def _run_module(name: str, arguments: argparse.Namespace) -> int:
    plain = bool(os.environ.get("NO_COLOR")) or not _understands(sys.stdout)
    arguments.colour = not plain
    arguments.stdin = sys.stdin
    with _Progress(arguments) as progress:
        arguments.progress = progress.show if progress.wanted else None
        outcome = _module(name).run(arguments)
    if getattr(arguments, "format", "text") != "text":
        _as_utf8(sys.stdout)
    print(outcome.text, end="", flush=True)
    code: int = outcome.code
    return code


def _understands(stream: TextIO) -> bool:
    """Tell whether a stream is a terminal that knows escape sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _as_utf8(stream: TextIO) -> None:
    """Write what says of itself that it is UTF-8, or is read as such, in UTF-8."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8")


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"harness.commands.{name}")


def _regenerate(arguments: argparse.Namespace) -> int:
    from harness.report.generated.generate import outdated, write
    from harness.report.generated.seeds import missing

    if reason := missing():
        print(
            "harness: reports of the mailing list's patches are left as they are: "
            f"{reason}",
            file=sys.stderr,
        )
    if not arguments.check:
        for path in write():
            print(f"wrote {path}")
        return ExitCode.CLEAN
    stale = outdated()
    for path in stale:
        print(f"{path} is out of date: run 'harness regen'", file=sys.stderr)
    return ExitCode.FINDINGS if stale else ExitCode.CLEAN


# ------------------------------------------------------------------ arguments


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

    for name, help_text in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text, allow_abbrev=False)
        _module(name).add_arguments(command)
        command.set_defaults(run=partial(_run_module, name))

    # Without help: of use only in a source checkout.
    generated = commands.add_parser("regen")
    generated.add_argument("--check", action="store_true")
    generated.set_defaults(run=_regenerate)
    return parser


class _Progress:
    """One line on a terminal that says what is being run."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        quiet = getattr(arguments, "quiet", False)
        self.wanted = _understands(sys.stderr) and not quiet
        self._shown = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def show(self, text: str) -> None:
        """Replace the line."""
        self._shown = True
        line = harmless(text)[:78]
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
