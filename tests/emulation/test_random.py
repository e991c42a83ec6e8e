"""Random calls and histories on compiled code.

HARNESS_EMULATION_RUNS   how many calls to compare for each way to compile
HARNESS_EMULATION_SEED   where to start; the default is always the same
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import pytest
from lockstep import Lockstep
from random_calls import Calls, add_scratch
from random_histories import Histories
from worlds import Source, build_pair

from harness.execution.run import Limits
from reference_model.profiles import ARCHITECTURE_PROFILES as PROFILES

RUNS = int(os.environ.get("HARNESS_EMULATION_RUNS", "5000"))
SEED = int(os.environ.get("HARNESS_EMULATION_SEED", "4"))
HISTORY = 40  # steps
STEPS = 40_000  # bound of a single call
PATIENCE = 4  # calls that cannot be compared, after which a function is left out


def fuzz(source: Source, flags: str, profile: str, runs: int, seed: int) -> Lockstep:
    """Compare at least so many calls, one in ten as part of a history."""
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    image = source.image(flags, everything=True)
    pair = build_pair(source, image, PROFILES[profile], Limits(steps=STEPS))
    for world in (pair.ir, pair.machine):
        add_scratch(world)
    lockstep = Lockstep(pair, flags)
    random = Random(seed)
    calls = Calls(lockstep, random)
    histories = Histories(lockstep, random, calls)
    states = [lockstep.save()]
    while lockstep.done < runs // 10:
        lockstep.restore(states[0])
        histories.run(HISTORY)
        states.append(lockstep.save())
    hopeless = dict.fromkeys(calls.functions, 0)
    while lockstep.done < runs:
        names = [n for n in calls.functions if hopeless[n] < PATIENCE]
        lockstep.restore(random.choice(states))
        for name in random.choices(names, k=64):
            lockstep.restore(random.choice(states))
            call = calls.call(name, lock=random.randrange(5) == 0)
            before = lockstep.done
            lockstep.step(f"seed {seed}, {call}", call)
            hopeless[name] = 0 if lockstep.done > before else hopeless[name] + 1
    return lockstep


@pytest.mark.long
@pytest.mark.parametrize(
    "flags, profile", [("plain", "P0-v8.0"), ("xen", "P4-at-spec")]
)
def test_random_calls_on_a_release(
    flags: str, profile: str, source: Callable[[str], Source]
) -> None:
    lockstep = fuzz(source("4.20.3"), flags, profile, RUNS, SEED)
    assert lockstep.done >= RUNS
    assert lockstep.events > RUNS
    # Most calls run to their end, and some end in a BUG() or failed assertion.
    assert 0 < sum(lockstep.stopped.values()) < lockstep.done // 2


def test_undefined_behaviour_is_what_the_compiler_says_it_is(
    source: Callable[[str], Source],
) -> None:
    runs = max(RUNS // 5, 1000)
    lockstep = fuzz(source("4.20.3"), "checked", "P0-v8.0", runs, SEED)
    assert lockstep.stopped["null-dereference"]
    assert lockstep.stopped["bad-shift"] or lockstep.stopped["signed-overflow"]


@pytest.mark.parametrize("version", ["4.17.5", "embedded"])
@pytest.mark.parametrize("flags", ["plain", "xen"])
def test_random_calls_on_other_trees(
    flags: str, version: str, source: Callable[[str], Source]
) -> None:
    runs = RUNS // 10
    lockstep = fuzz(source(version), flags, "P1-repeat", runs, SEED + 1)
    assert lockstep.done >= runs
