"""Diagnoses: a violation in one run, its cause and its counterexample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.check.causes.causes import Counterpart, refined, telling
from harness.check.causes.edits import Drastic, Edit, instruction, parts
from harness.check.causes.explain import Explainer, Explanation
from harness.check.causes.reasons import unrepaired
from harness.check.causes.sampling import sampled
from harness.check.causes.timeline import Replay
from harness.check.causes.window import Window
from harness.check.counterexample import counterexample
from harness.check.finding import Location, Repair, Step, TlbDiff, Witness
from harness.check.mending import Mending, mending_of
from harness.check.replays.evidence import Evidence, places
from harness.check.rules import RULES
from harness.check.wording import address, virtual_address
from reference_model.coordinates import Coord, Origin
from reference_model.entries import EntryKind
from reference_model.events import Event, Store, Zero
from reference_model.violations import Property, Violation

__all__ = ["Diagnosis", "Diagnostician", "PatchedSource"]

# One repair may clear several properties; it is told under the first of these.
_ORDER = [
    Property.O1,
    Property.O4,
    Property.O3,
    Property.O5,
    Property.M7,
    Property.O2,
    Property.O6,
]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One cause of a violation, as seen in one scenario on one profile.

    ``location`` is the place to show, ``anchor`` the one that would be shown
    if no patch had touched anything: it is the same before and after a patch.
    """

    rule: str
    rank: int
    message: str
    scenario: str
    profile: str
    location: Location
    instruction: str
    witness: Witness | None
    tlb_diff: tuple[TlbDiff, ...]
    trace: tuple[Step, ...]
    repair: Repair | None
    violation: tuple[object, ...] = ()  # the key of the one shown
    assumptions: tuple[str, ...] = ()  # settings without which it goes away
    anchor: Location | None = None  # None: the location
    evidence: bytes = field(default=b"", repr=False, compare=False)  # as kept
    mendings: tuple[Mending, ...] = ()  # what the repair changes

    @property
    def mark(self) -> tuple[str, str, str, str]:
        """Return what it has in common with its like in other trees."""
        place = self.anchor or self.location
        return (self.rule, place.file, place.function, self.instruction)


@dataclass(frozen=True, slots=True)
class _Cause:
    """What an explanation says, free of positions in one trace."""

    rule: str
    edit: str  # the rule of the edit, before it is refined; "" for none
    text: str
    blamed: tuple[str, int, Coord | None]


@dataclass(frozen=True, slots=True)
class PatchedSource:
    """What the patch touched: lines, and names of functions with such lines."""

    touched: Callable[[str, int], bool]
    functions: frozenset[str] = frozenset()


_UNTOUCHED = PatchedSource(lambda file, line: False)  # noqa: ARG005

_Signature = tuple[object, ...]


class Diagnostician:
    """Explains violations; those that come about alike are explained once."""

    def __init__(self, source: PatchedSource) -> None:
        self._source = source
        self._causes: dict[_Signature, list[list[_Cause]]] = {}
        self._told: set[tuple[object, ...]] = set()
        self._known: set[tuple[str, tuple[str, int, Coord | None]]] = set()

    def diagnose(
        self,
        replay: Replay,
        events: tuple[Event, ...],
        scenario: str,
        violations: list[Violation],
        counterpart: Counterpart,
    ) -> list[Diagnosis]:
        """Diagnose the violations of one run.

        ``counterpart`` gives the events of the same scenario on the same CPU
        without FEAT_nTLBPA, None if the CPU has none to begin with.
        """
        found: list[Diagnosis] = []
        explainer = Explainer(replay, events, violations)
        for violation in sampled(telling(violations), events):
            window = explainer.window(violation)
            known = self._causes.setdefault(_signature(window), [])
            causes, explanation = self._known_cause(explainer, violation, known)
            if explanation is None:
                explanation = explainer.explain(violation, self._likely)
                causes = self._named(explanation, window, counterpart)
                known.append(causes)
            found.extend(self._tell(replay, window, scenario, causes, explanation))
        return found

    def _known_cause(
        self, explainer: Explainer, violation: Violation, known: list[list[_Cause]]
    ) -> tuple[list[_Cause], Explanation | None]:
        """Return the first known cause whose repair mends the violation here.

        The same instructions may go wrong for another reason, for what they
        do depends on operands: a repair counts only where it was replayed.
        """
        for causes in known:
            keys = {(cause.edit, cause.blamed) for cause in causes}

            def chosen(
                window: Window,
                edit: Edit,
                keys: set[tuple[str, tuple[str, int, Coord | None]]] = keys,
            ) -> bool:
                return (edit.rule, _identity(window.events[edit.blamed])) in keys

            explanation = explainer.mended(violation, chosen)
            if explanation is not None:
                return causes, explanation
        return [], None

    def _place(self, event: Event) -> tuple[str, int, str]:
        """Return where to show an event: a store where the code asks for it."""
        origin = _origin(event)
        if origin is None:
            return "", 0, ""
        places = [(origin.coord, origin.function)]
        if isinstance(event, (Store, Zero)):
            places = list(_places(origin))
            near = [p for p in places if p[1] in self._source.functions]
            in_c = [p for p in places if p[0].file.endswith(".c")]
            places = near or in_c or places
        coord, function = places[0]
        return coord.file, coord.line, function

    def _likely(self, window: Window, edit: Edit) -> bool:
        """Tell whether an edit mended something at the same instruction before.

        A missing step is never likely: something smaller may do here.
        """
        if edit.insertions and edit.drastic >= Drastic.DRAIN:
            return False
        return (edit.rule, _identity(window.events[edit.blamed])) in self._known

    def _named(
        self, explanation: Explanation, window: Window, counterpart: Counterpart
    ) -> list[_Cause]:
        if not explanation.edits:
            rule = unrepaired(window.violation)
            return [_Cause(rule, "", "", _identity(window.events[window.cause]))]
        self._known.update(
            (edit.rule, _identity(window.events[edit.blamed]))
            for edit in explanation.edits
        )
        return [
            _Cause(
                refined(edit, window, counterpart),
                edit.rule,
                edit.text,
                _identity(window.events[edit.blamed]),
            )
            for edit in explanation.edits
        ]

    def _tell(
        self,
        replay: Replay,
        window: Window,
        scenario: str,
        causes: list[_Cause],
        explanation: Explanation,
    ) -> list[Diagnosis]:
        positions = [_find(window, cause) for cause in causes]
        texts = tuple(cause.text for cause in causes if cause.text)
        repair = Repair(texts, explanation.verified) if texts else None
        mendings = tuple(mending_of(edit, window.events) for edit in explanation.edits)
        steps: tuple[Step, ...] = ()
        diff: tuple[TlbDiff, ...] = ()
        evidence = b""
        told = []
        for cause, position in zip(causes, positions, strict=True):
            location = _location(window.events[position], window, self._source)
            # The trace is shown once per cause: the first is kept.
            key = (cause.rule, location.file, location.line, window.violation.broken)
            if key not in self._told:
                self._told.add(key)
                if not steps:
                    steps, diff = counterexample(
                        replay, window, frozenset(positions), self._place
                    )
                    evidence = self._evidence(replay, window, scenario)
            told.append(
                Diagnosis(
                    cause.rule,
                    _ORDER.index(window.violation.broken),
                    _message(cause.rule, window),
                    scenario,
                    replay.profile.name,
                    location,
                    _identity(window.events[position])[0],
                    _witness(window),
                    diff,
                    steps,
                    repair,
                    window.violation.key,
                    anchor=_location(window.events[position], window, _UNTOUCHED),
                    evidence=evidence,
                    mendings=mendings,
                )
            )
        return told

    def _evidence(self, replay: Replay, window: Window, scenario: str) -> bytes:
        events = window.events[: window.violation.index + 1]
        lines = {line for event in events for line, _ in places(event)}
        evidence = Evidence(
            replay,
            events,
            scenario,
            frozenset(line for line in lines if self._source.touched(*line)),
            self._source.functions,
        )
        return evidence.kept()


# ------------------------------------------------------------------ signature


def _identity(event: Event) -> tuple[str, int, Coord | None]:
    """Return what an event is, but for its operands."""
    origin = _origin(event)
    what = "; ".join(instruction(part) for part in parts(event))
    return (what, event.pe, origin.coord if origin else None)


def _signature(window: Window) -> _Signature:
    violation = window.violation
    profile = window.profile
    path = tuple(dict.fromkeys(_identity(event) for _, event in window.numbered()))
    writer = window.events[max(violation.since, 0)].pe
    return (
        violation.broken,
        violation.kind,
        violation.conflict,
        violation.reason,
        violation.pe == writer,
        (profile.ntlbpa, profile.bbm, profile.ttl, profile.tlb_range, profile.errata),
        path,
        _identity(window.events[violation.index]),
    )


def _find(window: Window, cause: _Cause) -> int:
    """Return the position of the event that a cause blames."""
    places = range(window.first, window.violation.index + 1)
    matching = [p for p in places if _identity(window.events[p]) == cause.blamed]
    if not matching:
        return window.cause
    # The store that made the witness wrong, else the last of its kind.
    return window.cause if window.cause in matching else matching[-1]


# ------------------------------------------------------------------- details


def _origin(event: Event) -> Origin | None:
    return event.origin or next((e.origin for e in parts(event) if e.origin), None)


def _location(event: Event, window: Window, source: PatchedSource) -> Location:
    """Return the place to show: the nearest one that the patch touched.

    A place in a source file is preferred to one in a header, where helpers
    are; then one in a function that the patch touched somewhere.
    """
    origin = _origin(event) or window.first_origin()
    if origin is None:
        return Location("", 0, "", False)
    places = list(_places(origin))
    touched = [p for p in places if source.touched(p[0].file, p[0].line)]
    in_c = [p for p in touched if p[0].file.endswith(".c")]
    near = [p for p in places if p[1] in source.functions]
    c_files = [p for p in places if p[0].file.endswith(".c")]
    coord, function = (in_c or touched or near or c_files or places)[0]
    return Location(coord.file, coord.line, function, bool(touched))


def _places(origin: Origin) -> Iterator[tuple[Coord, str]]:
    """Yield (place, function around it), innermost first."""
    yield origin.coord, origin.function
    callers = [frame.function for frame in origin.stack[1:]]
    for frame, caller in zip(origin.stack, callers, strict=False):
        yield frame.call, caller


def _witness(window: Window) -> Witness | None:
    violation = window.violation
    link = violation.link
    if link is None:
        kind = violation.kind.value
        return Witness(violation.pe, kind, violation.vmid, None, None, None)
    stage1 = violation.kind in (EntryKind.S12, EntryKind.S12W)
    return Witness(
        violation.pe,
        violation.kind.value,
        violation.vmid,
        virtual_address(link.ia) if stage1 else None,
        link.ia,
        link.descriptor.output,
        link.descriptor.permissions,
        link.end - link.ia,
    )


def _message(rule: str, window: Window) -> str:
    violation = window.violation
    link = violation.link
    text = RULES[rule].message.format(
        pe=violation.pe,
        vmid=violation.vmid,
        kind=violation.kind.value,
        ipa=address(link.ia) if link else "?",
        pa=address(link.descriptor.output) if link else "?",
        va=address(virtual_address(link.ia)) if link else "?",
        what="",
    )
    if violation.vmid < 0:  # of EL2's own tables
        return text.replace("VMID -1", "EL2").replace("IPA", "VA")
    return text
