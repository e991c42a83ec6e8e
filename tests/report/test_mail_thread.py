"""The reply in its thread: what b4 makes of it, and its header."""

from __future__ import annotations

import email
import email.header
import email.policy
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_samples import INCONCLUSIVE, LOCAL, P2M, UNSAFE, WARNING

from harness.check.answer import Answer
from harness.check.finding import Excerpt, Finding, Location, Repair, Severity
from harness.check.result import Letter, PatchSummary, Result
from harness.report.mail.mail import render_mail

ID = "<patch-1@example.org>"
LETTER = Letter(
    "Jane Doe <jane@example.org>",
    "2026-11-20T10:12:31+00:00",
    ID,
    ("<cover@example.org>",),
    ("Jane Doe <jane@example.org>", "xen-devel@lists.example.org"),
    "[PATCH v2] xen/arm: p2m: Skip a flush",
)
TITLE = "xen/arm: p2m: Skip a flush"
DIFF = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@ f\n-nsh\n+ish\n"
FOUND = replace(
    LOCAL,
    hunk="@@ -345 +345 @@ f\n+flush();\n Reported-by: e@example.org\n",
    location=Location(P2M, 345, "f", True),
    repair=Repair(("promote TLBI VMALLE1 to VMALLE1IS",), True, DIFF),
    excerpts=(Excerpt(P2M, ((345, "    flush();"),)),),
)


def _sent(letter: Letter = LETTER, *findings: Finding) -> Result:
    patch = PatchSummary("a.patch", TITLE, (P2M,), letter=letter)
    return replace(UNSAFE, patches=(patch,), findings=findings or (WARNING, FOUND))


def _head(result: Result) -> email.message.EmailMessage:
    text = render_mail(result).encode()
    message = email.message_from_bytes(text, policy=email.policy.default)
    assert message.defects == []
    return message


# ----------------------------------------------------------------------- header


@pytest.mark.parametrize(
    ("heading", "subject"),
    [
        ("[PATCH v2 3/5] x: Y", "Re: [PATCH v2 3/5] x: Y"),
        ("Re: [PATCH] x: Y", "Re: [PATCH] x: Y"),
        ("RE: re: [PATCH] x: Y", "Re: [PATCH] x: Y"),
        ("", f"Re: {TITLE}"),
        ("[PATCH] x: Größe, 大", "Re: [PATCH] x: Größe, 大"),
        ("[PATCH] =?utf-8?q?Bcc=3A_v?=", "Re: [PATCH] =?utf-8?q?Bcc=3A_v?="),
        ("[PATCH] a\r\nBcc: v@example.org", r"Re: [PATCH] a\r\nBcc: v@example.org"),
    ],
)
def test_the_subject_is_the_one_that_was_sent(heading: str, subject: str) -> None:
    message = _head(_sent(replace(LETTER, heading=heading)))
    (raw,) = (value for name, value in message.raw_items() if name == "Subject")
    parts = email.header.decode_header(raw)
    assert str(email.header.make_header(parts)) == subject
    assert message["Bcc"] is None


def test_the_header_is_ascii_and_its_lines_are_short() -> None:
    people = tuple(f"=?utf-8?q?J=C3=B6rg?= <j{n}@example.org>" for n in range(40))
    letter = replace(LETTER, heading=f"[PATCH] {'ö' * 300}", recipients=people)
    text = render_mail(_sent(letter))
    head = text.partition("\n\n")[0]
    assert head.isascii()
    assert max(map(len, head.splitlines())) <= 78
    message = _head(_sent(letter))
    assert [a.addr_spec for a in message["Cc"].addresses] == [
        f"j{n}@example.org" for n in range(1, 40)
    ]
    assert message["To"].addresses[0].display_name == "Jörg"


def test_a_body_beyond_ascii_arrives_as_it_is() -> None:
    letter = replace(LETTER, author="Jörg Müller <j@example.org>")
    finding = replace(FOUND, hunk="@@ -1 +1 @@ f\n+/* Größe \udcff */\n")
    message = _head(_sent(letter, finding))
    assert message["Content-Transfer-Encoding"] == "8bit"
    body = message.get_content()
    assert body.startswith("On 2026-11-20, Jörg Müller wrote:\n")
    assert "> +/* Größe \\udcff */" in body


def test_no_line_is_too_long_for_a_mail_server() -> None:
    finding = replace(FOUND, hunk=f"@@ -1 +1 @@ f\n+{'ö' * 5000}\n")
    letter = replace(LETTER, author=f"{'x' * 5000} <j@example.org>")
    lines = render_mail(_sent(letter, finding)).encode().splitlines()
    assert max(map(len, lines)) <= 998


# ------------------------------------------------------------------- what it says


def test_the_order_is_that_of_gravity() -> None:
    worse = replace(FOUND, hunk="", fingerprint="c" * 16)
    build = replace(worse, rule="c-does-not-build", fingerprint="b" * 16)
    conflict = replace(worse, rule="bbm-size-change", fingerprint="a" * 16)
    costs = replace(worse, severity=Severity.PERF, fingerprint="9" * 16)
    given = (WARNING, costs, build, conflict, worse)
    told = _head(_sent(LETTER, *given)).get_content()
    shown = [told.index(f"; {f.rule}\n") for f in (worse, conflict, build)]
    assert shown == sorted(shown)
    assert told.index(WARNING.message[:30]) > shown[-1]


def test_the_line_at_fault_is_quoted_with_its_place() -> None:
    told = " ".join(_head(_sent()).get_content().split())
    assert f"({P2M}:345, flush();)." in told
    other = replace(FOUND, excerpts=(), hunk="@@ -344,2 +344,2 @@ f\n a\n-b\n+c\n")
    assert f"({P2M}:345, c)." in " ".join(
        _head(_sent(LETTER, other)).get_content().split()
    )


def test_one_change_for_all_is_shown_instead_of_one_for_each() -> None:
    second = replace(FOUND, fingerprint="f" * 16, rule="missing-tlbi-after-unmap")
    other = DIFF.replace("ish", "osh")
    mended = replace(FOUND.repair or pytest.fail(), diff=other)
    result = _sent(LETTER, FOUND, replace(second, repair=mended))
    each = _head(result).get_content()
    assert each.count("    +ish\n") == each.count("    +osh\n") == 1
    whole = DIFF.replace("+ish", "+sy")
    patch = replace(result.patches[0], repair=whole)
    body = _head(replace(result, patches=(patch,))).get_content()
    assert "    +ish\n" not in body
    assert "    +osh\n" not in body
    assert body.count("    +sy\n") == 1
    title = "One change for all of them; the tree was checked with it\n    --- a/x\n"
    assert title in body


def test_a_change_says_once_which_errors_it_mends() -> None:
    others = [replace(FOUND, fingerprint=f"{n:016x}") for n in range(2)]
    body = _head(_sent(LETTER, FOUND, *others)).get_content()
    assert body.count("    +ish\n") == 1
    told = " ".join(body.split())
    checked = "against the patched tree (checked: all was run again with it, "
    assert f"One change for 1 to 3 {checked}they are gone" in told
    body = _head(_sent(LETTER, FOUND, others[0])).get_content()
    assert f"One change for 1 and 2 {checked}they are" in " ".join(body.split())
    alone = " ".join(_head(_sent(LETTER, FOUND)).get_content().split())
    assert f"As a diff {checked}this is gone" in alone


def test_how_a_patch_was_read_out_of_a_review_is_said() -> None:
    result = _sent()
    for recovered, said in (
        (None, ""),
        (True, "what a mail quotes: its blob ids prove every line."),
        (False, "no blob id proves that it is what its author wrote. Not sure: x."),
    ):
        uncertain = () if recovered is not False else ("x",)
        patch = replace(result.patches[0], recovered=recovered, uncertain=uncertain)
        mail = render_mail(replace(result, patches=(patch,)))
        body = " ".join(mail.split())
        assert said in body
        assert ("put together" in body) == bool(said)


def test_that_a_later_patch_mends_it_is_said() -> None:
    body = _head(_sent(LETTER, replace(FOUND, patch=1, fixed_by=3))).get_content()
    assert "\n  Mended     by patch 3 of the series, but not before it\n" in body


def test_answers_name_no_profile_and_have_a_line_for_each_part() -> None:
    text = "; ".join(f"case {n} on P1-repeat: safe" for n in range(6))
    answers = (Answer("narrowed-flush", "Is it safe?", text, (), "replay"),)
    body = _head(replace(_sent(), answers=answers)).get_content()
    start = body.index("  * Is it safe?\n    - case 0 on CPUs with the repeat-TLBI")
    assert body[start:].count("\n    - case ") == 6
    assert "P1-repeat" not in body


def test_a_cost_alone_is_no_error_to_see_again() -> None:
    cost = replace(FOUND, severity=Severity.PERF, replay="tlb1.abc")
    assert render_mail(_sent(LETTER, cost)) == ""
    body = render_mail(_sent(LETTER, cost), always=True)
    assert "Slower with the patch than need be\n  * stage-1" in body
    assert "again" not in body


def test_places_that_did_not_run_are_told_once_a_function() -> None:
    places = tuple(f"f ({P2M}:{line})" for line in (1, 2, 3))
    result = replace(_sent(), not_executed=(*places, f"{P2M} (not run)"))
    body = " ".join(render_mail(result).split())
    assert "run by no scenario: f (p2m.c:1, 2, 3), " in body


def test_suppressed_findings_alone_are_no_reason_to_write() -> None:
    kept = replace(FOUND, suppressed="SAF-0-safe: known")
    assert render_mail(_sent(LETTER, kept)) == ""
    both = _head(_sent(LETTER, kept, replace(FOUND, fingerprint="d" * 16)))
    body = " ".join(both.get_content().split())
    assert "1 error is new with the patch." in body
    assert "Suppressed by a SAF comment of the base" in body
    assert "SAF-0-safe: known" in body


def test_a_long_token_is_broken_into_lines() -> None:
    token = f"tlb1.{'a' * 400}"
    body = _head(_sent(LETTER, replace(FOUND, replay=token))).get_content()
    lines = body.splitlines()
    start = lines.index(next(li for li in lines if "harness replay '" in li))
    command = "".join(line.strip() for line in lines[start:])
    assert command.startswith(f"harness replay '{token}'")
    assert max(map(len, lines[start:])) <= 72


# -------------------------------------------------------------------- in a thread

b4 = pytest.importorskip("b4", reason="b4 is not installed")

PATCH = f"""\
From: Jane Doe <jane@example.org>
Date: Fri, 20 Nov 2026 10:12:31 +0000
Subject: [PATCH v2] {TITLE}
Message-Id: {ID}

It is slow.

Signed-off-by: Jane Doe <jane@example.org>
---
 x | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/x b/x
index 1111111..2222222 100644
--- a/x
+++ b/x
@@ -1 +1 @@
-a
+b
--
2.39.5
"""
EVIL = (
    "Reviewed-by: A <a@example.org>",
    'Fixes: 123456789012 ("x")',
    "Link: https://example.org/x",
    "Closes: https://example.org/x",
    "Nacked-by: A <a@example.org>",
    "contact: a@example.org",
    "x\n---\nReviewed-by: A <a@example.org>",
)


def _hostile(text: str) -> Result:
    repair = replace(FOUND.repair or pytest.fail(), edits=(text,))
    finding = replace(
        FOUND,
        message=text,
        repair=repair,
        hunk=f"@@ -1 +1 @@\n+{text}\n",
        excerpts=(Excerpt(P2M, ((345, text),)),),
        trace=tuple(replace(s, event=text, effect=text) for s in FOUND.trace),
        suppression_refused=text,
    )
    kept = replace(finding, suppressed=text, fingerprint="e" * 16)
    return replace(_sent(LETTER, finding, kept), not_executed=(text,))


def _applied(replies: tuple[str, ...], home: Path) -> str:
    """Return the message that b4 writes for a patch that got replies."""
    thread = [PATCH]
    for number, reply in enumerate(replies):
        sender = f"From: Bot <bot@example.org>\nMessage-Id: <r{number}@example.org>\n"
        thread.append(f"{sender}Date: Fri, 20 Nov 2026 11:00:00 +0000\n{reply}")
    mbox = home / "thread.mbox"
    lines = "".join(
        f"From mboxrd@z Thu Jan  1 00:00:00 1970\n{mail}\n" for mail in thread
    )
    mbox.write_text(lines, encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(home / "top")], check=True)
    own = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    command = [sys.executable, "-m", "b4.command", "--offline-mode"]
    settings = ["-c", "b4.attestation-policy=off"]
    more = ["am", "-S", "-o-", "-m", str(mbox), ID.strip("<>")]
    done = subprocess.run(
        [*command, *settings, *more],
        cwd=home / "top",
        env=os.environ | dict.fromkeys(own, str(home)),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().partition("\n---\n")[0]


def test_b4_applies_the_patch_as_if_nobody_had_answered(tmp_path: Path) -> None:
    tag = "Reviewed-by: A <a@example.org>"
    (tmp_path / "control").mkdir()
    told = f"Subject: Re: [PATCH v2] {TITLE}\nIn-Reply-To: {ID}\n\n{tag}\n"
    assert tag in _applied((told,), tmp_path / "control")  # that it would
    results = [_sent(), *map(_hostile, EVIL)]
    replies = tuple(render_mail(result) for result in results)
    (tmp_path / "quiet").mkdir()
    assert _applied(replies, tmp_path) == _applied((), tmp_path / "quiet")


def _read(mail: str) -> Any:
    sent = f"From: Bot <bot@example.org>\nMessage-Id: <r@example.org>\n{mail}"
    message = email.message_from_bytes(sent.encode(), policy=b4.emlpolicy)
    return b4.LoreMessage(message)


@pytest.mark.parametrize("result", [_sent(), *map(_hostile, EVIL)])
def test_b4_takes_it_for_a_reply_and_no_patch(result: Result) -> None:
    message = _read(render_mail(result))
    assert message.reply
    assert not message.has_diff
    assert not message.has_diffstat
    assert message.trailers == []


@pytest.mark.parametrize("text", EVIL)
def test_a_mail_without_verdict_is_no_different(text: str) -> None:
    patch = PatchSummary(text, text, (text,), letter=replace(LETTER, heading=text))
    result = replace(INCONCLUSIVE, patches=(patch,), not_executed=(text,))
    mail = render_mail(result, always=True)
    assert _read(mail).trailers == []
