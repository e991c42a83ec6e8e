"""Every one-step weakening of a sequence, enumerated mechanically.

A sequence is a list of steps, each an event with the *role* that it plays.
What is enumerated depends on the events alone; roles only name the results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reference_model.events import (
    Access,
    Barrier,
    BarrierKind,
    Domain,
    Eret,
    Event,
    ExceptionEntry,
    Msr,
    Tlbi,
)
from reference_model.profiles import Profile

# What is left of each TLBI when it does less.  Only by-IPA operands are
# narrowed on their own, below.
NARROWER = {
    "ALLE1": ("VMALLS12E1", "VMALLE1"),
    "VMALLS12E1": ("VMALLE1", "IPAS2E1"),
    "VMALLE1": ("ASIDE1", "VAAE1", "VAE1", "VAALE1", "VALE1"),
    "IPAS2E1": ("IPAS2LE1",),
    "RIPAS2E1": ("RIPAS2LE1", "IPAS2E1"),
    "VALE2": (),
}
_TTL, _PAGE = 44, 1
_RANGE_BASE = (1 << 37) - 1
_OTHER_VMID = 7
_CHANGES = (Eret, ExceptionEntry)


@dataclass(frozen=True, slots=True)
class Step:
    """An event and its role, as in "order" for the DSB before a TLBI."""

    role: str
    event: Event


@dataclass(frozen=True, slots=True)
class Weakening:
    """A sequence with one step less right; ``name`` is "how role"."""

    name: str
    events: tuple[Event, ...]


def weakenings(
    steps: list[Step], profile: Profile, ipa: int = 0
) -> Iterator[Weakening]:
    """Yield every weakening of the steps that differs from them on ``profile``.

    ``ipa`` is an address for operations that come to need one.  Entering and
    leaving a guest is what a sequence is about, not a step of it: without one
    of these, or in another order, they would not be what a PE can do.
    """
    events = tuple(step.event for step in steps)
    for at, step in enumerate(steps):
        if isinstance(step.event, _CHANGES):
            continue
        yield Weakening(f"drop {step.role}", events[:at] + events[at + 1 :])
        for how, event in _weaker(step.event, profile, ipa):
            instead = (*events[:at], event, *events[at + 1 :])
            yield Weakening(f"{how} {step.role}", instead)
    for at in range(len(steps) - 1):
        one, other = events[at : at + 2]
        if one != other and not isinstance(one, _CHANGES) | isinstance(other, _CHANGES):
            swapped = (*events[:at], other, one, *events[at + 2 :])
            yield Weakening(f"swap {steps[at].role} {steps[at + 1].role}", swapped)


def _weaker(event: Event, profile: Profile, ipa: int) -> Iterator[tuple[str, Event]]:
    match event:
        case Barrier():
            yield from _barrier(event)
        case Tlbi():
            yield from _tlbi(event, profile, ipa)
        case Msr(register="VTTBR_EL2"):
            other = event.value & ~(0xFFFF << 48) | _OTHER_VMID << 48
            yield "VMID", replace(event, value=other)


def _barrier(event: Barrier) -> Iterator[tuple[str, Event]]:
    if event.access is Access.ALL:
        yield "ST", replace(event, access=Access.ST)
    if event.access is not Access.LD:
        yield "LD", replace(event, access=Access.LD)
    if event.domain is not Domain.NSH:
        yield "NSH", replace(event, domain=Domain.NSH)
    if event.kind is BarrierKind.DSB:
        yield "DMB", replace(event, kind=BarrierKind.DMB)


def _tlbi(event: Tlbi, profile: Profile, ipa: int) -> Iterator[tuple[str, Event]]:
    stem, suffix = event.op, ""
    if stem.endswith("IS"):
        stem, suffix = stem[:-2], "IS"
        yield "local", replace(event, op=stem)
    for op in NARROWER[stem]:
        operand = event.operand if stem.endswith("IPAS2E1") else ipa >> 12
        if stem == "RIPAS2E1" and op == "IPAS2E1":
            operand &= _RANGE_BASE
        yield op, replace(event, op=op + suffix, operand=operand)
    if stem == "IPAS2E1":
        yield from _ipa(event, profile)
    elif stem == "RIPAS2E1":
        yield "shift", replace(event, operand=event.operand + 2)
        yield "TG", replace(event, operand=event.operand ^ 3 << 46)
        for level in (1, 2, 3):
            yield f"TTL{level}", replace(event, operand=event.operand | level << 37)


def _ipa(event: Tlbi, profile: Profile) -> Iterator[tuple[str, Event]]:
    yield "shift", replace(event, operand=event.operand + _PAGE)
    yield "shift-2M", replace(event, operand=event.operand + 512 * _PAGE)
    if profile.ttl:
        plain = event.operand & ~(0xF << _TTL)
        for level in (1, 2, 3):
            hinted = plain | (0b0100 | level) << _TTL
            if hinted != event.operand:
                yield f"TTL{level}", replace(event, operand=hinted)
