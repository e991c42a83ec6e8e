"""What ``check`` and ``audit`` have in common."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assumptions import read
from harness.commands.outcome import Outcome
from harness.errors import UsageError
from harness.exitcodes import Strictness, exit_code
from harness.model_version import model_version
from harness.report.formats import FORMATS, WITH_REPAIRS
from harness.report.text import render_text, terse_text
from reference_model.cores import chosen_profiles

if TYPE_CHECKING:
    from harness.check.request import CheckRequest
    from harness.check.result import Result

__all__ = ["part_reported", "reported", "request_of", "shows_repairs"]


def request_of(arguments: argparse.Namespace) -> CheckRequest:
    """Return the request that the options make, without a patch."""
    from harness.check.request import CheckRequest

    if getattr(arguments, "baseline", None) is not None:
        from harness.report.saved_result import saved_result

        saved_result(arguments.baseline)  # refused before the work, not after it
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
    from harness.check.shards.parts import part_of

    if arguments.strictness in (Strictness.CONCLUSIVE, Strictness.BISECT):
        raise UsageError("a part has no verdict: give this option to harness merge")
    if arguments.save_traces is not None:
        raise UsageError("a part has no findings: give --save-traces to harness merge")
    if arguments.baseline is not None:
        raise UsageError("a part has no findings: give --baseline to harness merge")
    return reported(part_of(request, arguments.shard, audit=audit), request, arguments)


def reported(
    result: Result, request: CheckRequest, arguments: argparse.Namespace
) -> Outcome:
    """Save the traces if that is asked for; return the report and its exit code."""
    if arguments.baseline is not None:
        from harness.check.baseline import against
        from harness.report.saved_result import saved_result

        known = saved_result(arguments.baseline)
        result = against(result, known, str(arguments.baseline))
    if arguments.save_traces is not None:
        from harness.check.replays.saved_traces import save_traces

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
        from harness.report.mail.mail import render_mail

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


def _profile_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the full names of profiles, cores with all their variants."""
    every: dict[str, None] = {}
    for name in names:
        chosen = chosen_profiles(name)
        if not chosen:
            raise UsageError(f"no profile '{name}': 'harness profiles' lists them")
        every.update(dict.fromkeys(chosen))
    return tuple(every)
