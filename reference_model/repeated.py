"""Repeated events: the passes that stand for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reference_model.events import Barrier, Event, Isb, Repeat, Tlbi
from reference_model.tlbi import By, Target, decode_operation

__all__ = ["expand", "passes"]


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
    operation on the whole range, but for the last pass: whatever an
    operation on a page removes, the one on the range removes together with
    the table entries above it, which each of the operations removes too.
    """
    if repeat.count < 3 or not all(
        _neighbours(repeat, n) for n in range(len(repeat.body))
    ):
        for event in expand(repeat):
            yield event, None
        return
    last = repeat.count - 1
    for event, stride in zip(repeat.body, repeat.strides, strict=True):
        if stride and isinstance(event, Tlbi):
            yield event, _range(event.operand, last)
        else:
            yield event, None
    for event in _single(repeat, last):
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
