"""The comparison fails when the IR is broken on purpose.

Not every change is a mistake: an index that is never negative may be extended
with either sign.  So of each kind a few places are tried until enough of them
have made a difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest
from compare import Difference, compare_memory
from lockstep import Lockstep
from mutants import KINDS, PYTHON, Kind, broken, sites
from object_file import Image
from random_calls import Calls, add_scratch
from random_histories import Histories
from worlds import Pair, Source, build_ir, build_machine

from harness.errors import HarnessError, Unsupported
from harness.execution.fault import Fault
from harness.execution.run import Limits
from harness.targets.world import World
from reference_model.profiles import ARCHITECTURE_PROFILES as PROFILES

PROFILE = PROFILES["P4-at-spec"]
LIMITS = Limits(steps=40_000)
CALLS, HISTORIES, HISTORY = 60, 2, 30
WANTED, TRIES = 2, 12


class Hunt:
    """Looks for a difference between a broken IR and compiled code."""

    def __init__(self, source: Source, image: Image) -> None:
        self.source = source
        self.image = image
        self.machine = build_machine(source, image, PROFILE, LIMITS)
        add_scratch(self.machine)
        self.booted = self.machine.save()
        self.ir = build_ir(source, image, PROFILE, LIMITS)
        add_scratch(self.ir)

    def caught(self, function: str, kind: Kind | str, site: int) -> str | None:
        """Return the difference that a mutant makes, None if none was found."""
        program = broken(self.source.target.program, function, kind, site)
        self.machine.restore(self.booted)
        try:
            ir = build_ir(self.source, self.image, PROFILE, LIMITS, program)
        except (Fault, HarnessError, Unsupported, AssertionError) as problem:
            return f"boot: {problem}"
        add_scratch(ir)
        return self.search(ir, function)

    def search(self, ir: World, function: str) -> str | None:
        """Run calls and histories until something differs."""
        lockstep = Lockstep(Pair(ir, self.machine), "xen")
        random = Random(1)
        calls = Calls(lockstep, random)
        histories = Histories(lockstep, random, calls)
        try:
            compare_memory(lockstep.pair, "boot")
            start = lockstep.save()
            for _ in range(HISTORIES):
                histories.run(HISTORY)
                state = lockstep.save()
                for _ in range(CALLS if function in calls.functions else 0):
                    lockstep.restore(state)
                    call = calls.call(function, lock=random.randrange(2) == 0)
                    lockstep.step(str(call), call)
                lockstep.restore(start)
        except Difference as difference:
            return str(difference)
        return None

    def places(self, kind: Kind | str) -> list[tuple[str, int]]:
        """List where the unit can be broken like this."""
        program = self.source.target.program
        functions = self.source.unit.functions
        if isinstance(kind, str):
            counts = {
                name: len(re.findall(PYTHON[kind][0], compiled.text, re.MULTILINE))
                for name, compiled in sorted(program._compiled.items())
            }
        else:
            names = sorted(program._compiled)
            if kind.name == "wrong extension":
                # Only odd arguments tell; the code at work has few of them.
                names = list(
                    Calls(Lockstep(Pair(self.ir, self.machine)), Random()).functions
                )
            counts = {name: sites(functions[name], kind) for name in names}
        return [(name, site) for name in counts for site in range(counts[name])]


@pytest.fixture(scope="module")
def hunt(source: Callable[[str], Source]) -> Hunt:
    tree = source("4.20.3")
    found = Hunt(tree, tree.image("xen", everything=True))
    assert found.search(found.ir, "p2m_get_entry") is None, "nothing is broken yet"
    return found


def test_the_same_program_made_anew_differs_in_nothing(hunt: Hunt) -> None:
    unchanged = Kind("unchanged", lambda node: None)
    for function in ("p2m_set_entry", "p2m_get_entry", "write_pte"):
        assert hunt.caught(function, unchanged, 0) is None


@pytest.mark.parametrize("kind", [*KINDS, *PYTHON], ids=lambda k: getattr(k, "name", k))
def test_a_mistake_makes_a_difference(kind: Kind | str, hunt: Hunt) -> None:
    places = hunt.places(kind)
    assert places
    tried = Random(2).sample(places, min(TRIES, len(places)))
    caught = 0
    for function, site in tried:
        caught += hunt.caught(function, kind, site) is not None
        if caught == WANTED:
            return
    assert caught >= min(WANTED, len(places)), (caught, tried)
