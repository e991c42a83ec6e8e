"""The counterexample: the few events that matter, and what each changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.check.causes.edits import parts
from harness.check.causes.timeline import Replay
from harness.check.causes.window import Window
from harness.check.finding import State, Step, TlbDiff
from harness.check.harm import harm
from harness.check.states import Held, held, states
from harness.check.wording import (
    described,
    entry,
    event_text,
    input_address,
    pcpus,
    tag,
)
from reference_model.entries import EntryKind
from reference_model.events import (
    Barrier,
    BarrierKind,
    Event,
    ExceptionEntry,
    Msr,
    Repeat,
    Store,
    Tlbi,
    Zero,
)
from reference_model.issued import Issued
from reference_model.machine import Machine
from reference_model.sysregs import STAGE1_REGISTERS
from reference_model.tables import Link
from reference_model.violations import Property, Violation

__all__ = ["MAX_STEPS", "counterexample"]

MAX_STEPS = 10

Place = Callable[[Event], tuple[str, int, str]]


def counterexample(
    replay: Replay, window: Window, blamed: frozenset[int], place: Place
) -> tuple[tuple[Step, ...], tuple[TlbDiff, ...]]:
    """Replay a violation and describe its steps and the TLBs at its end.

    ``place`` tells which file, line and function to show for an event.
    """
    machine = replay.machine()
    steps: list[tuple[int, Step]] = []
    start: tuple[State, ...] = ()
    for position, event in enumerate(window.events[: window.violation.index + 1]):
        before = _Snapshot.of(machine, window.violation)
        if position <= window.first:
            start = states(machine, window.violation)
        machine.step(event)
        if position == window.violation.index:
            continue
        clearing = _clears(event, window.violation)
        if position < window.first and not clearing:
            continue
        effect = _effect(machine, event, before, window.violation)
        if clearing:
            effect = "not ordered before the table is linked"
        if position in blamed or _matters(event, effect):
            step = _step(window, position, effect, position in blamed, place)
            now = states(machine, window.violation)
            steps.append((position, replace(step, states=now)))
    first = [replace(step, states=start) for step in _first_steps(window)]
    end = replace(_last(window, place), states=states(machine, window.violation))
    numbered = [*first, *_shortened(steps, blamed), end]
    trace = tuple(replace(step, step=n) for n, step in enumerate(numbered, 1))
    return trace, _differences(machine, window.violation)


class _Snapshot:
    """What is held and pending before an event."""

    def __init__(self, held: Held, pending: dict[Issued, set[int]]) -> None:
        self.held = held
        self.pending = pending

    @classmethod
    def of(cls, machine: Machine, violation: Violation) -> _Snapshot:
        """Take the state of a machine."""
        pending = {op: set(op.done) for op in machine.pending}
        return cls(held(machine, violation), pending)


# ---------------------------------------------------------------------- steps


def _clears(event: Event, violation: Violation) -> bool:
    """Tell whether an event clears the table that was linked too early."""
    link = violation.link
    if violation.reason != "init" or link is None or not isinstance(event, Zero):
        return False
    return event.pa <= link.descriptor.output < event.pa + event.size


def _matters(event: Event, effect: str) -> bool:
    if isinstance(event, (Tlbi, Repeat)):
        return True
    if isinstance(event, Msr):
        return event.register in ("VTTBR_EL2", "TTBR0_EL1")
    if isinstance(event, (Store, Zero, Barrier, ExceptionEntry)):
        return bool(effect)
    return False


def _effect(
    machine: Machine, event: Event, before: _Snapshot, violation: Violation
) -> str:
    now = held(machine, violation)
    texts = []
    if isinstance(event, (Tlbi, Repeat)):
        texts.append(_reach(event))
    if isinstance(event, (Store, Zero)) and now - before.held and violation.link:
        current = machine.tables.walk(violation.link.table.root, violation.link.ia)
        place = input_address(violation.vmid, violation.link)
        texts.append(f"{place}: {described(violation.link)}")
        texts[-1] += f" -> {described(current)}"
    if isinstance(event, Barrier) and event.kind is BarrierKind.DSB:
        texts.extend(_completions(event, before))
    gone = before.held - now
    if gone:
        kinds = sorted({kind.value for _, kind in gone})
        texts.append(f"drops {', '.join(kinds)} on {pcpus({pe for pe, _ in gone})}")
    return "; ".join(texts)


def _reach(event: Event) -> str:
    ops = [e.op for e in parts(event) if isinstance(e, Tlbi)]
    if not ops:
        return ""
    scope = "all pCPUs" if ops[0].endswith(("IS", "OS")) else f"pCPU{event.pe} only"
    if "IPAS2" in ops[0]:
        return f"{scope}; stage-2-only entries"
    if ops[0].startswith("VMALLE1"):
        return f"{scope}; stage-1 and combined entries"
    return scope


def _completions(event: Barrier, before: _Snapshot) -> list[str]:
    completed: dict[str, dict[str, None]] = {}
    mine = {op: done for op, done in before.pending.items() if op.pe == event.pe}
    for op, done in mine.items():
        new = set(op.done) - done
        if new:
            completed.setdefault(pcpus(new), {})[op.operation.name] = None
    if mine and not completed:
        return ["completes no TLBI"]
    return [f"completes {', '.join(ops)} on {on}" for on, ops in completed.items()]


def _step(
    window: Window, position: int, effect: str, blamed: bool, place: Place
) -> Step:
    event = window.events[position]
    file, line, function = place(event)
    return Step(0, event.pe, event_text(event), file, line, function, effect, blamed)


def _hardware(pe: int, event: str, effect: str) -> Step:
    return Step(0, pe, event, "", 0, "", effect)


def _first_steps(window: Window) -> list[Step]:
    violation = window.violation
    if violation.reason == "vcpu":
        return [_hardware(violation.pe, "vCPU runs", "its S1, S12 may be cached")]
    if violation.reason == "mixed" or violation.link is None:
        return []
    link = violation.link
    translation = f"{input_address(violation.vmid, link)}: {described(link)}"
    if violation.vmid < 0:
        return [_hardware(violation.pe, "EL2 has run", f"may cache {translation}")]
    return [_hardware(violation.pe, "guest has run", f"may cache {translation}")]


def _last(window: Window, place: Place) -> Step:
    violation = window.violation
    event = window.events[violation.index]
    file, line, function = place(event)
    text = event_text(event)
    return Step(
        0, event.pe, text, file, line, function, harm(violation, window.start.pes), True
    )


def _shortened(steps: list[tuple[int, Step]], blamed: frozenset[int]) -> list[Step]:
    """Keep the steps that fit: the store, what is blamed, then the latest."""
    room = MAX_STEPS - 2
    if len(steps) <= room:
        return [step for _, step in steps]
    first = steps[0][0]
    kept = {first} | {position for position, _ in steps if position in blamed}
    for position, step in reversed(steps):
        if len(kept) >= room:
            break
        if step.effect:
            kept.add(position)
    return [step for position, step in steps if position in kept]


# ------------------------------------------------------------------- TLB diff


def _differences(machine: Machine, violation: Violation) -> tuple[TlbDiff, ...]:
    link = violation.link
    if link is None:
        return (_stage1_difference(machine, violation),)
    return tuple(_difference(machine, tlb.pe, violation, link) for tlb in machine.tlbs)


def _stage1_difference(machine: Machine, violation: Violation) -> TlbDiff:
    pe = violation.pe
    held = [s for s in machine.tlbs[pe].stage1_held() if s.vmid == violation.vmid]
    loaded = tuple(machine.pes[pe].value(name) for name in STAGE1_REGISTERS)
    foreign = [s for s in held if s.registers != loaded]
    lines = tuple(
        f"S1, S1W, S12, S12W VMID {s.vmid}: stage 1 of TTBR0_EL1 {s.registers[0]:#x}"
        for s in foreign or held
    )
    allowed = f"VMID {violation.vmid}: stage 1 of TTBR0_EL1 {loaded[0]:#x} only"
    return TlbDiff(pe, lines, allowed)


def _difference(machine: Machine, pe: int, violation: Violation, link: Link) -> TlbDiff:
    wrong = held(machine, violation)
    if violation.broken is Property.O5:  # held of a chain that still stands
        wrong = wrong | {(violation.pe, violation.kind)}
    unexpected = tuple(
        entry(kind, violation.vmid, link) for kind in EntryKind if (pe, kind) in wrong
    )
    if violation.broken is Property.M7 and pe == violation.pe:
        through = entry(violation.kind, violation.vmid, link)
        unexpected = (f"access under way through {through}", *unexpected)
    now = machine.tables.walk(link.table.root, link.ia)
    if violation.broken is Property.O5:
        own = "VM entered" if violation.vmid >= 0 else "tables in use"
        allowed = f"{tag(violation.vmid)}: entries of the {own} only"
    elif violation.broken is Property.O4:
        allowed = "nothing that reaches the freed page"
    elif now is None or not now.descriptor.cacheable:
        allowed = f"{input_address(violation.vmid, link)}: no translation"
    else:
        allowed = f"{input_address(violation.vmid, link)}: {described(now)}"
    return TlbDiff(pe, unexpected, allowed)
