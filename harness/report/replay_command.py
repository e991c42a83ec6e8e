"""The command that shows a finding again, in lines that can be pasted."""

from __future__ import annotations

import shlex

from harness.check.finding import Finding

__all__ = ["replay_command", "saved_command"]

_COMMAND = "harness replay"


def replay_command(token: str, width: int, indent: str = "  ") -> list[str]:
    """Return the command, broken into lines inside the quotes of a shell.

    The quotes keep the lines together, and ``harness replay`` does not mind the
    breaks; one line needs none.
    """
    whole = f"{indent}{_COMMAND} {token}"
    if len(whole) <= width:
        return [whole]
    further = f"{indent}  "
    lines: list[str] = []
    rest = token
    start = f"{indent}{_COMMAND} '"
    while rest:
        room = width - len(start)
        if len(rest) + 1 <= room:
            return [*lines, f"{start}{rest}'"]
        lines.append(start + rest[:room])
        start, rest = further, rest[room:]
    return [*lines, f"{further}'"]


def saved_command(finding: Finding) -> str:
    """Return the command for the trace that was saved, "" if none was."""
    if not finding.trace_file:
        return ""
    return f"{_COMMAND} {shlex.quote(finding.trace_file)}"
