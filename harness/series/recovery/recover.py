"""Read patches out of a review, with the base file as the witness."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.errors import PatchError
from harness.series.blobs import Blobs
from harness.series.diff import read_diff
from harness.series.patch import SIZE_LIMIT, Patch, Recovery
from harness.series.recovery.doubts import Losses, doubts, losses, refuse_guess
from harness.series.recovery.location import SHORTEST_ID, Locator
from harness.series.recovery.outline import FileText, HunkText, Outline, outline
from harness.series.recovery.proof import Placed, blob_id, prove, result
from harness.series.recovery.quoting import plain, unquote
from harness.series.recovery.reading import Budget, Reading
from harness.series.recovery.written import write_file
from harness.series.series import Series
from reference_model.coordinates import Coord

__all__ = ["recover"]

_STEPS = 150_000
_SAID = 12
_ENTITY = re.compile(rb"&(lt|gt|amp|quot|#39|nbsp);")
_ENTITIES = {
    b"lt": b"<", b"gt": b">", b"amp": b"&", b"quot": b'"', b"#39": b"'", b"nbsp": b" ",
}  # fmt: skip
_SUBJECT = re.compile(
    rb"(?:subject:|re:|fwd?:)?\s*(?:re:\s*)*\[[^\]]*patch[^\]]*\]", re.I
)
_PREFIX = re.compile(rb"^(?:\s*(?:subject:|\[[^\]]*\]|re:|fwd?:))+\s*", re.I)
_FROM = re.compile(rb"From: (\S.*)")


@dataclass(slots=True)
class _Whole:
    """A file with all its hunks, though the mail may show them in several diffs."""

    part: FileText
    base: list[bytes]
    exact: bool
    hunks: list[HunkText] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)
    chosen: tuple[Reading, ...] = ()
    verified: bool = False
    uncertain: tuple[str, ...] = ()
    lost: Losses = field(default_factory=Losses)
    content: bytes = b""
    places: list[int] = field(default_factory=list)  # by hunk: the diff it is in


def recover(text: bytes, name: str, blobs: Blobs) -> Series:
    """Read the patches of a reply or of an archive's page.

    Comments are left out, and what the mail lost of the old lines comes from the
    base file. Where the index line names the result, only a reading with that
    result is *verified*; any other states what is uncertain, and one that could
    be another change is refused.
    """
    if len(text) > SIZE_LIMIT:
        raise PatchError(f"mail is larger than {SIZE_LIMIT >> 20} MiB", Coord(name, 1))
    if not _ENTITY.search(text):
        return _Recovery(text, name, blobs).run()
    return _with_entities(text, name, blobs)


def _with_entities(text: bytes, name: str, blobs: Blobs) -> Series:
    """Read a text copied from a page's source, if it cannot be proved as it is."""
    failure: PatchError | None = None
    series = None
    try:
        series = _Recovery(text, name, blobs).run()
    except PatchError as error:
        failure = error
    if series is not None and _is_verified(series):
        return series
    plain_text = _ENTITY.sub(lambda found: _ENTITIES[found[1]], text)
    try:
        other = _Recovery(plain_text, name, blobs).run()
    except PatchError:
        if failure is not None:
            raise failure from None
    else:
        if series is None or _is_verified(other):
            note = "&lt; and other entities of a web page are read as characters"
            return replace(other, notes=(*other.notes, note))
    assert series is not None
    return series


def _is_verified(series: Series) -> bool:
    return all(p.recovery is not None and p.recovery.verified for p in series.patches)


def _split(content: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


class _Recovery:
    def __init__(self, text: bytes, name: str, blobs: Blobs) -> None:
        self.name = name
        self.blobs = blobs
        self.budget = Budget(_STEPS, name)
        self.outline: Outline = outline(text, name)
        self.results: dict[tuple[str, str], bytes] = {}

    def _error(self, message: str, line: int) -> PatchError:
        return PatchError(message, Coord(self.name, line))

    def run(self) -> Series:
        """Recover every file, then write each diff of the mail as a patch."""
        files = self.outline.files
        if not files:
            raise self._error("no diff found in this text", 1)
        self._check_stat_names()
        groups = _groups(files)
        wholes = self._wholes(groups)
        for whole in wholes:
            self._solve(whole)
        patches = tuple(self._patch(n, len(groups), wholes) for n in range(len(groups)))
        return Series(
            patches, self._notes(wholes), alternatives=_exclude_each_other(wholes)
        )

    # -- which files, on what base ------------------------------------------

    def _check_stat_names(self) -> None:
        """A file that only the diffstat names was cut out of the mail."""
        count = len({part.path for part in self.outline.files})
        if count < self.outline.changed:
            raise self._error(
                f"the mail tells of {self.outline.changed} changed files and shows "
                f"the diffs of {count}: give the original patch",
                1,
            )
        shown = {part.path for part in self.outline.files}
        shown |= {part.old for part in self.outline.files if part.old}
        for stat in self.outline.stat:
            tail = stat.removeprefix("...")
            if "{" in stat or any(path.endswith(tail) for path in shown):
                continue
            if "/" not in tail and "." not in tail:
                continue  # a table in the message, not a file
            raise self._error(
                f"the mail lists {stat} as changed and does not show its diff: "
                "give the original patch",
                1,
            )

    def _wholes(self, groups: list[list[FileText]]) -> list[_Whole]:
        """Join the diffs of one file between the same two blobs."""
        found: list[_Whole] = []
        for place, group in enumerate(groups):
            for part in group:
                same = [w for w in found if _same_change(w.part, part)]
                if same:
                    whole = same[0]
                else:
                    whole = _Whole(part, [], False)
                    found.append(whole)
                for hunk in part.hunks:
                    if any(hunk.ranges == other.ranges for other in whole.hunks):
                        raise self._error(
                            f"hunk {hunk.ranges} of {part.path} stands in the "
                            "mail twice",
                            hunk.line,
                        )
                    whole.hunks.append(hunk)
                    whole.places.append(place)
        for whole in found:
            order = sorted(range(len(whole.hunks)), key=lambda n: whole.hunks[n].first)
            whole.hunks = [whole.hunks[n] for n in order]
            whole.places = [whole.places[n] for n in order]
        return found

    def _base(self, whole: _Whole) -> None:
        part = whole.part
        if part.old is None:
            whole.base, whole.exact = [], True
            return
        content = self.results.get((part.old, part.old_blob)) if part.old_blob else None
        if content is None and len(part.old_blob) >= SHORTEST_ID:
            content = self.blobs.by_id(part.old_blob)
        if content is None:
            content = self.blobs.by_path(part.old)
        if content is None:
            blob = f" (blob {part.old_blob})" if part.old_blob else ""
            raise self._error(
                f"{part.old}{blob} is needed to read this mail and not at hand: "
                "name a tree or repository that has it with --tree",
                part.line,
            )
        whole.base = _split(content) if content else []
        whole.exact = len(part.old_blob) >= SHORTEST_ID and blob_id(content).startswith(
            part.old_blob
        )

    # -- one file -----------------------------------------------------------

    def _solve(self, whole: _Whole) -> None:
        self._base(whole)
        part = whole.part
        locator = Locator(part, whole.base, whole.exact, self.budget)
        after, moved = 0, 0
        for hunk in whole.hunks:
            placed = locator.place(hunk, after, 0 if whole.exact else moved)
            after = placed.first + placed.old_count
            moved = placed.first - hunk.first
            whole.placed.append(placed)
        provable = locator.provable and bool(whole.hunks)
        for more in (False, True) if provable else ():
            exact = [
                locator.exactly(hunk, placed, more)
                for hunk, placed in zip(whole.hunks, whole.placed, strict=True)
            ]
            found = self._proof(whole, exact)
            if found is not None:
                whole.verified, whole.chosen = True, found
                break
        if not whole.verified and whole.hunks:
            self._settle(whole, locator)
        whole.verified |= not whole.hunks
        self._finish(whole)

    def _proof(self, whole: _Whole, exact: list[Placed]) -> tuple[Reading, ...] | None:
        part = whole.part
        if part.new is None or not part.new_blob.strip("0"):
            chosen = tuple(placed.readings[0] for placed in exact)
            kept = result(whole.base, list(zip(exact, chosen, strict=True)))
            return None if kept else chosen
        return prove(whole.base, exact, part.new_blob)

    def _settle(self, whole: _Whole, locator: Locator) -> None:
        """Take the one reading there is, and say that nothing proves it."""
        part = whole.part
        self._check_strangers(whole)
        self._check_shifts(whole)
        for hunk, placed in zip(whole.hunks, whole.placed, strict=True):
            if len(placed.readings) > 1 and (wrong := locator.complaint(hunk)):
                raise wrong
            refuse_guess(part, whole.base, hunk, placed, self.name, exact=whole.exact)
        whole.chosen = tuple(placed.readings[0] for placed in whole.placed)
        why = self._why_unproved(whole)
        if locator.provable and any(reading.cost for reading in whole.chosen):
            raise self._error(f"the patch cannot be recovered: {why}", part.line)
        said = [why, *locator.notes]
        for placed, reading in zip(whole.placed, whole.chosen, strict=True):
            said.extend(doubts(part, whole.base, placed, reading))
        whole.uncertain = tuple(said)

    def _why_unproved(self, whole: _Whole) -> str:
        part = whole.part
        if not part.old_blob:
            return f"{part.path}: the mail has no index line that names the result"
        if not whole.exact:
            return (
                f"{part.path}: blob {part.old_blob} is not at hand, read against "
                "the file of the tree"
            )
        content = result(whole.base, list(zip(whole.placed, whole.chosen, strict=True)))
        return (
            f"{part.path}: the result is blob {blob_id(content)[:12]}, the index "
            f"line says {part.new_blob}: an added line reads otherwise, if only in "
            "its white space"
        )

    def _check_strangers(self, whole: _Whole) -> None:
        known = {hunk.ranges for hunk in whole.hunks}
        for part in self.outline.files:
            if not _same_change(part, whole.part) and part is not whole.part:
                continue
            for hunk in part.strangers:
                if hunk.ranges not in known:
                    raise self._error(
                        f"hunk {hunk.ranges} of {part.path} is quoted otherwise than "
                        "the others, or stands before one that it follows",
                        hunk.line,
                    )

    def _check_shifts(self, whole: _Whole) -> None:
        """Each header says how many lines were added before: none may be missing."""
        shift = 0
        for hunk in whole.hunks:
            if hunk.shift != shift:
                raise self._error(
                    f"a hunk of {whole.part.path} before {hunk.ranges} is missing: "
                    f"{hunk.shift:+d} lines stand before it, the mail shows "
                    f"{shift:+d}",
                    hunk.line,
                )
            shift += hunk.new_count - hunk.old_count
        for stat, count in self.outline.stat.items():
            if not whole.part.path.endswith(stat.removeprefix("...")):
                continue
            shown = sum(
                step.kind != " "
                for placed in whole.placed
                for step in placed.readings[0].steps
            )
            if shown != count:
                raise self._error(
                    f"hunks of {whole.part.path} are missing: its diffstat counts "
                    f"{count} lines, the mail shows {shown}",
                    whole.part.line,
                )

    def _finish(self, whole: _Whole) -> None:
        part = whole.part
        chosen = list(zip(whole.placed, whole.chosen, strict=True))
        whole.content = result(whole.base, chosen)
        if part.new and part.new_blob:
            self.results.setdefault((part.new, part.new_blob), whole.content)
        for placed, reading in chosen:
            whole.lost += losses(whole.base, placed, reading)

    # -- one diff of the mail -----------------------------------------------

    def _patch(self, place: int, count: int, wholes: list[_Whole]) -> Patch:
        data: list[bytes] = []
        concerned = [w for w in wholes if place in w.places or not w.hunks]
        for whole in concerned:
            data.append(write_file(whole.part, whole.base, self._hunks(whole, place)))
        name = self.name if count == 1 else f"{self.name} ({place + 1} of {count})"
        diff = read_diff(b"".join(data), name)
        uncertain = [said for w in concerned for said in w.uncertain]
        subject, author = self._mail()
        return Patch(
            name,
            diff.data,
            diff.files,
            diff.strip,
            subject=subject,
            author=author,
            recovery=Recovery(all(w.verified for w in concerned), _short(uncertain)),
        )

    def _hunks(self, whole: _Whole, place: int) -> list[tuple[Placed, Reading, bytes]]:
        each = zip(whole.placed, whole.chosen, whole.hunks, whole.places, strict=True)
        return [
            (placed, reading, hunk.section)
            for placed, reading, hunk, at in each
            if at == place
        ]

    def _mail(self) -> tuple[str, str]:
        """Return the subject and author that the text above the diff states."""
        subject = author = b""
        for line in self.outline.lines:
            if line.number >= self.outline.files[0].line:
                break
            text = plain(unquote(line.raw)[1]).strip()
            if not subject and _SUBJECT.match(text):
                subject = _PREFIX.sub(b"", text)
            if not author and (found := _FROM.match(text)):
                author = found[1].strip()
        return subject.decode("utf-8", "replace"), author.decode("utf-8", "replace")

    def _notes(self, wholes: list[_Whole]) -> tuple[str, ...]:
        said: list[str] = []
        for whole in wholes:
            if len(set(whole.places)) > 1:
                blob = whole.part.new_blob
                proved = f", which is blob {blob}" if whole.verified else ""
                said.append(
                    f"the mail shows one change of {whole.part.path} in "
                    f"{len(set(whole.places))} parts: checked one on top of the "
                    f"other; the index line names the result of all{proved}"
                )
        if not self.outline.changed:
            said.append(
                "the mail has no diffstat: files that it does not show are not missed"
            )
        lost = sum((w.lost for w in wholes if w.verified), Losses())
        return _short([*said, *lost.said()])


def _short(said: Sequence[str]) -> tuple[str, ...]:
    if len(said) <= _SAID:
        return tuple(said)
    return (*said[: _SAID - 1], f"and {len(said) - _SAID + 1} more of this kind")


def _groups(files: list[FileText]) -> list[list[FileText]]:
    """Split the diffs of a mail where a file comes again, or the quoting changes."""
    groups: list[list[FileText]] = [[]]
    for part in files:
        now = groups[-1]
        if now and (
            now[-1].depth != part.depth or any(p.path == part.path for p in now)
        ):
            groups.append(now := [])
        now.append(part)
    return groups


def _exclude_each_other(wholes: list[_Whole]) -> bool:
    """Tell whether the mail shows different changes of one file, not a chain."""
    for n, whole in enumerate(wholes):
        for other in wholes[:n]:
            chained = other.part.new_blob and whole.part.old_blob.startswith(
                other.part.new_blob
            )
            if whole.part.path == other.part.path and not chained:
                return True
    return False


def _same_change(one: FileText, other: FileText) -> bool:
    return (
        bool(one.old_blob)
        and (one.old, one.new, one.depth) == (other.old, other.new, other.depth)
        and (one.old_blob, one.new_blob) == (other.old_blob, other.new_blob)
    )
