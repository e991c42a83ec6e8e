"""The trace of a finding as a log that casemate reads.

A log knows less than a trace: no guest, no registers of EL1, no CPU with its
features and errata.  So it is read back, and counts only if it still shows the
finding that it was made from.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.check.finding import Finding, Severity
from harness.check.replays.replayed import ReplayRequest, replay
from harness.check.replays.token_source import TokenSource
from harness.errors import TokenError, UsageError
from harness.traces.casemate_writer import casemate_lines

__all__ = ["CasemateLog", "casemate_log"]

_MOST = 20_000  # records: casemate takes them in no time, our reader in seconds


@dataclass(frozen=True, slots=True)
class CasemateLog:
    """The records, a line each; without any, ``missing`` says why.

    ``beside`` are the rules of other errors that are in the log: the trace is the
    least that shows the finding, and what it does not need is not there.
    """

    lines: tuple[str, ...] = ()
    missing: str = ""
    beside: tuple[str, ...] = ()


def casemate_log(finding: Finding) -> CasemateLog:
    """Return the log of a finding."""
    if not finding.replay:
        return CasemateLog(missing="no trace of events shows it by itself")
    try:
        source = TokenSource(finding.replay)
        written = casemate_lines(source.header.start, lambda: source.events)
        lines = tuple(islice(written, _MOST + 1))
    except (TokenError, UsageError) as error:
        return CasemateLog(missing=str(error))
    if len(lines) > _MOST:
        return CasemateLog(missing=f"the log would have more than {_MOST} records")
    rules = _read_back(lines)
    if finding.rule not in rules:
        return CasemateLog(
            missing="it rests on what casemate's logs do not tell: guests, registers "
            "of EL1, features and errata of CPUs"
        )
    return CasemateLog(lines, beside=tuple(r for r in rules if r != finding.rule))


def _read_back(lines: tuple[str, ...]) -> list[str]:
    """Return the rules of the errors that a log shows."""
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        log = Path(folder) / "log"
        log.write_text("".join(lines), encoding="utf-8")
        found = replay(ReplayRequest((log,), "casemate")).findings
    errors = (f.rule for f in found if f.severity is Severity.ERROR)
    return list(dict.fromkeys(errors))
