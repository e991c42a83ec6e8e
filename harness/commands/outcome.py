"""What a command hands back to the command line."""

from __future__ import annotations

from dataclasses import dataclass

from harness.exitcodes import ExitCode

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The text for standard output, and the exit code."""

    text: str
    code: ExitCode = ExitCode.CLEAN
