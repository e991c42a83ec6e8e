"""The logs for casemate: each read back by our reader, what is in none named."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from report_samples import CLEAN, INCONCLUSIVE, LOCAL, UNSAFE

from harness.check.pipeline import CheckRequest, check
from harness.check.replays import casemate_log as made
from harness.check.replays.casemate_log import casemate_log
from harness.check.replays.replayed import ReplayRequest, replay
from harness.check.replays.tokens import beginning
from harness.check.result import Result
from harness.cli import main
from harness.report.casemate import render_casemate
from harness.report.examples import example
from harness.report.order import told
from harness.series.base import EMBEDDED
from harness.traces.casemate_reader import CasemateReader

# An example, and a scenario that is enough to show what is wrong with it.
UNMAP, SWITCH = "unmap-4k/own-vttbr/2-pcpus", "vcpu-switch-same-domain"
SHOWN = {"bad_flush_local": UNMAP, "bad_dsb_ishst_after_tlbi": UNMAP}


@cache
def result(name: str, scenario: str, profile: str = "P0-v8.0") -> Result:
    """Check an example in one scenario."""
    patch, patch_name = example(name)
    return check(
        CheckRequest(
            patch,
            patch_name,
            None,
            EMBEDDED,
            profiles=(profile,),
            scenarios=(scenario,),
            jobs=1,
        )
    )


def logs(text: str) -> list[tuple[str, str]]:
    """Return the records above each line that ends a log, and that line."""
    found, records = [], ""
    for line in text.splitlines(keepends=True):
        if line.startswith("!"):
            found.append((records, line))
            records = ""
        else:
            records += line
    assert not records
    return found


@pytest.mark.parametrize("name", SHOWN)
def test_each_finding_has_a_log_that_shows_it(name: str, tmp_path: Path) -> None:
    checked = result(name, SHOWN[name])
    *some, (_, verdict) = logs(render_casemate(checked))
    assert verdict.startswith("! harness: unsafe: ")
    named = [(records, end) for records, end in some if records]
    assert len(named) == len(told(checked.findings))
    file = tmp_path / "log"
    for finding, (records, end) in zip(told(checked.findings), named, strict=True):
        assert end.startswith(f"! harness: error[{finding.rule}] at ")
        file.write_text(records, encoding="utf-8")
        replayed = replay(ReplayRequest((file,), "casemate"))
        assert finding.rule in {f.rule for f in replayed.findings}
        reader = CasemateReader(io.BytesIO(f"{records}{end}".encode()), "log")
        assert all(record.tid < 4 for record in reader)
        assert reader.claim is not None
        assert finding.message in reader.claim


def test_the_file_is_one_that_replay_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "harness.casemate"
    file.write_text(render_casemate(result("bad_flush_local", UNMAP)), encoding="utf-8")
    assert main(["replay", "--format", "casemate", str(file)]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    (worst, *_) = told(result("bad_flush_local", UNMAP).findings)
    assert f"error[{worst.rule}]" in shown
    assert f"claims: harness: error[{worst.rule}]" in shown


def test_what_no_log_can_tell_is_said() -> None:
    every = render_casemate(result("bad_ntlbpa_skips_vcpu_switch", SWITCH, "P3-bbml2"))
    assert [end for records, end in logs(every) if records] == []
    assert "! harness: no log of error[vcpu-switch-missing-s1-flush] at " in every
    assert "it rests on what casemate's logs do not tell" in every
    assert f"; harness replay {beginning()}" in every


def test_a_finding_without_a_trace_or_token_is_named() -> None:
    text = render_casemate(replace(UNSAFE, findings=(LOCAL,)))
    assert "no log of error[stale-s12-after-local-vmalle1] at " in text
    assert "no trace of events shows it by itself" in text
    text = render_casemate(replace(UNSAFE, findings=(replace(LOCAL, replay="tlb1.x"),)))
    assert "the replay token is damaged" in text


def test_no_log_grows_beyond_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    (worst, *_) = told(result("bad_flush_local", UNMAP).findings)
    assert casemate_log(worst).lines
    monkeypatch.setattr(made, "_MOST", 3)
    log = casemate_log(worst)
    assert log.lines == ()
    assert log.missing == "the log would have more than 3 records"


def test_the_verdict_and_the_gaps_are_told() -> None:
    assert render_casemate(CLEAN).startswith("! harness: clean: ")
    text = render_casemate(INCONCLUSIVE)
    assert text.splitlines()[-1].startswith("! harness: inconclusive: ")
    assert "changed, but run by no scenario: p2m_teardown" in text
    assert "not modelled, so nothing is claimed beyond it" in text


def test_a_message_cannot_start_a_record() -> None:
    hostile = replace(LOCAL, message="x\n(mem-init (id 0))", suppressed="SAF-0: \n(y)")
    for finding in (hostile, replace(hostile, suppressed="")):
        text = render_casemate(replace(UNSAFE, findings=(finding,)))
        assert all(line.startswith("! harness: ") for line in text.splitlines())
