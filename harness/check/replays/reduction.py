"""Reduction: the least of a trace that still comes to the same diagnosis.

Everything in it is left out in turn, alone and together with its neighbours: events,
words of memory, registers, the outer calls of each place.  What is left out stays out
if the diagnosis that remains does not differ in anything that is shown.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from harness.check.alternatives import HIDDEN_RULE, hidden_by_alternative
from harness.check.diagnosis import Diagnosis, Diagnostician, PatchedSource
from harness.check.replays.evidence import Evidence, Line, chain, places
from reference_model.coordinates import Coord, Origin
from reference_model.events import Event, Repeat, Tlbi
from reference_model.unmodelled import Unmodelled
from reference_model.violations import Violation

__all__ = ["diagnosed_again", "reduced", "shown"]

# The same CPU without FEAT_nTLBPA was seen to take one more stage-1 step.
_SKIPPED_STEP = "s1-inval-skipped-on-ntlbpa"

_DIAGNOSES = 100  # for one reduction, which then is not the least, but will do

_Item = TypeVar("_Item")
_Test = Callable[[Evidence], bool]


def diagnosed_again(evidence: Evidence, rule: str) -> list[Diagnosis]:
    """Diagnose a trace by itself and return the diagnoses of a rule.

    Some rules rest on another trace as well, which is taken to be as it was.
    """
    violations = _violations(evidence)
    if not violations:
        return []
    source = PatchedSource(
        lambda file, line: (file, line) in evidence.lines, evidence.functions
    )
    more = (*evidence.events, Tlbi(0, "VMALLE1IS"))
    found = Diagnostician(source).diagnose(
        evidence.replay,
        evidence.events,
        evidence.scenario,
        violations,
        lambda: more if rule == _SKIPPED_STEP else None,
    )
    if rule == HIDDEN_RULE:
        return hidden_by_alternative((), found)
    return [diagnosis for diagnosis in found if diagnosis.rule == rule]


def reduced(evidence: Evidence, wanted: Diagnosis) -> tuple[Evidence, int] | None:
    """Return the least that shows the diagnosis, None if it cannot be shown.

    The number says which one it is of those of its rule.
    """
    cut = replace(evidence, events=tuple(map(_bare, evidence.events)))
    looked_for = _Reduction(wanted)
    if not looked_for.shows(cut):
        return None
    for step in (_inner_calls, _memory, _events, _registers, _touched):
        cut = step(cut, looked_for.shows)
    number = looked_for.number(cut)
    return None if number is None else (cut, number)


@dataclass(slots=True)
class _Reduction:
    """What has to stay."""

    wanted: Diagnosis
    left: int = _DIAGNOSES

    def shows(self, evidence: Evidence) -> bool:
        """Tell whether a trace still comes to the diagnosis."""
        if not any(self._alike(v) for v in _violations(evidence)):
            return False  # a quick answer, and the most frequent one
        if not self.left:
            return False
        self.left -= 1
        return self.number(evidence) is not None

    def number(self, evidence: Evidence) -> int | None:
        """Return which of the diagnoses of its rule it is."""
        try:
            found = diagnosed_again(evidence, self.wanted.rule)
        except Unmodelled:
            return None
        like = (n for n, one in enumerate(found) if shown(one) == shown(self.wanted))
        return next(like, None)

    def _alike(self, violation: Violation) -> bool:
        """Compare everything but the number of the event."""
        key, wanted = violation.key, self.wanted.violation
        return key[:1] + key[2:] == wanted[:1] + wanted[2:]


def _violations(evidence: Evidence) -> list[Violation]:
    try:
        machine = evidence.replay.machine()
    except Unmodelled:
        return []
    with contextlib.suppress(Unmodelled):
        machine.run(evidence.events)
    return list({v.key: v for v in reversed(machine.violations)}.values())[::-1]


def shown(diagnosis: Diagnosis) -> tuple[object, ...]:
    """Return all that a report shows of a diagnosis."""
    return (
        diagnosis.rule,
        diagnosis.message,
        diagnosis.trace,
        diagnosis.tlb_diff,
        diagnosis.witness,
        diagnosis.repair,
        diagnosis.location,
        diagnosis.anchor,
        diagnosis.instruction,
    )


# -------------------------------------------------------------------- its steps


def _events(evidence: Evidence, test: _Test) -> Evidence:
    def with_events(events: Sequence[Event]) -> Evidence:
        return replace(evidence, events=tuple(events))

    return with_events(_least(evidence.events, lambda e: test(with_events(e))))


def _memory(evidence: Evidence, test: _Test) -> Evidence:
    def with_words(words: Sequence[tuple[int, int]]) -> Evidence:
        start = replace(evidence.replay.start, memory=dict(words))
        return replace(evidence, replay=replace(evidence.replay, start=start))

    words = sorted(evidence.replay.start.memory.items())
    return with_words(_least(words, lambda each: test(with_words(each))))


def _registers(evidence: Evidence, test: _Test) -> Evidence:
    given = evidence.replay.start.registers

    def with_registers(kept: Sequence[tuple[int, str, int]]) -> Evidence:
        files: tuple[dict[str, int], ...] = tuple({} for _ in given)
        for pe, name, value in kept:
            files[pe][name] = value
        start = replace(evidence.replay.start, registers=files)
        return replace(evidence, replay=replace(evidence.replay, start=start))

    every = [
        (pe, name, value)
        for pe, registers in enumerate(given)
        for name, value in sorted(registers.items())
    ]
    return with_registers(_least(every, lambda each: test(with_registers(each))))


def _touched(evidence: Evidence, test: _Test) -> Evidence:
    """Keep of what the patch touched the places and functions of the trace only."""
    every = {place for event in evidence.events for place in places(event)}
    names = {function for _, function in every}
    fewer = replace(
        evidence,
        lines=evidence.lines & {line for line, _ in every},
        functions=evidence.functions & names,
    )
    return fewer if test(fewer) else evidence


def _inner_calls(evidence: Evidence, test: _Test) -> Evidence:
    """Leave out the calls around the outermost place that a report may show."""

    def needed(place: tuple[Line, str]) -> bool:
        line, function = place
        return line in evidence.lines or function in evidence.functions

    shorter = replace(
        evidence, events=tuple(_shortened(e, needed) for e in evidence.events)
    )
    return shorter if test(shorter) else evidence


# ----------------------------------------------------------------------- places


def _bare(event: Event) -> Event:
    """Leave out of the places of an event what a token does not hold."""
    return _relocated(event, _bare_origin)


def _bare_origin(origin: Origin) -> Origin:
    def bare(coord: Coord) -> Coord:
        return Coord(coord.file, coord.line)

    stack = tuple(frame._replace(call=bare(frame.call)) for frame in origin.stack)
    return Origin(bare(origin.coord), origin.function, stack)


def _relocated(event: Event, change: Callable[[Origin], Origin]) -> Event:
    if isinstance(event, Repeat):
        body = tuple(_relocated(part, change) for part in event.body)
        event = replace(event, body=body)
    origin = event.origin
    return event if origin is None else replace(event, origin=change(origin))


def _shortened(event: Event, needed: Callable[[tuple[Line, str]], bool]) -> Event:
    def change(origin: Origin) -> Origin:
        every = list(chain(origin))
        source = (n for n, (line, _) in enumerate(every) if line[0].endswith(".c"))
        last = max(
            next(source, 0),
            max((n for n, place in enumerate(every) if needed(place)), default=0),
        )
        # A frame names the function of one place and the line of the next one.
        *inner, outer = origin.stack[: last + 1] or (None,)
        if outer is None:
            return origin
        nowhere = outer._replace(call=Coord("", 0))
        return origin._replace(stack=(*inner, nowhere))

    return _relocated(event, change)


# ------------------------------------------------------------------- what to keep


def _least(
    items: Sequence[_Item], test: Callable[[Sequence[_Item]], bool]
) -> Sequence[_Item]:
    """Leave out what can be, in pieces that get smaller and smaller.

    From the end: what comes late rarely has to do with what comes before.
    """
    size = len(items)
    while size:
        end = len(items)
        while end > 0:
            begin = max(0, end - size)
            fewer = [*items[:begin], *items[end:]]
            if test(fewer):
                items = fewer
            end = begin
        size //= 2
    return items
