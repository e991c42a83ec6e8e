"""The body of a patchwork check: ``POST /api/patches/ID/checks/``."""

from __future__ import annotations

import json

from harness.check.result import Result, Verdict
from harness.report.gaps import gaps
from harness.report.names import counted
from harness.report.order import told
from harness.report.suppressions import message

__all__ = ["render_patchwork"]

_STATE = {
    Verdict.CLEAN: "success",
    Verdict.UNSAFE: "fail",
    Verdict.INCONCLUSIVE: "warning",
}
_WIDTH = 200  # patchwork shows the description in one line


def render_patchwork(result: Result) -> str:
    """Return the body: nothing is posted."""
    return json.dumps(_body(result), indent=1) + "\n"


def _body(result: Result) -> dict[str, str]:
    return {
        "state": _STATE[result.verdict],
        "context": "harness",
        "description": _description(result)[:_WIDTH],
        "target_url": "",
    }


def _description(result: Result) -> str:
    new = told(result.findings)
    if result.verdict is Verdict.UNSAFE:
        worst = new[0]
        place = f"{worst.location.file}:{worst.location.line}"
        more = f" (+{len(new) - 1} more)" if len(new) > 1 else ""
        return f"{worst.rule} at {place}: {message(worst)}{more}"
    kept = f"; {len(result.suppressed)} suppressed" if result.suppressed else ""
    missing = gaps(result)
    if missing:
        more = f" (+{len(missing) - 1} more)" if len(missing) > 1 else ""
        return f"inconclusive: {missing[0].text}{more}{kept}"
    bounds = result.bounds
    return (
        f"clean: {counted(bounds.scenarios, 'scenario')}, "
        f"{counted(bounds.profiles, 'profile')}{kept}"
    )
