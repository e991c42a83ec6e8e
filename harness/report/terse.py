"""One line for each new finding and each gap, as ``checkpatch --terse``."""

from __future__ import annotations

from harness.check.finding import Severity
from harness.check.result import Result
from harness.report.finding_text import place
from harness.report.gaps import gap_row, gaps
from harness.report.order import told
from harness.report.suppressions import message, suppressed_text
from harness.report.terminal import harmless

__all__ = ["render_terse"]

_LEVELS = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING"}


def render_terse(result: Result) -> str:
    """Return the lines, nothing else; what is no error or warning is a CHECK."""
    lines = [
        f"{place(f)}: {_LEVELS.get(f.severity, 'CHECK')}:{f.rule}: {message(f)}"
        for f in told(result.findings)
    ]
    lines += [
        f"{place(f)}: CHECK:{f.rule}: {suppressed_text(f)}" for f in result.suppressed
    ]
    lines += map(gap_row, gaps(result))
    return "".join(f"{harmless(line)}\n" for line in lines)
