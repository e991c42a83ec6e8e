"""Run the operations that a cost is made of, on the base and the patched tree."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.check.causes.timeline import Replay
from harness.check.performance.flush_by_ipa import flushed_by_ipa
from harness.check.performance.trial import Subject
from harness.check.replays.starting import start_of
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
ON_TWO = "unmap-foreign-4k/own-vttbr/2-pcpus"
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
                    measured = _measured(run, on)
                    # What is wrong may only show on another CPU.
                    if name == CREATION and ON_TWO in every:
                        two = target.run(every[ON_TWO], on)
                        measured = replace(
                            measured,
                            broken=measured.broken | _broken(two, on),
                            by_ipa=flushed_by_ipa(_subject(two, on)),
                        )
                    found[name, profile] = measured
    return found


def _measured(run: Run, profile: Profile) -> Measured:
    replay = Replay(start_of(run), profile, Assumptions())
    machine = replay.machine()
    try:
        lost: Refills | None = refills(machine, run.events)
    except Unmodelled:
        lost = None
    return Measured(
        count(run.events),
        lost,
        _stopped(run),
        _broken(run, profile),
    )


def _subject(run: Run, profile: Profile) -> Subject:
    replay = Replay(start_of(run), profile, Assumptions())
    return Subject(replay, run.events, lambda _: True)


def _broken(run: Run, profile: Profile) -> frozenset[str]:
    """Name what a run breaks if EL2 waits for earlier walks, and if it does not.

    A tree that does not wait has broken some of it already.
    """
    broken = set()
    for drained in (True, False):
        machine = Replay(
            start_of(run), profile, Assumptions(drain_ptw=drained)
        ).machine()
        with suppress(Unmodelled):
            machine.run(run.events)
        how = "" if drained else ", with walks going on"
        broken |= {f"{v.key[0]} {v.key[3]}{how}" for v in machine.violations}
    return frozenset(broken)


def _stopped(run: Run) -> str:
    for problem in (run.fault, run.bound, run.unsupported):
        if problem is not None:
            return str(problem)
    return ""
