"""What an alternative for an erratum hides is a warning where it is alone."""

from __future__ import annotations

from dataclasses import replace

from harness.check.alternatives import plain_profile
from harness.check.finding import Severity
from harness.check.pipeline import CheckRequest, check
from harness.check.result import Result
from harness.series.base import EMBEDDED
from reference_model.profiles import ARCHITECTURE_PROFILES

P0, P1 = ARCHITECTURE_PROFILES["P0-v8.0"], ARCHITECTURE_PROFILES["P1-repeat"]
PATCH = EMBEDDED.parent / "bad_no_dsb_between_steps.patch"
STEP = '+    asm volatile ("tlbi vmalle1is" : : : "memory");\n'
BARRIER = (
    '+    asm volatile (ALTERNATIVE("nop", "dsb ish",'
    ' ARM64_WORKAROUND_REPEAT_TLBI) : : : "memory");\n'
)


def checked(profiles: tuple[str, ...]) -> Result:
    text = PATCH.read_text(encoding="utf-8").replace(STEP, BARRIER + STEP)
    text = text.replace("+88,16 @@", "+88,17 @@")
    request = CheckRequest(
        text.encode(),
        "alternative.patch",
        EMBEDDED,
        EMBEDDED,
        profiles=profiles,
        scenarios=("unmap-4k",),
        jobs=1,
    )
    return check(request)


def test_on_the_cpu_with_the_alternative_alone() -> None:
    findings = checked(("P1-repeat",)).findings
    assert {f.rule for f in findings} == {"right-only-on-profile"}
    assert {f.severity for f in findings} == {Severity.WARNING}
    assert all(f.profiles == ("P1-repeat",) for f in findings)


def test_with_the_other_cpu_the_error_is_told_there() -> None:
    findings = checked(("P0-v8.0", "P1-repeat")).findings
    assert {f.rule for f in findings} == {"missing-dsb-between-ipas2-and-s1"}
    assert all(f.profiles == ("P0-v8.0",) for f in findings)


def test_plain_profile() -> None:
    assert plain_profile(P0, []) is None
    assert plain_profile(P1, [P1, P0]) is None
    found = plain_profile(P1, [P1])
    assert found == replace(P1, errata=frozenset())
