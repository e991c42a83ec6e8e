"""Folding of long event loops into ``events.Repeat``.

A loop that issues the same few events over and over, with TLBI operands in
arithmetic progression, is recognised while it is recorded, so that a flush of
1 GiB page by page costs no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reference_model.coordinates import Origin
from reference_model.events import Event, Repeat, Tlbi

__all__ = ["Fold", "Folding", "expand"]

PERIOD = 4  # longest body
PASSES = 8  # passes seen before a loop counts as one


@dataclass(slots=True)
class Fold:
    """A loop being recorded: whole passes so far, and where the next one is."""

    body: list[Event]
    strides: list[int]
    count: int
    position: int = 0


def _same(left: Event, right: Event) -> bool:
    """Tell whether two events are alike but for a TLBI's operand."""
    if left is right:
        return True
    if type(left) is not type(right) or left.origin != right.origin:
        return False
    if isinstance(left, Tlbi) and isinstance(right, Tlbi):
        return left.op == right.op and left.pe == right.pe
    return left == right


def _operand(event: Event) -> int:
    return event.operand if isinstance(event, Tlbi) else 0


class Folding:
    """The event list under construction."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.fold: Fold | None = None
        self._alike = [0] * (PERIOD + 1)  # events in a row like the one p earlier

    def add(self, event: Event) -> None:
        """Append an event or count it into the current fold."""
        fold = self.fold
        if fold is not None:
            place = fold.position
            expected = fold.body[place]
            if _same(expected, event) and (
                type(event) is not Tlbi
                or event.operand
                == _operand(expected) + fold.strides[place] * fold.count
            ):
                place += 1
                if place == len(fold.body):
                    fold.count += 1
                    place = 0
                fold.position = place
                return
            self.settle()
        self.events.append(event)
        self._detect(event)

    def repeats(self, pe: int, op: str, operand: int, origin: Origin) -> bool:
        """Count a TLBI into the current fold if it is the next of its body.

        Does what ``add`` would, without the event: loops are long.
        """
        fold = self.fold
        if fold is None:
            return False
        place = fold.position
        expected = fold.body[place]
        if (
            type(expected) is not Tlbi
            or expected.op != op
            or expected.pe != pe
            or expected.origin is not origin
            or operand != expected.operand + fold.strides[place] * fold.count
        ):
            return False
        place += 1
        if place == len(fold.body):
            fold.count += 1
            place = 0
        fold.position = place
        return True

    def settle(self) -> None:
        """Write the current fold out."""
        fold = self.fold
        if fold is None:
            return
        self.fold = None
        body = tuple(fold.body)
        self.events.append(
            Repeat(
                body[0].pe, body, fold.count, tuple(fold.strides), origin=body[0].origin
            )
        )
        for event, stride in zip(
            fold.body[: fold.position], fold.strides, strict=False
        ):
            self.events.append(_pass(event, stride * fold.count))
        self._alike = [0] * (PERIOD + 1)

    def clear(self) -> None:
        """Forget everything."""
        self.events = []
        self.fold = None
        self._alike = [0] * (PERIOD + 1)

    def _detect(self, event: Event) -> None:
        events, alike = self.events, self._alike
        for period in range(1, PERIOD + 1):
            if len(events) > period and _same(events[-1 - period], event):
                alike[period] += 1
                if alike[period] >= period * (PASSES - 1) and self._begin(period):
                    return
            else:
                alike[period] = 0

    def _begin(self, period: int) -> bool:
        """Fold the last passes if all operands grow evenly."""
        tail = self.events[-period * PASSES :]
        operands = [_operand(event) for event in tail]
        strides = [operands[period + i] - operands[i] for i in range(period)]
        for i in range(period, len(tail)):
            if operands[i] - operands[i - period] != strides[i % period]:
                return False
        del self.events[-period * PASSES :]
        self.fold = Fold(tail[:period], strides, PASSES)
        return True


def _pass(event: Event, growth: int) -> Event:
    if isinstance(event, Tlbi) and growth:
        return replace(event, operand=event.operand + growth)
    return event


def expand(events: list[Event]) -> Iterator[Event]:
    """Write every ``Repeat`` out event by event."""
    for event in events:
        if not isinstance(event, Repeat):
            yield event
            continue
        for turn in range(event.count):
            for inner, stride in zip(event.body, event.strides, strict=True):
                yield _pass(inner, stride * turn)
