"""Causes: the rule and the repair of each violation of one trace.

This is what a diagnosis says before it is put into the words of one source:
the rule of every edit in the smallest repair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.check.edits import Edit, parts
from harness.check.explain import Explainer, Explanation
from harness.check.timeline import Replay
from harness.check.window import Window
from reference_model.events import Event, Tlbi
from reference_model.tlbi import decode_operation
from reference_model.violations import Property, Violation

__all__ = ["Cause", "Counterpart", "causes", "refined", "unrepaired"]

Counterpart = Callable[[], tuple[Event, ...] | None]

# The rule when no candidate repair removes the violation.
_UNREPAIRED = {
    Property.O1: "missing-tlbi-after-unmap",
    Property.O2: "bbm-make-before-tlbi-complete",
    Property.O3: "vcpu-switch-missing-s1-flush",
    Property.O4: "table-freed-before-tlbi",
    Property.O5: "vmid-reuse-without-flush",
    Property.M7: "repeat-tlbi-missing",
}

_UNREPAIRED_BY_REASON = {
    "mixed": "at-speculate-mixed-context",
    "fb": "hcr-fb-cleared",
}


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
) -> list[Cause]:
    """Run a trace and name the causes of all that goes wrong in it.

    ``counterpart`` gives the events of the same code on the same CPU without
    FEAT_nTLBPA, None if there are none.  Raises Unmodelled like the machine.
    """
    machine = replay.machine()
    machine.run(events)
    distinct = {v.key: v for v in reversed(machine.violations)}
    violations = list(distinct.values())[::-1]
    explainer = Explainer(replay, events, violations)
    found: list[Cause] = []
    for violation in violations:
        explanation = explainer.explain(violation, lambda _window, _edit: False)
        window = explainer.window(violation)
        found.extend(_named(explanation, window, counterpart))
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


def unrepaired(violation: Violation) -> str:
    """Return the rule of a violation that no candidate repair removes."""
    by_reason = _UNREPAIRED_BY_REASON.get(violation.reason)
    return by_reason or _UNREPAIRED[violation.broken]


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
