"""What one run of a scenario yields."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from harness.errors import BoundError, Unsupported
from harness.execution.fault import Fault
from harness.execution.recorder import Query
from harness.targets.stage2 import Mismatch
from reference_model.events import Event, Repeat, Store, Zero

__all__ = ["Facts", "Run", "facts_of"]

_VALID = 1


@dataclass(frozen=True, slots=True)
class Run:
    """The events of one scenario on one profile, and what else came of it.

    ``initial_memory`` holds the non-zero words of table memory when the
    events begin, ``initial_registers`` the registers of each PE then.  A run
    that stopped early has the events up to there and says why in ``fault``,
    ``bound`` or ``unsupported``.
    """

    scenario: str
    initial_memory: tuple[tuple[int, int], ...] = ()
    initial_registers: tuple[dict[str, int], ...] = ()
    setup: tuple[Event, ...] = ()
    events: tuple[Event, ...] = ()
    queries: tuple[Query, ...] = ()
    fault: Fault | None = None
    bound: BoundError | None = None
    unsupported: Unsupported | None = None
    functional: tuple[Mismatch, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether the scenario ran to its end."""
        return self.fault is None and self.bound is None and self.unsupported is None


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened, to tell a scenario that shows something from an idle one."""

    events: Counter[str]  # by class name
    live_stores: int  # stores over a descriptor that was valid
    new_descriptors: int  # stores of a valid descriptor where none was


def facts_of(run: Run) -> Facts:
    """Count what happened in a run."""
    memory = dict(run.initial_memory)
    counter: Counter[str] = Counter()
    live = new = 0
    for event in run.events:
        if isinstance(event, Repeat):
            for part in event.body:
                counter[type(part).__name__] += event.count
            continue
        counter[type(event).__name__] += 1
        if isinstance(event, Store):
            old = memory.get(event.pa, 0)
            live += old & _VALID
            new += ~old & event.value & _VALID
            memory[event.pa] = event.value
        elif isinstance(event, Zero):
            for pa in range(event.pa, event.pa + event.size, 8):
                live += memory.pop(pa, 0) & _VALID
    return Facts(counter, live, new)
