"""Findings belong to the patch that brings them in."""

from __future__ import annotations

from dataclasses import replace

from report_samples import LOCAL

from harness.check.attribution import Compared, attributed
from harness.check.finding import Finding

SCENARIO = LOCAL.scenario
DONE = {*LOCAL.scenarios}


def seen(mark: str, *profiles: str, shown: str = "") -> Finding:
    """Return a finding, shown at the place ``shown``."""
    place = replace(LOCAL.location, function=shown or mark)
    times = frozenset(((mark,), SCENARIO, p) for p in profiles or ("P0",))
    return replace(LOCAL, location=place, fingerprint=shown or mark, seen=times)


def told(*steps: Compared) -> list[tuple[str, str, int, int]]:
    """Return mark, status and patches of each finding."""
    return [
        (min(f.marks)[0], f.status.value, f.patch, f.fixed_by)
        for f in attributed(steps)
    ]


def test_one_patch() -> None:
    before, after = [seen("old"), seen("both")], [seen("both"), seen("new")]
    assert told(Compared(1, before, after, DONE)) == [
        ("both", "unchanged", 0, 0),
        ("new", "new", 1, 0),
        ("old", "fixed", 1, 0),
    ]


def test_what_did_not_run_is_not_fixed() -> None:
    assert told(Compared(1, [seen("old")], [], set())) == []


def test_the_same_is_not_new_where_the_patch_is_near() -> None:
    step = Compared(1, [seen("a")], [seen("a", shown="touched")], DONE)
    assert told(step) == [("a", "unchanged", 0, 0)]


def test_on_more_profiles_it_is_new() -> None:
    step = Compared(1, [seen("a", "P0")], [seen("a", "P0", "P1")], DONE)
    assert told(step) == [("a", "new", 1, 0)]


def test_at_more_places_it_is_new() -> None:
    """They have one mark, and the first one was there before."""

    def at(line: int, *, touched: bool = False) -> Finding:
        finding = seen("a", shown=f"line {line}")
        place = replace(finding.location, in_patch=touched)
        places = frozenset((each, line) for each in finding.seen)
        return replace(finding, location=place, places=places)

    def statuses(before: list[Finding], after: list[Finding]) -> list[str]:
        step = Compared(1, before, after, DONE)
        return [f.status.value for f in attributed([step])]

    assert statuses([at(3)], [at(5)]) == ["unchanged"]
    assert statuses([at(3)], [at(5), at(9, touched=True)]) == ["unchanged", "new"]
    assert statuses([at(3)], [at(5), at(9)]) == ["new", "new"]
    assert statuses([at(3), at(9)], [at(5), at(9)]) == ["unchanged", "unchanged"]
    # One place that is told in two ways is one place.
    twice = [at(3), replace(at(3), fingerprint="again")]
    assert statuses([at(3)], twice) == ["unchanged", "unchanged"]


def test_brought_in_mended_and_brought_in_again() -> None:
    one = Compared(1, [], [seen("a")], DONE, True, False)
    two = Compared(2, [seen("a")], [seen("a", shown="elsewhere")], DONE, False, False)
    three = Compared(3, [seen("a", shown="elsewhere")], [], DONE, False, False)
    four = Compared(4, [], [seen("a")], DONE, False, True)
    assert told(one, two, three, four) == [("a", "new", 1, 3), ("a", "new", 4, 0)]


def test_what_is_on_the_base_is_told_once() -> None:
    one = Compared(1, [seen("a")], [seen("a")], DONE, True, False)
    two = Compared(2, [seen("a")], [seen("a")], DONE, False, True)
    assert told(one, two) == [("a", "unchanged", 0, 0)]
    alone = Compared(2, [seen("a")], [seen("a"), seen("b")], DONE)
    assert told(replace(one, last=True), alone) == [
        ("a", "unchanged", 0, 0),
        ("b", "new", 2, 0),
    ]


def test_alternatives_know_nothing_of_each_other() -> None:
    one = Compared(1, [], [seen("a")], DONE)
    two = Compared(2, [], [seen("a")], DONE)
    assert told(one, two) == [("a", "new", 1, 0), ("a", "new", 2, 0)]
