"""Lines for ``b4.prep-perpatch-check-cmd``, in the form of checkpatch --terse.

b4 takes each line of standard output for a finding: one with ``ERROR:`` fails
the patch, any other is a warning. Nothing at all means that it passed, so what
was not covered has to be a line.
"""

from __future__ import annotations

from harness.check.finding import Severity
from harness.check.result import Result
from harness.report.gaps import gaps
from harness.report.order import told
from harness.report.suppressions import message
from harness.report.terminal import harmless

__all__ = ["render_b4_check"]

_TOLD = (Severity.ERROR, Severity.WARNING)


def render_b4_check(result: Result) -> str:
    """Return one line for each new error or warning and for each gap."""
    lines = []
    for f in told(result.findings):
        if f.severity in _TOLD:
            place = f"{f.location.file or '-'}:{f.location.line}"
            level = f.severity.value.upper()
            lines.append(f"{place}: {level}:{f.rule}: {message(f)}")
    lines += [
        f"{gap.file or '-'}:{gap.line}: WARNING:{gap.rule}: {gap.text}"
        for gap in gaps(result)
    ]
    # b4 cuts a leading "-:", which would leave a bare number.
    return "".join(f"{harmless(line.removeprefix('-:0: '))}\n" for line in lines)
