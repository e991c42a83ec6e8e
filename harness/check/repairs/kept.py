"""Repairs kept between runs: what they were searched in did not change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from harness.check import store
from harness.check.changes import Change
from harness.check.finding import Finding
from harness.check.repairs.repairing import Repaired
from harness.check.request import CheckRequest

__all__ = ["key_of", "load", "save"]


def key_of(change: Change, findings: Sequence[Finding], request: CheckRequest) -> str:
    """Name everything that the repairs of a patched tree depend on."""
    view, after = change.step.after, change.after
    return store.key_of(
        "repairs",
        change.code.digest,
        # Diffs are made of the text, which has more than what it comes to.
        [(name, _digest(change, name)) for name in sorted(change.code.files)],
        sorted((name, sorted(lines)) for name, lines in view.lines.items()),
        sorted((name, sorted(lines)) for name, lines in change.affected.items()),
        request.profiles,
        request.scenarios,
        request.assumptions,
        after.unhandled,
        after.exhausted,
        sorted(after.complete),
        sorted((r.what, r.file) for r in after.reached),
        sorted((d.mark, d.scenario, d.profile) for d in after.diagnoses),
        [_searched(finding) for finding in findings],
    )


def _digest(change: Change, name: str) -> str:
    path = change.step.after.root / name
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _searched(finding: Finding) -> tuple[object, ...]:
    """Return what the search for a repair of a finding starts from."""
    return (
        finding.fingerprint,
        sorted(finding.marks),
        finding.severity,
        finding.scenario,
        finding.scenarios,
        finding.profiles,
        finding.repair,
        finding.shown.mendings if finding.shown is not None else (),
    )


def load(key: str) -> Repaired | None:
    """Return what was saved under a key, None if nothing of use was."""
    try:
        kept = json.loads(store.load_text(key) or "null")
        return None if kept is None else _read(kept)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _read(kept: dict[str, dict[str, str] | str]) -> Repaired:
    diffs, without, whole = kept["diffs"], kept["without"], kept["whole"]
    if isinstance(diffs, str) or isinstance(without, str) or not isinstance(whole, str):
        raise TypeError("not what is saved here")
    return Repaired(
        {int(number): str(diff) for number, diff in diffs.items()},
        whole,
        {int(number): str(why) for number, why in without.items()},
    )


def save(key: str, found: Repaired) -> None:
    """Save repairs; where that cannot be done, nothing happens."""
    kept = {"diffs": found.diffs, "without": found.without, "whole": found.whole}
    store.save_text(key, json.dumps(kept))
