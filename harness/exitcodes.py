"""Exit codes: what a shell, a CI job or ``git bisect run`` is told."""

from __future__ import annotations

from enum import IntEnum

from harness.check.result import Verdict

__all__ = ["ExitCode", "Strictness", "exit_code", "for_failure"]


class ExitCode(IntEnum):
    """The codes; 126 and above belong to the shell and to signals."""

    CLEAN = 0  # nothing new at error level; without a switch, inconclusive as well
    FINDINGS = 1
    UNUSABLE = 2  # usage, does not apply, does not parse, internal error
    INCONCLUSIVE = 3  # only with --require-conclusive
    SKIP = 125  # only with --bisect: says nothing about this commit
    INTERRUPTED = 130


class Strictness(IntEnum):
    """How a verdict becomes a code."""

    DEFAULT = 0
    ADVISORY = 1  # --exit-zero: findings do not fail the job
    CONCLUSIVE = 2  # --require-conclusive
    BISECT = 3  # --bisect


def exit_code(verdict: Verdict, strictness: Strictness) -> ExitCode:
    """Return the code of an analysis that came to a verdict."""
    if verdict is Verdict.CLEAN or strictness is Strictness.ADVISORY:
        return ExitCode.CLEAN
    if verdict is Verdict.UNSAFE:
        return ExitCode.FINDINGS
    return {
        Strictness.CONCLUSIVE: ExitCode.INCONCLUSIVE,
        Strictness.BISECT: ExitCode.SKIP,
    }.get(strictness, ExitCode.CLEAN)


def for_failure(strictness: Strictness) -> ExitCode:
    """Return the code where no analysis was possible."""
    return ExitCode.SKIP if strictness is Strictness.BISECT else ExitCode.UNUSABLE
