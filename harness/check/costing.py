"""Run the operations that a cost is made of, on the base and the patched tree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.check.flush_by_ipa import flushed_by_ipa
from harness.check.starting import start_of
from harness.check.timeline import Replay
from harness.check.trial import Subject
from harness.cost.counts import Counts, count
from harness.series import View
from harness.targets import TARGET, Run
from harness.targets.workarounds import Workarounds
from reference_model.assumptions import Assumptions
from reference_model.cores import PROFILES
from reference_model.profiles import Profile
from reference_model.refills import Refills, refills
from reference_model.unmodelled import Unmodelled

__all__ = ["CREATION", "OPERATIONS", "SWITCH", "Measured", "measure"]

# What is shown, by the name of the scenario that does it.
OPERATIONS: dict[str, str] = {
    "unmap-foreign-4k/own-vttbr/1-pcpu": "unmap a page of another domain",
    "unmap-4k/foreign-vttbr/1-pcpu": "unmap 4K, another domain's",
    "unmap-2m/foreign-vttbr/1-pcpu": "unmap 2M, one block",
    "unmap-table/foreign-vttbr/1-pcpu": "unmap 2M, 512 pages",
    "unmap-1g/foreign-vttbr/1-pcpu": "unmap 1G, one block",
    "unmap-4k-in-2m/foreign-vttbr/1-pcpu": "unmap 4K of a 2M block",
    "replace-4k/foreign-vttbr/1-pcpu": "replace 4K",
    "vcpu-switch-same-domain": "switch to another vCPU",
    "create-domain": "create a domain",
}
# What dom0 does for each page of a domain that it creates.
CREATION = "unmap-foreign-4k/own-vttbr/1-pcpu"
SWITCH = "vcpu-switch-same-domain"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one operation executed on one profile; ``stopped`` says why not all.

    ``refills`` is None where the machine does not model an event.  ``broken``
    names the invariants that the run breaks, and for which entries; ``by_ipa``
    is what it would execute with flushes by IPA that a replay found right, None
    if that is not known.
    """

    counts: Counts
    refills: Refills | None
    stopped: str = ""
    broken: frozenset[str] = frozenset()
    by_ipa: Counts | None = None


def measure(
    view: View,
    profiles: tuple[str, ...],
    progress: Progress | None = None,
) -> dict[tuple[str, str], Measured]:
    """Run the operations that the tree can run; keys are (scenario, profile).

    Raises HarnessError where the tree cannot be read or parsed.
    """
    found: dict[tuple[str, str], Measured] = {}
    with tempfile.TemporaryDirectory(prefix="harness-") as work:
        target = TARGET.load(view, Path(work))
        workarounds = Workarounds(view.root)
        every = {s.name: s for s in target.scenarios()}
        for name in OPERATIONS:
            if name in every:
                if progress is not None:
                    progress(name)
                for profile in profiles:
                    on = workarounds.on(PROFILES[profile])
                    run = target.run(every[name], on)
                    found[name, profile] = _measured(run, on, tried=name == CREATION)
    return found


def _measured(run: Run, profile: Profile, *, tried: bool) -> Measured:
    # Walks that go on behind EL2's back would break what no patch brings in.
    replay = Replay(start_of(run), profile, Assumptions(drain_ptw=True))
    machine = replay.machine()
    try:
        lost: Refills | None = refills(machine, run.events)
    except Unmodelled:
        lost = None
    return Measured(
        count(run.events),
        lost,
        _stopped(run),
        frozenset(f"{v.key[0]} {v.key[3]}" for v in machine.violations),
        flushed_by_ipa(Subject(replay, run.events, lambda _: True)) if tried else None,
    )


def _stopped(run: Run) -> str:
    for problem in (run.fault, run.bound, run.unsupported):
        if problem is not None:
            return str(problem)
    return ""
