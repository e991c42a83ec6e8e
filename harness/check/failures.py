"""Findings about the C itself: what it did that no program may do."""

from __future__ import annotations

from harness.check.diagnosis import Diagnosis, PatchedSource
from harness.check.finding import Location, Step
from harness.targets import Run
from reference_model.coordinates import Coord, Frame

__all__ = ["failure_diagnoses"]

_RANK = -1  # told before anything about TLBs


def failure_diagnoses(run: Run, profile: str, source: PatchedSource) -> list[Diagnosis]:
    """Diagnose faults, endless loops and wrong mappings of one run."""
    found = []
    if run.fault is not None:
        fault = run.fault
        found.append(
            _diagnosis(
                "c-undefined-behaviour",
                f"{fault.kind}: {fault.what}",
                run.scenario,
                profile,
                _location(fault.coord, fault.stack, source),
                fault.stack,
            )
        )
    if run.bound is not None:
        found.append(
            _diagnosis(
                "c-bound-reached",
                run.bound.message,
                run.scenario,
                profile,
                _location(run.bound.coord, (), source),
                (),
            )
        )
    for mismatch in run.functional:
        found.append(
            _diagnosis(
                "p2m-access-unnoticed" if mismatch.allowed else "p2m-wrong-mapping",
                str(mismatch),
                run.scenario,
                profile,
                _place(mismatch.coord, mismatch.function, source),
                (),
            )
        )
    return found


def _location(
    coord: Coord | None, stack: tuple[Frame, ...], source: PatchedSource
) -> Location:
    return _place(coord, stack[0].function if stack else "", source)


def _place(coord: Coord | None, function: str, source: PatchedSource) -> Location:
    if coord is None:
        return Location("", 0, function, False)
    touched = source.touched(coord.file, coord.line)
    return Location(coord.file, coord.line, function, touched)


def _diagnosis(
    rule: str,
    message: str,
    scenario: str,
    profile: str,
    location: Location,
    stack: tuple[Frame, ...],
) -> Diagnosis:
    steps = tuple(
        Step(
            number,
            0,
            f"call {frame.function}",
            frame.call.file,
            frame.call.line,
            "",
            "",
        )
        for number, frame in enumerate(reversed(stack[:9]), 1)
    )
    last = Step(
        len(steps) + 1,
        0,
        message,
        location.file,
        location.line,
        location.function,
        "",
        True,
    )
    return Diagnosis(
        rule,
        _RANK,
        message,
        scenario,
        profile,
        location,
        rule,
        None,
        (),
        (*steps, last),
        None,
    )
