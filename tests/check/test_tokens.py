"""Replay tokens: each shows its finding again, and nothing but a whole one does."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.check.pipeline import CheckRequest, check
from harness.check.replays import tokens
from harness.check.replays.replayed import ReplayRequest, replay
from harness.check.replays.token_source import TokenSource
from harness.check.replays.tokens import beginning, opened_token
from harness.check.result import Bounds, Result
from harness.cli import main
from harness.errors import HarnessError, TokenError
from harness.report.examples import example
from harness.report.generated.generate import SAMPLE_TOKEN
from harness.report.json_report import render_json
from harness.report.replay_command import replay_command
from harness.series.base import EMBEDDED
from harness.traces.packing import MAX_UNPACKED

GENERATED = Path(__file__).parents[2] / "generated" / "reports"
BAD = sorted(GENERATED.glob("bad_*.json"))
REPORTS = [path for path in BAD if path.suffixes == [".json"]]

# Of these, what a report shows must be the same when the token is replayed.
SHOWN = (
    "rule",
    "severity",
    "message",
    "location",
    "witness",
    "tlb_diff",
    "trace",
    "arm_rules",
    "assumptions",
)


def checked(*more: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Return the new findings of a check in JSON."""
    arguments = ["check", "--jobs", "1", "--format", "json", *more]
    assert main(arguments) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    return [finding for finding in findings if finding["status"] == "new"]


@pytest.fixture(scope="module")
def token() -> str:
    """Return a token of a finding."""
    patch, name = example("bad_s1_step_local")
    request = CheckRequest(
        patch,
        name,
        None,
        EMBEDDED,
        profiles=("P0-v8.0",),
        scenarios=("unmap-4k/own-vttbr/2-pcpus",),
        jobs=1,
    )
    (finding,) = check(request).findings
    return finding.replay


def same_again(finding: dict[str, object], text: str) -> None:
    """Replay a token and compare what a report shows."""
    source = TokenSource(text)
    again = source.finding()
    assert replay(ReplayRequest((), token=text)).findings == (again,)
    bounds = Bounds(0, 0, 0, 0, 0, exhausted=True)
    result = Result("audit", "", "", (), (), bounds, (again,), (), (), ())
    (data,) = json.loads(render_json(result))["findings"]
    for name in SHOWN:
        assert data[name] == finding[name], name
    before, after = finding["repair"], data["repair"]
    assert isinstance(before, dict) is isinstance(after, dict)
    if isinstance(before, dict):
        assert after["edits"] == before["edits"]
        assert after["verified"] == before["verified"]


# ------------------------------------------------------------------- the corpus


@pytest.mark.parametrize("path", REPORTS, ids=lambda p: p.stem)
def test_each_bad_patch_has_tokens_that_show_its_findings(path: Path) -> None:
    report_of = json.loads(path.read_text("utf-8"))
    new = [f for f in report_of["findings"] if f["status"] == "new"]
    shown = [f for f in new if f["trace"] and f["witness"]]
    assert shown
    for finding in shown:
        text = finding["replay"].replace(SAMPLE_TOKEN, beginning())
        assert len(text) <= 450, "too long for a mail"
        same_again(finding, text)


def test_a_token_is_made_whatever_ran_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_NO_CACHE", "1")
    options = ["--example", "bad_unmap_no_flush", "--scenario", "unmap-4k"]
    first = checked(*options, "--profile", "P0-v8.0", capsys=capsys)
    assert first
    for finding in first:
        assert str(finding["replay"]).startswith(beginning())
        same_again(finding, str(finding["replay"]))
    again = checked(*options, "--profile", "P0-v8.0", capsys=capsys)
    assert [f["replay"] for f in again] == [f["replay"] for f in first]


# ----------------------------------------------------------------- command line


def test_the_command_prints_the_finding(
    token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", token]) == 1
    out = capsys.readouterr().out
    assert "error[stale-s12-after-local-vmalle1]" in out
    assert "repair (replayed, clears it)" in out
    assert "in the patch)" in out
    assert "step 1" not in out


def test_steps_show_what_each_tlb_holds(
    token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", token, "--step"]) == 1
    out = capsys.readouterr().out
    steps = [int(n) for n in re.findall(r"^step (\d+)  pCPU", out, re.MULTILINE)]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) >= 6
    assert "TLB pCPU1: S12" in out
    assert max(map(len, out.split("\n"))) <= 80


@pytest.mark.parametrize("width", [72, 80])
def test_a_broken_line_is_put_together_again(
    token: str, width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = replay_command(token, width)
    assert len(lines) > 1
    assert max(map(len, lines)) <= width
    quoted = "\n".join(f"> {line}" for line in lines)
    for text in ("\n".join(lines), quoted):
        argument = re.fullmatch(r"[> ]*harness replay '(.*)'", text, re.DOTALL)
        assert argument
        assert main(["replay", argument[1]]) == 1
    assert "stale-s12-after-local-vmalle1" in capsys.readouterr().out


@pytest.mark.parametrize("mark", ["> ", ">> ", "| ", " "])
def test_a_quoted_token_is_one(
    token: str, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = re.findall(".{1,60}", token)
    assert main(["replay", "".join(f"{mark}{line}\n" for line in lines)]) == 1
    assert "error[stale-s12-after-local-vmalle1]" in capsys.readouterr().out


def test_what_is_nearly_a_token_is_not_taken_for_a_file(
    token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", token, token]) == 2
    assert "more than one replay token" in capsys.readouterr().err
    assert main(["replay", f"tlb2.{token.removeprefix('tlb1.')}"]) == 2
    assert "this is no replay token: one begins with 'tlb1.'" in capsys.readouterr().err
    assert main(["replay", "tlb2.jsonl"]) == 2
    assert "cannot read 'tlb2.jsonl'" in capsys.readouterr().err


def test_a_short_command_needs_no_quotes() -> None:
    assert replay_command("tlb1.abc", 72) == ["  harness replay tlb1.abc"]
    for length in range(50, 80):
        text = "".join(replay_command("x" * length, 72))
        assert "x" * length in text.replace(" ", "")
        assert text.count("'") in (0, 2)


def test_on_another_profile_and_reading(
    token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", token, "--profile", "P3-bbml2"]) == 1
    assert main(["replay", token, "--assume", "combined-tlb=off"]) == 0
    capsys.readouterr()


def test_a_token_becomes_a_trace_file(
    token: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trace.jsonl"
    assert main(["replay", token, "--export", str(path)]) == 1
    capsys.readouterr()
    assert main(["replay", str(path)]) == 1
    assert "error[stale-s12-after-local-vmalle1]" in capsys.readouterr().out


# ---------------------------------------------------------------------- refused


def packed(token: str) -> bytearray:
    text = token.removeprefix("tlb1.")
    return bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def token_with(data: bytes) -> str:
    return "tlb1." + base64.urlsafe_b64encode(data).decode().rstrip("=")


def refused(text: str) -> str:
    with pytest.raises(TokenError) as caught:
        TokenSource(text).finding()
    return str(caught.value)


def test_another_model_refuses(
    token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = packed(token)[:6].hex()
    monkeypatch.setattr(tokens, "model_version", lambda: "9.9+0123456789ab")
    assert main(["replay", token]) == 2
    error = capsys.readouterr().err
    assert f"made with model {own}, and this is 9.9+0123456789ab" in error
    assert "check the patch again" in error


def test_every_truncation_is_refused(token: str) -> None:
    for length in range(len(token)):
        assert refused(token[:length])


def test_every_changed_character_is_refused(token: str) -> None:
    for at in range(5, len(token)):
        other = "A" if token[at] != "A" else "B"
        changed = token[:at] + other + token[at + 1 :]
        if packed(changed) != packed(token):  # spare bits of the last one
            assert refused(changed)


def test_what_follows_is_refused(token: str) -> None:
    assert "something follows its end" in refused(token_with(packed(token) + b"x"))
    assert "not base64url" in refused(token + "!")


def bomb(token: str, content: bytes) -> str:
    squeeze = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = squeeze.compress(content) + squeeze.flush()
    digest = hashlib.sha256(content).digest()[:4]
    return token_with(packed(token)[:6] + digest + body)


def test_a_bomb_is_refused(token: str) -> None:
    text = bomb(token, bytes(MAX_UNPACKED * 16))
    assert len(text) < 2000
    assert "longer than any that is made" in refused(text)
    assert "at most" in refused(token + "A" * 20_000)


@given(st.binary(max_size=300))
def test_nonsense_with_a_right_digest_is_refused(content: bytes) -> None:
    mark = beginning().removeprefix("tlb1.")
    with pytest.raises(HarnessError):
        TokenSource(bomb(f"tlb1.{mark}", content)).finding()


@given(st.data())
def test_forged_bytes_never_crash(token: str, data: st.DataObject) -> None:
    content = bytearray(zlib.decompress(bytes(packed(token)[10:]), -zlib.MAX_WBITS))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    try:
        finding = TokenSource(bomb(beginning(), bytes(content))).finding()
    except HarnessError:
        return
    assert finding.rule  # another trace, but one that runs


def test_a_token_that_shows_something_else_says_so(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, events, number = opened_token(token)
    other = dataclasses.replace(header, rule="bbm-oa-change")
    monkeypatch.setattr(
        "harness.check.replays.token_source.opened_token",
        lambda _: (other, events, number),
    )
    assert "does not show 'bbm-oa-change'" in refused(token)


def test_a_file_may_not_look_like_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "tlb1.jsonl"]) == 2
    assert "replay token" in capsys.readouterr().err
