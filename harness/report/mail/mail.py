"""A reply to the mail that a patch came in, ready for git send-email.

One mail for a series, to the first patch that brings in an error.  Unless they
ask for it, people are not told that all is well, nor that the tool could not
tell.  There is no Message-ID and no Date: what sends the mail gives it both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.charset import BASE64, Charset
from email.header import Header
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

import harness
from harness.check.finding import Finding, Severity
from harness.check.result import Letter, Result, Verdict
from harness.model_version import model_version
from harness.report.answers import Answer, answers
from harness.report.by_patch import Part, parts
from harness.report.cpus import named_cpus
from harness.report.finding_text import place
from harness.report.gaps import NOT_RUN, by_function, gaps
from harness.report.mail.mail_finding import (
    WIDTH,
    Quoted,
    change_lines,
    in_mail_order,
    told_findings,
    wrapped,
)
from harness.report.names import counted, short_names
from harness.report.plain import reading
from harness.report.repair_diff import whole
from harness.report.replay_command import replay_command
from harness.report.terminal import harmless

__all__ = ["render_mail"]

_BODY_LINES = 120  # what a reader takes in in two minutes
_LONG_ANSWER = 5  # lines
_SUBJECT = 200
_NAME = 40
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = BASE64
_NOTHING = ", so nothing is claimed beyond it"  # the title says it
_REPLY = re.compile(r"^(?:re:\s*)+", re.I)
_DIRECTORY = re.compile(r"^/(?:[^/\n]*/)*(?=[^/ \n])")
# What b4 would take from a reply into the commit, and git for a new mail.
_TRAILER = re.compile(r"^\s*(\w\S*):\s+(\S.*)")
_TAKEN = ("fixes", "link", "closes", "base-commit", "change-id", "message-id")


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    lines: list[str]


def render_mail(result: Result, *, always: bool = False) -> str:
    """Return the reply, "" where nothing is to be said.

    ``always``: a result without an error is told as well.
    """
    if not result.patches or not (always or result.verdict is Verdict.UNSAFE):
        return ""
    every = parts(result)
    part = next((p for p in every if p.verdict is Verdict.UNSAFE), every[0])
    letter = part.patch.letter if part.patch is not None else Letter()
    sections = [each for each in _sections(result, part, every) if each.lines]
    opening = _opening(part, result)
    # Besides the findings: titles, empty lines, who wrote and the signature.
    room = _BODY_LINES - len(opening) - 7 - sum(len(s.lines) + 2 for s in sections)
    template = _environment().get_template("mail.txt.j2")
    body = template.render(
        letter=letter,
        quoting=_quoting(letter),
        opening=opening,
        groups=_groups(part, result, room),
        sections=sections,
        version=harness.__version__,
        model=model_version(),
    )
    head, signature, tail = body.partition("\n-- \n")
    safe = "\n".join(_not_taken(line) for line in head.split("\n"))
    return "\n".join(_headers(part, letter)) + "\n\n" + safe + signature + tail


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


# --------------------------------------------------------------------- header


def _headers(part: Part, letter: Letter) -> list[str]:
    lines = []
    author, *others = letter.recipients or ("",)
    if author:
        lines.append(f"To: {author}")
    if others:
        lines.append("Cc: " + ",\n ".join(others))
    lines.append(_encoded("Subject", f"Re: {_subject(part)}"))
    if letter.message_id:
        lines.append(f"In-Reply-To: {letter.message_id}")
        references = dict.fromkeys([*letter.references, letter.message_id])
        lines.append("References: " + "\n ".join(references))
    return [
        *lines,
        f"X-Mailer: harness {harness.__version__}",
        "X-Patchwork-Hint: ignore",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]


def _subject(part: Part) -> str:
    """Return the subject as it was sent, else the name of a file without its path."""
    letter = part.patch.letter if part.patch else Letter()
    title = _REPLY.sub("", harmless(letter.heading or part.title))[:_SUBJECT]
    return title if part.patch and part.patch.subject else _DIRECTORY.sub("", title)


def _encoded(name: str, text: str) -> str:
    """Return a header field, in RFC 2047's encoding where it has to be."""
    if text.isascii() and "=?" not in text:
        return f"{name}: {text}"
    return f"{name}: {Header(text, _UTF8, header_name=name).encode()}"


# ----------------------------------------------------------------------- body


def _quoting(letter: Letter) -> str:
    """Return the line above a quotation."""
    date = f"On {letter.date[:10]}, " if letter.date else ""
    name = harmless(letter.author.partition(" <")[0])[:_NAME]
    return f"{date}{name} wrote:"


def _opening(part: Part, result: Result) -> list[str]:
    unseen = "nothing that the patch changes was executed"
    if not result.nothing_ran:
        unseen = "it has not seen all of it"
    errors = sum(f.severity is Severity.ERROR for f in part.findings)
    what = {
        Verdict.UNSAFE: (
            f"{counted(errors, 'error')} {'is' if errors == 1 else 'are'} new with "
            f"the patch{', the worst first' if errors > 1 else ''}.  {_claim(part)}"
        ),
        Verdict.CLEAN: "It found nothing wrong that is new with the patch.",
        Verdict.INCONCLUSIVE: (
            "It found nothing wrong that is new with the patch, but that is no "
            f"verdict: {unseen}."
        ),
    }[part.verdict]
    how = (
        "This is an automated reply.  The C code with this patch applied was run on a "
        f"model of all that the TLB of each CPU may hold.  {what}"
    )
    return wrapped(how)


def _claim(part: Part) -> str:
    """Say what the errors rest on."""
    every = _errors(part)
    if not any(f.trace for f in every):
        return "It may be wrong."
    claim, fix = ("each claim", "Each fix") if len(every) > 1 else ("it", "The fix")
    tried = any(f.repair for f in every)
    more = f"  {fix} was tried on that trace." if tried else ""
    return f"It may be wrong: {claim} stands or falls with its trace.{more}"


def _groups(part: Part, result: Result, room: int) -> list[Quoted]:
    diffs = not _whole(result, part)
    return told_findings(_errors(part), result.profiles, room, diffs=diffs)


def _errors(part: Part) -> list[Finding]:
    return [f for f in part.findings if f.severity is Severity.ERROR]


def _sections(result: Result, part: Part, every: list[Part]) -> list[_Section]:
    return [
        _Section(
            "One change for all of them; the tree was checked with it",
            _whole(result, part),
        ),
        _Section(
            "Warnings, new with the patch as well",
            _told(part, Severity.WARNING, Severity.INFO),
        ),
        _Section("Slower with the patch than need be", _told(part, Severity.PERF)),
        _Section("Other patches of the series have errors, too", _others(every, part)),
        _Section(
            "Questions a reviewer may ask (before the patch -> with it)",
            _answers(result),
        ),
        _Section("Suppressed by a SAF comment of the base", _suppressed(result)),
        _Section("Taken for granted", _readings(part)),
        _Section("Not covered, so nothing is claimed of it", _gaps(result)),
        _Section("What was run", _run(result, part)),
    ]


def _whole(result: Result, part: Part) -> list[str]:
    found = dict(whole(result.patches, part.findings))
    return change_lines(found.get(part.number, ""))


def _told(part: Part, *severities: Severity) -> list[str]:
    return [
        line
        for f in part.findings
        if f.severity in severities
        for line in wrapped(f"* {f.message} ({place(f)})", "  ", "    ")
    ]


def _others(every: list[Part], shown: Part) -> list[str]:
    lines = []
    for part in every:
        errors = [f for f in part.findings if f.severity is Severity.ERROR]
        if part is not shown and errors:
            rules = ", ".join(dict.fromkeys(f.rule for f in errors))
            count = counted(len(errors), "new error")
            text = f"* patch {part.number}/{part.count} has {count}, {rules}"
            lines += wrapped(text, "  ", "    ")
    return lines


def _answers(result: Result) -> list[str]:
    return [line for each in answers(result) for line in _answer(each)]


def _answer(answer: Answer) -> list[str]:
    """Return an answer; a long one with a line for each of its parts."""
    text = named_cpus(answer.answer)
    lines = wrapped(f"* {answer.question} {text}", "  ", "    ")
    parts = text.split("; ")
    if len(lines) <= _LONG_ANSWER or len(parts) == 1:
        return lines
    lines = wrapped(f"* {answer.question}", "  ", "    ")
    for each in parts:
        lines += wrapped(f"- {each}", "    ", "      ")
    return lines


def _suppressed(result: Result) -> list[str]:
    return [
        line
        for f in result.suppressed
        for line in wrapped(f"* {f.rule} ({place(f)}), {f.suppressed}", "  ", "    ")
    ]


def _readings(part: Part) -> list[str]:
    """List what findings rest on, with their numbers."""
    errors = in_mail_order(_errors(part))
    rests: dict[str, list[str]] = {}
    for number, finding in enumerate(errors, 1):
        for setting in finding.assumptions:
            rests.setdefault(setting, []).append(str(number))
    lines = []
    for setting, numbers in rests.items():
        which = f"{' and '.join(numbers[-2:])}" if len(numbers) > 1 else numbers[0]
        which = ", ".join([*numbers[:-2], which])
        who = f"{which} {'rests' if len(numbers) == 1 else 'rest'} on it"
        text = f"* {reading(setting)}" + (f": {who}" if len(errors) > 1 else "")
        lines += wrapped(text, "  ", "    ")
    return lines


def _gaps(result: Result) -> list[str]:
    """List what was not covered; what did not run in one sentence."""
    missing = gaps(result)
    names = short_names(gap.file for gap in missing if gap.file)
    texts, places = [], []
    for gap in missing:
        where = f" ({names[gap.file]}:{gap.line})" if gap.line else ""
        if gap.text.startswith(NOT_RUN):
            places.append(f"{gap.text.removeprefix(NOT_RUN)}{where}")
        else:
            texts.append(f"{gap.text.replace(_NOTHING, '')}{where}")
    if places:
        texts.append(f"{NOT_RUN}{', '.join(by_function(places))}")
    return [line for text in texts for line in wrapped(f"* {text}", "  ", "    ")]


def _run(result: Result, part: Part) -> list[str]:
    base = _DIRECTORY.sub("", result.base).removesuffix(" (--tree)")
    version = f", Xen {result.tree_version}" if result.tree_version else ""
    lines = [
        *_read(part),
        *wrapped(
            f"On {base}{version}; {_bound(result)}.  Locking, reference counts, the "
            "IOMMU's TLB and cache maintenance are not looked at."
        ),
    ]
    errors = in_mail_order(_errors(part))
    if errors:
        worst = errors[0]
        first = "the first error" if len(errors) > 1 else "it"
        again = _command(worst)
        where = "no tree" if worst.replay else "a tree of this base"
        tool = f"harness {harness.__version__}"
        lines += [f"To see {first} again, with {tool} and {where}", "", *again]
    return lines


def _read(part: Part) -> list[str]:
    """Say how a patch was read that was not given as its author made it."""
    patch = part.patch
    if patch is None or patch.recovered is None:
        return []
    proof = "no blob id proves that it is what its author wrote"
    if patch.recovered:
        proof = "its blob ids prove every line"
    how = f"The patch was put together from what a mail quotes: {proof}."
    unsure = "".join(f"  Not sure: {what}." for what in patch.uncertain)
    return wrapped(f"{how}{unsure}")


def _command(finding: Finding) -> list[str]:
    """Return what shows a finding again, for a shell."""
    if finding.replay:
        return replay_command(finding.replay, WIDTH, "    ")
    line = f"    harness check THIS.patch --scenario {finding.scenario}"
    if len(line) <= WIDTH:
        return [line]
    return ["    harness check THIS.patch \\", f"        --scenario {finding.scenario}"]


def _bound(result: Result) -> str:
    bounds = result.bounds
    cut = "" if bounds.exhausted else ", not all explored"
    return (
        f"{counted(bounds.scenarios, 'scenario')}, "
        f"{counted(bounds.profiles, 'kind')} of CPU, {bounds.pcpus} pCPUs{cut}"
    )


def _not_taken(line: str) -> str:
    """Mark a line that a tool would take for a trailer or a new mail."""
    if line.startswith(">"):
        return line
    found = _TRAILER.match(line)
    taken = found is not None and ("@" in found[2] or found[1].lower() in _TAKEN)
    if taken or line.startswith(("From ", "diff --git ", "--- ", "+++ ", "@@ ")):
        return f"| {line}"
    return line
