"""Repeated events: the passes that stand for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reference_model.events import Barrier, Event, Isb, Repeat, Tlbi
from reference_model.tlbi import By, Target, decode_operation

__all__ = ["expand", "passes"]

# From a removal by IPA on: until done, the stage-1 operation, the one that ends
# accesses with the REPEAT_TLBI erratum, and its completion.
_LAST = 4


def expand(repeat: Repeat) -> Iterator[Event]:
    """Yield the events that a Repeat stands for, one by one."""
    for turn in range(repeat.count):
        yield from _single(repeat, turn)


def _single(repeat: Repeat, turn: int) -> Iterator[Event]:
    for event, stride in zip(repeat.body, repeat.strides, strict=True):
        if stride and isinstance(event, Tlbi):
            yield replace(event, operand=event.operand + turn * stride)
        else:
            yield event


def passes(repeat: Repeat) -> Iterator[tuple[Event, Target | None]]:
    """Yield events with the same effect as all passes, with TLBI targets.

    A loop of by-IPA operations over neighbouring pages is taken as one
    operation on the whole range, but for the first and some last passes:
    whatever an operation on a page removes, the one on the range removes
    together with the table entries above it, which each of the operations
    removes too.  Barriers of the first pass may end walks and retire values
    that the operations of later passes then need not cope with; those of the
    last ones complete what earlier passes began.
    """
    if repeat.count < _LAST + 3 or not all(
        _neighbours(repeat, n) for n in range(len(repeat.body))
    ):
        for event in expand(repeat):
            yield event, None
        return
    last = repeat.count - _LAST
    for event in _single(repeat, 0):
        yield event, None
    for event, stride in zip(repeat.body, repeat.strides, strict=True):
        if stride and isinstance(event, Tlbi):
            yield event, _range(event.operand + 1, last - 1)
        else:
            yield event, None
    for turn in range(last, repeat.count):
        for event in _single(repeat, turn):
            yield event, None


def _neighbours(repeat: Repeat, position: int) -> bool:
    event, stride = repeat.body[position], repeat.strides[position]
    if not isinstance(event, Tlbi):
        return isinstance(event, (Barrier, Isb))
    if not stride:
        return True
    operation = decode_operation(event.op)
    plain = event.operand + repeat.count < 1 << 36  # no level hint
    return operation.by is By.INTERMEDIATE and stride == 1 and plain


def _range(operand: int, pages: int) -> Target:
    return Target(operand << 12, (operand + pages) << 12)
