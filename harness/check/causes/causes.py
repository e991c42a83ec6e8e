"""Causes: the rule and the repair of each violation of one trace.

This is what a diagnosis says before it is put into the words of one source:
the rule of every edit in the smallest repair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.check.causes.edits import Edit, parts
from harness.check.causes.explain import Explainer, Explanation
from harness.check.causes.needless import NEEDLESS, needless_breaks
from harness.check.causes.reasons import unrepaired
from harness.check.causes.timeline import Replay
from harness.check.causes.window import Window
from reference_model.entries import EntryKind
from reference_model.events import Event, Tlbi
from reference_model.tlbi import decode_operation
from reference_model.violations import Property, Violation

__all__ = ["Cause", "Counterpart", "causes", "refined", "telling", "unrepaired"]

Counterpart = Callable[[], tuple[Event, ...] | None]


@dataclass(frozen=True, slots=True)
class Cause:
    """One rule that a violation breaks.

    ``edit`` is the part of the smallest repair that stands for it, None if no
    candidate repair removes the violation.  ``verified`` tells that the whole
    repair brings no other violation.
    """

    rule: str
    violation: Violation
    edit: Edit | None
    verified: bool


def causes(
    replay: Replay,
    events: tuple[Event, ...],
    counterpart: Counterpart = lambda: None,
    plain: tuple[Event, ...] | None = None,
) -> list[Cause]:
    """Run a trace and name the causes of all that goes wrong in it.

    ``counterpart`` gives the events of the same code on the same CPU without
    FEAT_nTLBPA, None if there are none; ``plain`` are those on the same CPU
    without its errata.  Raises Unmodelled like the machine.
    """
    machine = replay.machine()
    machine.run(events)
    distinct = {v.key: v for v in reversed(machine.violations)}
    violations = list(distinct.values())[::-1]
    explainer = Explainer(replay, events, violations)
    found: list[Cause] = []
    for violation in telling(violations):
        explanation = explainer.explain(violation, lambda _window, _edit: False)
        window = explainer.window(violation)
        found.extend(_named(explanation, window, counterpart))
    return found or _of_clean(replay, events, plain)


def _of_clean(
    replay: Replay, events: tuple[Event, ...], plain: tuple[Event, ...] | None
) -> list[Cause]:
    """Name what there is to say of a trace in which nothing goes wrong."""
    spared = needless_breaks(replay, events)
    found = [Cause(edit.rule, violation, edit, True) for violation, edit in spared]
    if plain is not None and replay.profile.errata:
        without = replace(replay.profile, errata=frozenset[str]())
        found += [
            replace(cause, rule="right-only-on-profile")
            for cause in causes(replace(replay, profile=without), plain)
            if cause.violation.reason != NEEDLESS
        ]
    return found


def _named(
    explanation: Explanation, window: Window, counterpart: Counterpart
) -> list[Cause]:
    if not explanation.edits:
        return [Cause(unrepaired(window.violation), window.violation, None, False)]
    return [
        Cause(
            refined(edit, window, counterpart),
            window.violation,
            edit,
            explanation.verified,
        )
        for edit in explanation.edits
    ]


def telling(violations: list[Violation]) -> list[Violation]:
    """Leave out what says no more than another one does.

    The same operations remove S12 and S12W entries; where a VMID has entries
    of another VM, stage-1 entries of its vCPUs are no news.
    """
    combined = {v.key for v in violations if v.kind is EntryKind.S12}
    reused = {(v.index, v.vmid) for v in violations if v.broken is Property.O5}
    return [
        v
        for v in violations
        if not (
            v.kind is EntryKind.S12W and replace(v, kind=EntryKind.S12).key in combined
        )
        and not (v.reason == "vcpu" and (v.index, v.vmid) in reused)
    ]


def refined(edit: Edit, window: Window, counterpart: Counterpart) -> str:
    """Return the rule of an edit, or why the code left the step out."""
    if edit.rule != "missing-s1-inval-after-ipas2" or not window.profile.ntlbpa:
        return edit.rule
    other = counterpart()
    if other is not None and _stage1_steps(other) > _stage1_steps(window.events):
        return "s1-inval-skipped-on-ntlbpa"
    return edit.rule


def _stage1_steps(events: tuple[Event, ...]) -> int:
    return sum(
        decode_operation(part.op).stage1
        for event in events
        for part in parts(event)
        if isinstance(part, Tlbi)
    )
