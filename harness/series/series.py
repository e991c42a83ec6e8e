"""Read patches in any form: which patches, in which order, and what was left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.errors import PatchError
from harness.series.damage import NoDiffError
from harness.series.diff import Diff, read_diff
from harness.series.entry import Entry, Letter, read_entries
from harness.series.filename import printable
from harness.series.hunk import DamagedError
from harness.series.image import Images
from harness.series.mail import Tag, iso_date, unix_lines
from harness.series.mailbox import is_mail, split_mailbox
from harness.series.patch import SIZE_LIMIT, Patch, Recovery
from harness.series.thread import arrange
from reference_model.coordinates import Coord

if TYPE_CHECKING:
    from harness.series.blobs import Blobs

__all__ = [
    "SERIES_LIMIT",
    "Recovery",
    "Series",
    "read_patch",
    "read_series",
    "series_of",
]

SERIES_LIMIT = 64 << 20  # bytes of all that is given

_PACKED = {
    b"\x1f\x8b": "gunzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ\0": "unxz",
    b"\x28\xb5\x2f\xfd": "unzstd",
    b"PK\x03\x04": "unzip",
}
_WEB_PAGE = re.compile(rb"\s*(?:<!doctype html|<html|<\?xml)", re.I)
_SHOWN = re.compile(rb"^commit ([0-9a-f]{40,64})\b.*\n(?=(?:Merge|Author):)", re.M)
_SHOWN_FIELD = re.compile(rb"^(Author|AuthorDate|Date): +(.*)$", re.M)


@dataclass(frozen=True, slots=True)
class Series:
    """The patches in the order in which they apply, and what to say about them.

    ``notes`` name every gap, duplicate, skipped part and unused message: each
    report shows them. ``base_commit`` is what the mails or the range state.
    ``alternatives``: the patches exclude each other, each goes on the base.
    """

    patches: tuple[Patch, ...]
    notes: tuple[str, ...] = ()
    base_commit: str = ""
    alternatives: bool = False


def read_series(data: bytes, name: str, blobs: Blobs | None = None) -> Series:
    """Read a diff, a mail, a mailbox or a review.

    ``blobs`` gives the files that a patch was made for: with them a patch that
    a mail has damaged is recovered, and a whole one is compared with its ids.
    """
    data = _text(data, name)
    mails = data.lstrip(b"\r\n")
    if not is_mail(mails):
        return _of_text(data, name, blobs)
    skipped = data.count(b"\n", 0, len(data) - len(mails))
    entries = [
        entry
        for message in split_mailbox(mails, name, 1 + skipped)
        for entry in read_entries(message)
    ]
    return series_of(entries, name, blobs)


def read_patch(data: bytes, name: str) -> Patch:
    """Read a text that holds one patch."""
    series = read_series(data, name)
    if len(series.patches) > 1:
        raise PatchError(
            f"{len(series.patches)} patches where one is asked for", Coord(name, 1)
        )
    (patch,) = series.patches
    return replace(patch, notes=(*patch.notes, *series.notes))


def _text(data: bytes, name: str) -> bytes:
    """Refuse what is no text; drop what an editor puts before it."""
    top = Coord(name, 1)
    if len(data) > SERIES_LIMIT:
        raise PatchError(f"patch is larger than {SERIES_LIMIT >> 20} MiB", top)
    if not data.strip():
        raise PatchError("patch is empty", top)
    for magic, command in _PACKED.items():
        if data.startswith(magic):
            raise PatchError(f"packed file: unpack it with {command}", top)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise PatchError("UTF-16 text: save the patch as git wrote it", top)
    if _WEB_PAGE.match(data):
        raise PatchError(
            "web page: take the raw mail or its text (of lore: 'raw' or 'mbox.gz')",
            top,
        )
    return data.removeprefix(b"\xef\xbb\xbf")


def _of_text(data: bytes, name: str, blobs: Blobs | None) -> Series:
    """Read what is no mail: a diff, or a review copied from a web page."""
    if len(data) > SIZE_LIMIT:
        raise PatchError(f"patch is larger than {SIZE_LIMIT >> 20} MiB", Coord(name, 1))
    letter, commit = _shown(data, name)
    text = unix_lines(data)
    try:
        diff = read_diff(text, name)
    except DamagedError as error:
        return _recovered(text, name, blobs, error)
    notes = list(diff.notes)
    if diff.quoted:
        notes.append(_quoted(diff.quoted))
    if not diff.files:
        raise PatchError(f"nothing in it can be checked: {notes[0]}", Coord(name, 1))
    patch = letter.on(Patch(name, diff.data, diff.files, diff.strip, commit=commit))
    return _compared(
        Series((patch,), tuple(notes)),
        lambda: text,
        Images(blobs) if blobs is not None else None,
        blobs,
    )


def _quoted(count: int) -> str:
    return f"{count} quoted hunk(s) before the diff are not part of what is checked"


def _shown(data: bytes, name: str) -> tuple[Letter, str]:
    """Read what ``git show`` prints before a diff."""
    shown = list(_SHOWN.finditer(data))
    if len(shown) > 1:
        line = data.count(b"\n", 0, shown[1].start()) + 1
        raise PatchError(
            "output of git log with several commits: give the range A..B or "
            "git format-patch --stdout",
            Coord(name, line),
        )
    if not shown or data[: shown[0].start()].strip():
        return Letter(Tag("")), ""
    head, _, rest = data[shown[0].end() :].partition(b"\n\n")
    fields = {
        m[1].removeprefix(b"Author") or b"Author": m[2].decode("utf-8", "replace")
        for m in _SHOWN_FIELD.finditer(head.replace(b"\r", b""))
    }
    title = rest.partition(b"\n")[0].decode("utf-8", "replace").strip()
    author, date = fields.get(b"Author", ""), iso_date(fields.get(b"Date", ""))
    return Letter(Tag(title), author.strip(), date), shown[0][1].decode()


def series_of(entries: list[Entry], name: str, blobs: Blobs | None) -> Series:
    """Return the series in the mails of a thread."""
    thread = arrange(entries, name)
    images = Images(blobs) if blobs is not None else None
    found = [
        _of_entry(entry, blobs, images, len(thread.entries)) for entry in thread.entries
    ]
    notes = (*thread.notes, *(note for each in found for note in each.notes))
    patches = tuple(patch for each in found for patch in each.patches)
    alternatives = any(each.alternatives for each in found)
    if not patches:
        last = notes[-1] if notes else "no patch"
        raise PatchError(f"nothing in it can be checked: {last}", Coord(name, 1))
    if alternatives and len(found) > 1:
        raise PatchError(
            "a mail with several alternative diffs in a series: give it on its own",
            Coord(name, 1),
        )
    return Series(patches, notes, thread.base_commit, alternatives)


def _of_entry(
    entry: Entry, blobs: Blobs | None, images: Images | None, count: int
) -> Series:
    found = (
        _without_diff(entry, blobs, count)
        if entry.diff is None
        else _compared(_clean(entry, entry.diff), entry.text, images, blobs)
    )
    letter = entry.letter
    return replace(found, patches=tuple(letter.on(patch) for patch in found.patches))


def _called(entry: Entry) -> str:
    tag = entry.tag
    return f"patch {tag.number}/{tag.total}" if tag.numbered else entry.said


def _clean(entry: Entry, diff: Diff) -> Series:
    notes = [*entry.notes, *diff.notes]
    if diff.quoted:
        notes.append(_quoted(diff.quoted))
    if not diff.files:
        return Series((), tuple(f"{_called(entry)}: {note}" for note in notes))
    name = entry.message.name
    return Series((Patch(name, diff.data, diff.files, diff.strip, notes=tuple(notes)),))


def _without_diff(entry: Entry, blobs: Blobs | None, count: int) -> Series:
    problem = entry.problem
    assert problem is not None
    if isinstance(problem, NoDiffError) and entry.tag.numbered and count > 1:
        note = f"{_called(entry)} holds no diff: nothing of it is checked"
        return Series((), (note,))
    if not isinstance(problem, DamagedError):
        raise problem
    return _recovered(entry.text(), entry.message.name, blobs, problem)


def _recovered(
    text: bytes, name: str, blobs: Blobs | None, damage: DamagedError
) -> Series:
    """Read the patch out of a text that is no clean one."""
    from harness.series.recovery import recover  # which gives a Series as well

    if blobs is None:
        raise damage
    return recover(text, name, blobs)


def _compared(
    clean: Series,
    text: Callable[[], bytes],
    images: Images | None,
    blobs: Blobs | None,
) -> Series:
    """Compare a patch with the ids in its index lines, where files are at hand.

    A patch whose hunks do not fit the file that it names was damaged on its
    way: if what is recovered from the mail does make the ids, that is taken.
    """
    if images is None or blobs is None or not clean.patches:
        return clean
    (patch,) = clean.patches
    if misfits := images.misfits(patch):
        damage = DamagedError(
            f"the hunks for {printable(misfits[0].path)} do not fit the blob "
            f"{misfits[0].old_blob[:12]} that they name",
            misfits[0].coord,
        )
        try:
            found = _recovered(text(), patch.name, blobs, damage)
        except PatchError:
            return clean  # git decides whether it applies
        if all(each.recovery and each.recovery.verified for each in found.patches):
            return replace(found, notes=(*clean.notes, damage.message, *found.notes))
        return clean
    notes = [
        f"{printable(part.path)} does not become the {part.new_blob[:12]} of its "
        "index line: the patch was edited, or hunks of it are missing"
        for part in images.unlike(patch)
    ]
    patch = replace(patch, notes=(*patch.notes, *notes))
    return replace(clean, patches=(patch,))
