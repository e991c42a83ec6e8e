"""Exhaust the executions of a program.

``explore`` visits every state once, breadth first, so the first way found to a
state is a shortest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reference_model.assumptions import Assumptions
from reference_model.exploration.program import (
    Bounds,
    Fault,
    Load,
    Outcome,
    Program,
    Wait,
)
from reference_model.exploration.reductions import Reduced
from reference_model.exploration.state import State
from reference_model.exploration.steps import Step, Steps, start
from reference_model.exploration.world import World
from reference_model.unexhausted import Unexhausted

__all__ = ["Outcomes", "explore"]

Predicate = Callable[[Outcome], bool]


class Outcomes:
    """Every final result that some execution has."""

    def __init__(
        self,
        finals: dict[Outcome, State],
        came: dict[State, tuple[State, Step] | None],
    ) -> None:
        self._finals = finals
        self._came = came
        self.all = frozenset(finals)

    @property
    def states(self) -> int:
        """Return how many states there were to look at."""
        return len(self._came)

    def reachable(self, predicate: Predicate) -> bool:
        """Tell whether some outcome satisfies a predicate."""
        return any(predicate(outcome) for outcome in self.all)

    def always(self, predicate: Predicate) -> bool:
        """Tell whether every outcome satisfies a predicate."""
        return all(predicate(outcome) for outcome in self.all)

    def shortest(self, predicate: Predicate) -> tuple[Step, ...] | None:
        """Return a shortest execution with such an outcome."""
        found: list[tuple[Step, ...]] = []
        for outcome, state in self._finals.items():
            if predicate(outcome):
                found.append(self._way(state))
        return min(found, key=len) if found else None

    def _way(self, state: State) -> tuple[Step, ...]:
        steps: list[Step] = []
        while (came := self._came[state]) is not None:
            state, step = came
            steps.append(step)
        return tuple(reversed(steps))


def explore(
    program: Program,
    bounds: Bounds | None = None,
    assumptions: Assumptions | None = None,
    *,
    reduced: bool = True,
) -> Outcomes:
    """Return every outcome of a program; raises Unexhausted at the bound.

    Not ``reduced``, it takes every step of every state, to the same end.
    """
    bounds = bounds or Bounds()
    world = World(program, assumptions or Assumptions())
    every = Steps(world)
    steps = Reduced(every) if reduced else every
    first = start(world)
    came: dict[State, tuple[State, Step] | None] = {first: None}
    finals: dict[Outcome, State] = {}
    queue = deque([first])
    while queue:
        state = queue.popleft()
        if _ended(world, state):
            finals.setdefault(_outcome(world, state), state)
            continue
        for step, after in steps.of(state):
            if after not in came:
                came[after] = (state, step)
                queue.append(after)
        if len(came) > bounds.states:
            raise Unexhausted(
                f"more than {bounds.states} states: ask with fewer instructions or PEs"
            )
    return Outcomes(finals, came)


def _ended(world: World, state: State) -> bool:
    return all(
        pe.done == (1 << len(world.code(number, pe.faults).instructions)) - 1
        for number, pe in enumerate(state.pes)
    )


def _outcome(world: World, state: State) -> Outcome:
    registers: dict[tuple[int, str], int | Fault] = {}
    faults: list[tuple[int, str, Fault]] = []
    for number, pe in enumerate(state.pes):
        code = world.code(number, pe.faults)
        for one, access in zip(code.instructions, pe.progress, strict=True):
            if access.fault is not None:
                faults.append((number, one.label, access.fault))
            if isinstance(one, Load | Wait):
                result = access.value if access.fault is None else access.fault
                registers[number, one.register] = result
    memory = {
        pa: state.memory[world.place_of[pa]].value
        if pa in world.place_of
        else world.fixed.get(pa, 0)
        for pa in world.program.observed
    }
    return Outcome(
        tuple((pe, name, registers[pe, name]) for pe, name in sorted(registers)),
        tuple(sorted(memory.items())),
        tuple(faults),
    )
