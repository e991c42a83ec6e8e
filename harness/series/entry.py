"""Read what one mail of a thread holds: a patch, a cover letter, a reply."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace

from harness.errors import PatchError
from harness.series.damage import NoDiffError, damage_in
from harness.series.diff import Diff, read_diff
from harness.series.filename import printable
from harness.series.mail import (
    Mail,
    Tag,
    header_subject,
    read_mail,
    read_tag,
    unix_lines,
)
from harness.series.mailbox import Message, head_end, split_mailbox
from harness.series.mime import Part, header_of, parts_of
from harness.series.patch import Patch
from harness.series.recipients import recipients_of

__all__ = ["Entry", "Letter", "read_entries"]

_NESTED = 3
_PLAIN = ("", "7bit", "8bit", "binary")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,990}>")
_REFERENCES = 256
_BASE = re.compile(rb"^base-commit: ([0-9a-f]{7,64})[ \t]*$", re.M)
_PREREQUISITE = re.compile(rb"^prerequisite-patch-id: [0-9a-f]{40,64}[ \t]*$", re.M)
_GIT_DIFF = re.compile(r"^(?:diff --git |@@ -\d)", re.M)
_STAT = re.compile(
    rb"^ (\d{1,6}) files? changed(?:, (\d{1,9}) insertions?\(\+\))?"
    rb"(?:, (\d{1,9}) deletions?\(-\))?[ \t]*$",
    re.M,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What the header of a mail says beside its patch.

    ``heading`` is its subject as it was sent.
    """

    tag: Tag
    author: str = ""
    date: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    heading: str = ""

    def on(self, patch: Patch) -> Patch:
        """Return the patch with what is said of it."""
        return replace(
            patch,
            subject=self.tag.subject or patch.subject,
            author=self.author or patch.author,
            date=self.date or patch.date,
            message_id=self.message_id,
            references=self.references,
            recipients=self.recipients or patch.recipients,
            heading=self.heading or patch.heading,
            number=self.tag.number,
            total=self.tag.total,
            version=self.tag.version,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail of a thread. ``problem`` says why it has no ``diff``.

    ``raw`` is the text a patch might still be recovered from.
    """

    message: Message
    letter: Letter
    raw: bytes
    diff: Diff | None = None
    problem: PatchError | None = None
    notes: tuple[str, ...] = ()
    base_commit: str = ""
    prerequisites: int = 0

    @property
    def tag(self) -> Tag:
        """Return what the subject says."""
        return self.letter.tag

    @property
    def is_cover(self) -> bool:
        """Tell whether the mail introduces a series."""
        return self.tag.numbered and self.tag.number == 0

    @property
    def is_patch(self) -> bool:
        """Tell whether the mail is one to apply, and not about one."""
        if self.tag.reply or self.is_cover:
            return False
        return self.tag.numbered or not isinstance(self.problem, NoDiffError)

    @property
    def said(self) -> str:
        """Return how the mail is called in a message."""
        subject = self.tag.subject or "mail without a subject"
        return f"'{_short(subject)}' (line {self.message.coord.line})"

    def text(self) -> bytes:
        """Return the decoded body, whole: quoted text and comments included.

        The header of a mail that is not encoded leaves empty lines, so that
        line numbers stay those of the file.
        """
        encoding = str(header_of(self.raw).get("Content-Transfer-Encoding", ""))
        if self.raw == self.message.raw and encoding.strip().lower() in _PLAIN:
            end = head_end(self.raw)
            above = self.message.line - 1 + self.raw.count(b"\n", 0, end)
            return unix_lines(b"\n" * above + self.raw[end:])
        mail = read_mail(self.raw, self.message.coord, as_it_is=True)
        return unix_lines(mail.message + mail.patch)


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= 60 else f"{text[:57]}..."


def read_entries(message: Message, nested: int = 0) -> list[Entry]:
    """Read one mail: an entry for each patch in it, or one without a patch."""
    message = _with_unix_lines(message)
    try:
        letter = _letter(message)
        parts, others = parts_of(message)
    except PatchError as error:
        where = error.coord or message.coord
        raise PatchError(error.message, where) from error
    found: list[Entry] = []
    pages = [part for part in parts if part.html]
    if len(pages) < len(parts):
        parts = [part for part in parts if not part.html]
    else:
        pages = []
    for part in parts:
        if part.own is not None and nested < _NESTED:
            found += _nested(part.own, message, nested)
        else:
            found.append(_of_part(part, message, letter))
    found = _whole(found, message, letter, others)
    if any(_differs(page, found, message) for page in pages):
        note = "the HTML part of the mail holds another diff: its text is checked"
        found[0] = replace(found[0], notes=(*found[0].notes, note))
    return found


def _differs(page: Part, entries: list[Entry], message: Message) -> bool:
    """Tell whether the HTML beside a text shows a diff that git would take."""
    mail = read_mail(page.raw, message.coord)
    text = html.unescape((mail.message + mail.patch).decode("utf-8", "replace"))
    if not _GIT_DIFF.search(text):
        return False
    shown = "".join(text.split())
    for entry in entries:
        diff = b"" if entry.diff is None else entry.diff.data
        plain = "".join(diff.decode("utf-8", "replace").split())
        if not plain or plain not in shown:
            return True
        shown = shown.replace(plain, "", 1)
    return _GIT_DIFF.search(shown) is not None or "diff--git" in shown


def _with_unix_lines(message: Message) -> Message:
    """Drop the CRs that a transport has put on every line."""
    head = message.raw[: head_end(message.raw)]
    rest = message.raw[len(head) :]
    lines = head.count(b"\n")
    everywhere = lines > 0 and head.count(b"\r\n") == lines
    if everywhere:
        rest = rest.replace(b"\r\n", b"\n")
    elif rest.startswith((b"\r\n", b"\n\r\n")):
        rest = rest.replace(b"\r\n", b"\n", 2)
    raw = head.replace(b"\r\n", b"\n") + rest
    return replace(message, raw=raw)


def _letter(message: Message) -> Letter:
    head = header_of(message.raw)
    every = " ".join(
        str(value)
        for field in ("In-Reply-To", "References")
        for value in head.get_all(field, [])
    )
    own = _MESSAGE_ID.search(str(head.get("Message-ID", "")))
    references = dict.fromkeys(_MESSAGE_ID.findall(every))
    heading = header_subject(head)
    return Letter(
        read_tag(heading),
        message_id=own[0] if own else "",
        references=tuple(references)[:_REFERENCES],
        recipients=recipients_of(head),
        heading=heading,
    )


def _nested(data: bytes, outer: Message, nested: int) -> list[Entry]:
    """Read a mail or mailbox that is attached to another mail."""
    name = f"{outer.name}, attached to the mail at line {outer.coord.line}"
    found: list[Entry] = []
    for message in split_mailbox(data, name):
        found += read_entries(message, nested + 1)
    return found


def _of_part(part: Part, message: Message, outer: Letter) -> Entry:
    mail = read_mail(part.raw, message.coord)
    tag = read_tag(mail.subject)
    if outer.tag.numbered or outer.tag.reply or not mail.subject:
        # A message may start with another subject, which has no number.
        tag = outer.tag._replace(subject=tag.subject or outer.tag.subject)
    if part.attached:
        # The number is that of the mail; a cover letter may carry all patches.
        tag = tag._replace(number=0, total=0, numbered=False)
    letter = replace(outer, tag=tag, author=mail.author, date=mail.date)
    text = mail.message + b"\n" + mail.patch
    bases = _BASE.findall(text)
    entry = Entry(
        message,
        letter,
        part.raw,
        base_commit=bases[0].decode() if bases else "",
        prerequisites=len(_PREREQUISITE.findall(text)),
    )
    try:
        diff, notes = _diff(mail, part, message)
    except PatchError as error:
        if isinstance(error, NoDiffError):
            error = damage_in(text, message.coord) or error
        if part.html and not isinstance(error, NoDiffError):
            error = PatchError(
                "HTML mail: give its text, as the sender's git wrote it", message.coord
            )
        return replace(entry, problem=error)
    return replace(entry, diff=diff, notes=notes)


def _diff(mail: Mail, part: Part, message: Message) -> tuple[Diff, tuple[str, ...]]:
    """Read the diff of a mail, with line numbers of the file where that works."""
    name, first = message.name, 1
    if mail.patch and part.raw == message.raw and part.raw.endswith(mail.patch):
        first = message.coord.line + part.raw[: -len(mail.patch)].count(b"\n")
    else:
        name = f"{name}, decoded mail at line {message.coord.line}"
    if not mail.patch.strip():
        raise NoDiffError(
            "no diff found: expected a unified diff or the output of git format-patch",
            message.coord,
        )
    text = unix_lines(mail.patch)
    diff = read_diff(text, name, first)
    return diff, _stat_note(text, diff)


def _stat_note(text: bytes, diff: Diff) -> tuple[str, ...]:
    """Compare the diff with what ``git diff --stat`` said of it in the mail."""
    start = text.find(diff.data[: diff.data.find(b"\n") + 1])
    stats = list(_STAT.finditer(text, 0, max(start, 0)))
    if not stats or diff.skipped:
        return ()
    said = [int(stats[-1][n] or 0) for n in (1, 2, 3)]
    lines = [o for f in diff.files for h in f.hunks for o, _ in h.lines]
    have = [len(diff.files), lines.count("+"), lines.count("-")]
    if said == have:
        return ()
    return (
        "diffstat of the mail: {} files, {} added, {} removed lines; "
        "its diff: {}, {}, {}: it was edited, or parts of it are missing".format(
            *said, *have
        ),
    )


def _whole(
    found: list[Entry], message: Message, letter: Letter, others: list[str]
) -> list[Entry]:
    """Join what the parts of one mail are: texts without a diff tell the base."""
    if not found:
        return [
            Entry(
                message,
                letter,
                message.raw,
                problem=PatchError(
                    "mail without a text: save the patch it carries "
                    f"({', '.join(map(_short, others[:3])) or 'nothing'})",
                    message.coord,
                ),
            )
        ]
    holding = [e for e in found if not isinstance(e.problem, NoDiffError)]
    if not holding:
        return found[:1]
    distinct: list[Entry] = []
    clean = [entry for entry in holding if entry.diff is not None]
    for entry in clean or holding:
        known = [e.diff.data for e in distinct if e.diff is not None]
        if entry.diff is None or entry.diff.data not in known:
            distinct.append(entry)
    if len(clean) not in (0, len(holding)):
        note = (
            "another part of the mail holds a quoted or damaged diff: "
            "the whole one is checked"
        )
        distinct[0] = replace(distinct[0], notes=(*distinct[0].notes, note))
    spoken = found[0]
    if len(distinct) == 1 and spoken is not distinct[0]:
        only = distinct[0]
        inherits = not only.tag.numbered and not spoken.is_cover
        tag = spoken.tag if inherits else only.tag
        distinct = [replace(only, letter=replace(only.letter, tag=tag))]
    if others:
        note = f"attachment {_short(others[0])} is no text: not read"
        distinct[0] = replace(distinct[0], notes=(*distinct[0].notes, note))
    base = next((e for e in found if e.base_commit), None)
    if base is not None and not distinct[0].base_commit:
        distinct[0] = replace(
            distinct[0], base_commit=base.base_commit, prerequisites=base.prerequisites
        )
    return distinct
