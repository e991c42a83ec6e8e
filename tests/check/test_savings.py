"""What a patch could do without is told where a replay confirms it, only there."""

from __future__ import annotations

from pathlib import Path

from harness.check.finding import Severity, Status
from harness.check.pipeline import check
from harness.check.request import CheckRequest
from harness.check.result import Result, Verdict
from harness.series.base import EMBEDDED

PATCHES = Path(__file__).resolve().parents[2] / "patches"
PLAIN = '"r" (ipa >> PAGE_SHIFT)'
HINTED = '"r" ((ipa >> PAGE_SHIFT) | ({}ULL << 44))'


def _checked(patch: str, scenario: str, profile: str) -> Result:
    return check(
        CheckRequest(
            patch.encode(),
            "patch",
            EMBEDDED,
            EMBEDDED,
            profiles=(profile,),
            scenarios=(scenario,),
            jobs=1,
        )
    )


def _read(name: str) -> str:
    return (PATCHES / f"{name}.patch").read_text()


def _costs(result: Result) -> set[str]:
    return {
        finding.rule
        for finding in result.findings
        if finding.severity is Severity.PERF and finding.status is Status.NEW
    }


def test_a_level_hint_is_asked_for_until_it_is_there() -> None:
    patch = _read("good_ipa_flush")
    here = "unmap-4k/own-vttbr/2-pcpus", "P5-nested"
    assert _costs(_checked(patch, *here)) == {"perf-no-ttl-hint-under-nv"}
    granule_and_level = 0b0111
    hinted = _checked(patch.replace(PLAIN, HINTED.format(granule_and_level)), *here)
    assert not _costs(hinted)
    assert hinted.verdict is not Verdict.UNSAFE


def test_a_wrong_level_hint_is_an_error() -> None:
    """So that the right one above is known to be looked at."""
    patch = _read("good_ipa_flush").replace(PLAIN, HINTED.format(0b0110))
    result = _checked(patch, "unmap-4k/own-vttbr/2-pcpus", "P5-nested")
    assert result.verdict is Verdict.UNSAFE


def test_pages_of_a_table_need_an_operation_each() -> None:
    patch = _read("good_ipa_page_by_page")
    rule = "perf-tlbi-per-page-over-block"
    block = _checked(patch, "unmap-2m/own-vttbr/2-pcpus", "P0-v8.0")
    table = _checked(patch, "unmap-table/own-vttbr/2-pcpus", "P0-v8.0")
    assert rule in _costs(block)
    assert rule not in _costs(table)
    assert not {block.verdict, table.verdict} & {Verdict.UNSAFE}
