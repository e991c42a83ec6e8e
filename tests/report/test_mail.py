"""The reply that is mailed, as people, b4 and git send-email take it."""

from __future__ import annotations

import email
import email.policy
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import (
    CLEAN,
    INCONCLUSIVE,
    LOCAL,
    P2M,
    PROFILES,
    UNSAFE,
    WARNING,
)

from harness.check.finding import Finding, Location
from harness.check.result import Letter, PatchSummary, Result
from harness.report.mail.mail import render_mail
from harness.report.text import render_text

LETTER = Letter(
    "Jane Doe <jane@example.org>",
    "2026-11-20T10:12:31+00:00",
    "<patch-1@example.org>",
    ("<cover@example.org>",),
    ("Jane Doe <jane@example.org>", "xen-devel@lists.example.org", "m@example.org"),
)
PATCH = PatchSummary("a.patch", "xen/arm: p2m: Skip a flush", (P2M,), letter=LETTER)
HUNK = "\n".join(
    ["@@ -300,40 +300,41 @@ f", *(f" line {n}" for n in range(300, 345)), "+the change"]
)
FOUND = replace(LOCAL, hunk=HUNK, location=Location(P2M, 345, "f", True))
SENT = replace(UNSAFE, patches=(PATCH,), findings=(WARNING, FOUND))


def _mail(result: Result) -> tuple[email.message.EmailMessage, str]:
    text = render_mail(result)
    message = email.message_from_string(text, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message, message.get_content()


def test_it_answers_the_mail_of_the_patch() -> None:
    message, _ = _mail(SENT)
    assert message["In-Reply-To"] == "<patch-1@example.org>"
    assert message["References"].split() == [
        "<cover@example.org>",
        "<patch-1@example.org>",
    ]
    assert message["Subject"] == "Re: xen/arm: p2m: Skip a flush"
    assert message["To"] == "Jane Doe <jane@example.org>"
    assert "xen-devel@lists.example.org" in message["Cc"]
    assert message["X-Patchwork-Hint"] == "ignore"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    "result", [CLEAN, INCONCLUSIVE, replace(UNSAFE, findings=(WARNING,))]
)
def test_nobody_is_mailed_where_there_is_no_error(result: Result) -> None:
    assert render_mail(replace(result, patches=(PATCH,))) == ""


def test_lines_are_no_longer_than_72_columns() -> None:
    _, body = _mail(SENT)
    long = [line for line in body.splitlines() if len(line) > 72]
    assert [line for line in long if not line.startswith("> ")] == []


def test_the_lines_near_the_finding_are_quoted() -> None:
    _, body = _mail(SENT)
    quoted = [line for line in body.splitlines() if line.startswith(">")]
    assert quoted[0] == "> @@ -300,40 +300,41 @@ f"
    assert "> +the change" in quoted
    assert len(quoted) <= 16
    assert body.index("> +the change") < body.index("Stage-1 step is local")


def test_findings_about_one_hunk_stand_below_it_once() -> None:
    second = replace(FOUND, fingerprint="f" * 16, trace=FOUND.trace[:4])
    elsewhere = replace(FOUND, fingerprint="e" * 16, hunk="@@ -1,1 +1,2 @@ g\n+other")
    _, body = _mail(replace(SENT, findings=(FOUND, elsewhere, second)))
    quoted = [line for line in body.splitlines() if line.startswith("> @@")]
    assert quoted == ["> @@ -300,40 +300,41 @@ f", "> @@ -1,1 +1,2 @@ g"]
    places = [body.index(text) for text in ("1. Stage-1", "2. Stage-1", "> @@ -1")]
    assert places == sorted(places)
    assert body.index("> @@ -1") < body.index("3. Stage-1")
    assert "1-3  as in 1" in body or "1-3 as in 1" in body


def test_the_worst_is_told_in_full_and_the_rest_as_there_is_room() -> None:
    many = tuple(
        replace(
            FOUND,
            fingerprint=f"{n:016}",
            trace=tuple(replace(s, line=s.line + n) for s in FOUND.trace),
        )
        for n in range(9)
    )
    _, body = _mail(replace(SENT, findings=many))
    assert "9 errors are new with the patch, the worst first" in " ".join(body.split())
    assert "   5  pCPU0  flushtlb.h:98: tlbi vmalle1: removes" in body
    assert "  Steps      walk; store pte (p2m.c:1028)" in body
    assert body.count("  Fix        promote TLBI VMALLE1 to VMALLE1IS\n") == 9
    assert body.count("  Breaks on  ") == 9
    assert len(body.splitlines()) < 200


def test_it_says_what_happens_where_and_what_mends_it() -> None:
    _, body = _mail(SENT)
    assert "1 error is new with the patch." in " ".join(body.split())
    for part in (
        "Stage-1 step is local",
        f"({P2M}:345)",
        "   5  pCPU0  flushtlb.h:98: tlbi vmalle1: removes stage-1 entries and",
        "!! the change is relied upon",
        "  Fix        promote TLBI VMALLE1 to VMALLE1IS",
        "  Rule       Arm R_TVTYQ, I_DMCXY; stale-s12-after-local-vmalle1",
        "* walks begun before exception entry",
        "4K: 1 -> 2",
        "    harness check THIS.patch --scenario unmap-4k/own-vttbr/2-pcpus",
    ):
        assert part in body, part


JARGON = re.compile(r"\bP\d-|\ba32-|\b(?:S1|S2|S12|S1W|S2W|S12W)\b|\b[OM]\d\b|=on\b")


def test_nothing_needs_the_tool_to_be_understood() -> None:
    finding = replace(
        FOUND, assumptions=("combined-tlb=on", "drain-ptw=off"), hunk="@@ -1 +1 @@"
    )
    _, body = _mail(replace(SENT, findings=(finding,), profiles=(*PROFILES, "a32-v8")))
    told = body.partition("\n-- \n")[0]
    assert JARGON.findall(told) == []
    text = " ".join(told.split())
    assert (
        "Breaks on only arm64 of plain Armv8.0 (such as Cortex-A35, A73), with the "
        in text
    )
    assert "; not 32-bit" in text
    assert "* TLBs hold entries that combine stage 1 and 2" in text


def test_a_repair_that_was_checked_is_shown_as_a_diff() -> None:
    shown = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-nsh\n+ish\n"
    repair = replace(FOUND.repair or pytest.fail(), diff=f"diff --git a/x b/x\n{shown}")
    _, body = _mail(replace(SENT, findings=(replace(FOUND, repair=repair),)))
    lines = body.splitlines()
    start = lines.index("    --- a/x")
    assert [line[4:] for line in lines[start : start + 5]] == shown.splitlines()
    half = replace(repair, verified=False, diff="")
    _, body = _mail(replace(SENT, findings=(replace(FOUND, repair=half),)))
    assert "VMALLE1IS (part of it: alone this does not do)" in " ".join(body.split())


def test_a_long_command_goes_on_in_a_second_line() -> None:
    long = replace(FOUND, scenario="vcpu-switch-back-over-other-domain/own-vttbr")
    _, body = _mail(replace(SENT, findings=(long,)))
    shown = f"    harness check THIS.patch \\\n        --scenario {long.scenario}\n"
    assert shown in body


def test_a_token_reproduces_it_where_there_is_one() -> None:
    _, body = _mail(replace(SENT, findings=(replace(FOUND, replay="tlb1.abc"),)))
    assert "\n    harness replay tlb1.abc\n" in body
    assert "--scenario" not in body


def test_what_is_no_clean_verdict_is_never_told_as_one() -> None:
    for result in (INCONCLUSIVE, replace(UNSAFE, findings=(WARNING,), not_executed=())):
        asked = replace(result, patches=(PATCH,))
        text = " ".join(render_mail(asked, always=True).split())
        assert "found nothing wrong that is new" in text
        assert ("but that is no verdict" in text) == (result is INCONCLUSIVE)
    text = render_mail(replace(INCONCLUSIVE, patches=(PATCH,)), always=True)
    assert "* changed, but run by no scenario: p2m_teardown (p2m.c:1300)" in text
    assert "* a bound was reached" in text
    assert "iommu_iotlb_flush" in text


def test_code_that_nothing_executes_is_said_to_be_that() -> None:
    dead = ("xen/arch/arm/mmu/p2m.c:250 (not compiled)",)
    result = replace(CLEAN, patches=(PATCH,), not_executed=dead, nothing_ran=True)
    assert render_mail(result) == ""
    text = " ".join(render_mail(result, always=True).split())
    assert "no verdict: nothing that the patch changes was executed." in text
    assert "p2m.c:250 (not compiled)" in text
    shown = render_text(result)
    assert "nothing that the patch changes was executed:\n  xen/arch" in shown
    last = " ".join(shown.partition("\nharness: ")[2].split())
    assert last == (
        "inconclusive: no new error found, but nothing that the patch changes was "
        "executed"
    )


def test_without_a_mail_nobody_is_written_to_and_no_directory_is_told() -> None:
    bare = PatchSummary("/home/me/secret/a.patch", "", (P2M,))
    result = replace(SENT, patches=(bare,), base="/home/me/xen (--tree)")
    text = render_mail(result)
    assert text.startswith("Subject: Re: a.patch\n")
    assert "/home/me" not in text
    assert "On xen, Xen 4.20" in text


def test_it_carries_neither_date_nor_id_so_that_it_is_the_same_each_time() -> None:
    message, _ = _mail(SENT)
    assert message["Date"] is None
    assert message["Message-ID"] is None
    assert render_mail(SENT) == render_mail(SENT)


def test_a_series_is_answered_once_at_its_first_bad_patch() -> None:
    second = replace(PATCH, letter=replace(LETTER, message_id="<patch-2@example.org>"))
    third = replace(PATCH, letter=replace(LETTER, message_id="<patch-3@example.org>"))
    findings = (replace(FOUND, patch=3), replace(FOUND, patch=2, fingerprint="f" * 16))
    series = replace(SENT, patches=(PATCH, second, third), findings=findings)
    message, body = _mail(series)
    assert message["In-Reply-To"] == "<patch-2@example.org>"
    assert "* patch 3/3 has 1 new error" in body


# ------------------------------------------------------------- what tools take

EVIL = (
    "Fixes: 123456789012 (x)",
    "Reported-by: a@example.org",
    "contact: a@example.org",
    "From nobody Mon Sep 17 00:00:00 2001",
    "diff --git a/x b/x",
    "\nBcc: victim@example.org\n",
)


def _hostile(text: str) -> Result:
    finding: Finding = replace(
        FOUND,
        message=text,
        hunk=f"@@ -1,1 +1,1 @@\n{text}",
        location=replace(FOUND.location, file=text),
        trace=tuple(replace(s, event=text, effect=text) for s in FOUND.trace),
    )
    letter = replace(LETTER, author=f"{text} <a@example.org>")
    patch = PatchSummary(text, text, (text,), letter=letter)
    return replace(SENT, patches=(patch,), findings=(finding,))


def _body_lines(result: Result) -> list[str]:
    _, body = _mail(result)
    return body.partition("\n-- \n")[0].splitlines()


@pytest.mark.parametrize("text", EVIL)
def test_nothing_gets_into_a_commit_or_a_header(text: str) -> None:
    result = _hostile(text)
    message, _ = _mail(result)
    assert message["Bcc"] is None
    taken = re.compile(r"^\s*(\w\S+):\s+(\S.*)")
    for line in _body_lines(result):
        found = taken.match(line)
        if found is not None:
            assert "@" not in found[2], line
            assert found[1].lower() not in ("fixes", "link", "closes"), line
        assert not line.startswith(("From ", "diff --git ", "--- ", "+++ ", "@@ "))


IDENTITY = {
    "GIT_AUTHOR_NAME": "Bot",
    "GIT_AUTHOR_EMAIL": "bot@example.org",
    "GIT_COMMITTER_NAME": "Bot",
    "GIT_COMMITTER_EMAIL": "bot@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@pytest.mark.parametrize("heading", ["", "[PATCH v2] xen/arm: Größe, 大"])
def test_git_send_email_takes_it(tmp_path: Path, heading: str) -> None:
    letter = replace(LETTER, heading=heading, author="Jörg <jane@example.org>")
    sent_patch = replace(PATCH, letter=letter)
    git = shutil.which("git")
    probe = [git or "git", "send-email", "--dump-aliases"]
    if git is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("git send-email is not installed (Debian package git-email)")
    file = tmp_path / "reply.eml"
    reply = render_mail(replace(SENT, patches=(sent_patch,)))
    file.write_text(reply, encoding="utf-8")
    sent = subprocess.run(
        [
            git,
            "send-email",
            "--dry-run",
            "--confirm=never",
            "--no-validate",
            "--from=Bot <bot@example.org>",
            str(file),
        ],
        cwd=tmp_path,
        env=os.environ | IDENTITY | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr
    out = sent.stdout
    assert "Result: OK" in out
    for header in (
        "To: Jane Doe <jane@example.org>",
        "In-Reply-To: <patch-1@example.org>",
        "X-Patchwork-Hint: ignore",
        "Auto-Submitted: auto-replied",
    ):
        assert header in out.splitlines(), out
    subject = "=?utf-8?b?" if heading else PATCH.subject
    assert re.search(rf"^Subject: (?:Re: )?{re.escape(subject)}", out, re.M), out
    assert re.search(r"^References: <cover@example.org>\s+<patch-1@", out, re.M)
    assert "xen-devel@lists.example.org" in out


@pytest.mark.parametrize("result", [SENT, *map(_hostile, EVIL)])
def test_b4_takes_no_trailer_from_it(result: Result) -> None:
    b4 = pytest.importorskip("b4", reason="b4 is not installed")
    body = "\n".join(_body_lines(result))
    trailers, _ = b4.LoreMessage.find_trailers(body, followup=True)
    assert [t.as_string() for t in trailers] == []
