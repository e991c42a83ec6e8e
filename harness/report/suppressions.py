"""What SAF comments do to findings, for formats of one line a finding."""

from __future__ import annotations

from harness.check.finding import Finding

__all__ = ["message", "suppressed_text"]


def message(finding: Finding) -> str:
    """Return what is wrong, and why a comment that says it is not does not count."""
    if not finding.suppression_refused:
        return finding.message
    return f"{finding.message} ({finding.suppression_refused})"


def suppressed_text(finding: Finding) -> str:
    """Return what is suppressed, and by what."""
    return f"suppressed by {finding.suppressed}: {finding.message}"
