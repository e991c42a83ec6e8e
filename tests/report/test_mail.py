"""The reply that is mailed, as people, b4 and git send-email take it."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace

import pytest
from report_samples import CLEAN, INCONCLUSIVE, LOCAL, P2M, UNSAFE, WARNING

from harness.check.finding import Finding, Location
from harness.check.result import Letter, PatchSummary, Result
from harness.report.mail import render_mail

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


def test_it_says_what_happens_where_and_what_mends_it() -> None:
    _, body = _mail(SENT)
    for part in (
        "found 1 problem",
        "Stage-1 step is local",
        f"({P2M}:345)",
        "   5  pCPU0  flushtlb.h:98: tlbi vmalle1: removes S1 and S12",
        "<-- here",
        "promote TLBI VMALLE1 to VMALLE1IS",
        "Breaks on  P0-v8.0, P1-repeat, P2-v8.4; not on",
        "* ptw-not-drained-before-regime-switch",
        "4K: 1 -> 2",
    ):
        assert part in body, part


def test_a_series_is_answered_once_at_its_first_bad_patch() -> None:
    second = replace(PATCH, letter=replace(LETTER, message_id="<patch-2@example.org>"))
    third = replace(PATCH, letter=replace(LETTER, message_id="<patch-3@example.org>"))
    findings = (replace(FOUND, patch=3), replace(FOUND, patch=2, fingerprint="f" * 16))
    series = replace(SENT, patches=(PATCH, second, third), findings=findings)
    message, body = _mail(series)
    assert message["In-Reply-To"] == "<patch-2@example.org>"
    assert "patch 3/3: 1 new error" in body


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


@pytest.mark.parametrize("result", [SENT, *map(_hostile, EVIL)])
def test_b4_takes_no_trailer_from_it(result: Result) -> None:
    b4 = pytest.importorskip("b4", reason="b4 is not installed")
    body = "\n".join(_body_lines(result))
    trailers, _ = b4.LoreMessage.find_trailers(body, followup=True)
    assert [t.as_string() for t in trailers] == []
