"""One step at a time in both worlds, compared after each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from compare import Difference, compare_events, compare_memory
from machine import Crash
from worlds import Pair

from harness.errors import BoundError, Unsupported
from harness.execution.fault import Fault
from harness.targets.world import Checkpoint, World
from reference_model.events import Event

__all__ = ["Lockstep", "Saved"]

# Where control ends up is defined only for these faults; the others are
# undefined behaviour, which a compiler may turn into anything.
_DEFINED = ("bug", "assertion")
# Nothing that is done here does this.
_NEVER = ("uninitialised-read", "missing-return")
# For these the compiler has checks of its own.
_TRAPS = ("signed-overflow", "bad-shift", "division-by-zero")

Step = Callable[[World], object]
Saved = tuple[Checkpoint, Checkpoint]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a step in one world."""

    value: object
    stop: str  # why it did not end, "" if it did
    undefined: bool
    events: tuple[Event, ...]


@dataclass(slots=True)
class Lockstep:
    """Drives a pair of worlds and counts what was compared."""

    pair: Pair
    flags: str = "plain"  # how the machine's code is compiled: a key of FLAGS
    done: int = 0
    events: int = 0
    stopped: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)

    def save(self) -> Saved:
        """Remember the state of both worlds."""
        return self.pair.ir.save(), self.pair.machine.save()

    def restore(self, saved: Saved) -> None:
        """Go back to a state."""
        self.pair.ir.restore(saved[0])
        self.pair.machine.restore(saved[1])

    def step(self, name: str, step: Step) -> bool:
        """Do a step in both worlds; tells whether it came to its end.

        One that the IR does not model, or that is undefined behaviour, has
        nothing to be compared with, except where the compiler or the emulator
        notices the same.
        """
        ours = _outcome(self.pair.ir, step)
        wanted = self.confirmed_by(ours)
        if ours.undefined and not wanted:
            if ours.stop in _NEVER:
                raise Difference(f"{name}: only the IR says {ours.stop}")
            self.skipped[ours.stop] += 1
            return False
        theirs = _outcome(self.pair.machine, step)
        merge = self.flags == "xen"
        self.events += compare_events(ours.events, theirs.events, name, merge=merge)
        if wanted:
            if not theirs.stop.startswith(wanted):
                raise Difference(f"{name}:\n  IR: {ours.stop}\n  machine: {theirs}")
            self.stopped[ours.stop] += 1
            self.done += 1
            return False
        if ours.stop != theirs.stop or not _same(self.pair, ours.value, theirs.value):
            raise Difference(
                f"{name}:\n  IR:      {ours.value} {ours.stop}\n"
                f"  machine: {theirs.value} {theirs.stop}"
            )
        compare_memory(self.pair, name)
        self.done += 1
        if ours.stop:
            self.stopped[ours.stop] += 1
        return not ours.stop

    def confirmed_by(self, ours: _Outcome) -> tuple[str, ...]:
        """Return how compiled code ends where the IR says that C is undefined."""
        if ours.stop in _TRAPS and self.flags == "checked":
            return ("trap",)
        if ours.stop == "null-dereference" and self.flags != "xen":
            return ("crash", "null-dereference")
        return ()


def _outcome(world: World, step: Step) -> _Outcome:
    recorder = world.execution.recorder
    recorder.forget()
    value, stop, undefined = None, "", False
    try:
        value = step(world)
    except Fault as fault:
        undefined = fault.kind not in _DEFINED
        stop = fault.kind if undefined else f"{fault.kind}: {fault.what}"
    except Unsupported as problem:
        stop, undefined = problem.what, True
    except BoundError as problem:
        stop, undefined = problem.message.split(":")[0], True
    except Crash as crash:
        stop = f"crash: {crash}"
    return _Outcome(value, stop, undefined, tuple(recorder.events))


def _same(pair: Pair, ours: object, theirs: object) -> bool:
    """Compare two results; a string may lie elsewhere."""
    if ours == theirs:
        return True
    if not isinstance(ours, int) or not isinstance(theirs, int):
        return False
    for region in pair.ir.memory.regions:
        if region.base == ours and region.name.startswith("string "):
            text = pair.ir.memory.peek_bytes(ours, region.size)
            return text == pair.machine.memory.raw(theirs, region.size)  # type: ignore[attr-defined]
    return False
