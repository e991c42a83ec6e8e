"""Say what is uncertain about a reading that no blob id proves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import PatchError
from harness.series.recovery.cells import cells
from harness.series.recovery.outline import FileText, HunkText
from harness.series.recovery.proof import Placed
from harness.series.recovery.quoting import squash
from harness.series.recovery.reading import Reading
from reference_model.coordinates import Coord

__all__ = ["Losses", "doubts", "losses", "refuse_guess"]

_MASKED = re.compile(rb"@x{3,}|\[email.protected\]")
_NO_BREAK = b"\xc2\xa0"
# What reviewers write where they have cut something out of what they quote.
_CUT = re.compile(rb"\W*(?:\.\.\.+|\xe2\x80\xa6|\[?(?:snip|snipped|cut)\]?)\W*", re.I)
_EDGE = 3


@dataclass(frozen=True, slots=True)
class Losses:
    """What a mail has lost of some hunks, and the base has given back."""

    empty: int = 0
    unseen: int = 0
    rebuilt: tuple[str, ...] = ()

    def __add__(self, other: Losses) -> Losses:
        return Losses(
            self.empty + other.empty,
            self.unseen + other.unseen,
            tuple(dict.fromkeys((*self.rebuilt, *other.rebuilt))),
        )

    def said(self) -> tuple[str, ...]:
        """Return it in words."""
        found = [f"added line put together: {what}" for what in self.rebuilt]
        if self.empty:
            found.append(f"{_lines(self.empty, 'empty context line')} restored")
        if self.unseen:
            found.append(f"{_lines(self.unseen, 'context line')} not shown")
        return tuple(found)


def _lines(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def losses(base: Sequence[bytes], placed: Placed, reading: Reading) -> Losses:
    """Return what the mail had lost or changed of one hunk."""
    empty = unseen = 0
    rebuilt: list[str] = []
    for step in reading.steps:
        if step.kind == "+" and step.how:
            ends = dict.fromkeys((*step.numbers[:1], *step.numbers[-1:]))
            rebuilt.append(f"line {'-'.join(map(str, ends))} of the mail ({step.how})")
        if step.kind == " " and not step.numbers:
            lost = squash(base[placed.first + step.old])
            empty, unseen = empty + (not lost), unseen + bool(lost)
    return Losses(empty, unseen, tuple(rebuilt))


def doubts(
    part: FileText, base: Sequence[bytes], placed: Placed, reading: Reading
) -> tuple[str, ...]:
    """Return what was guessed or taken from the base, and nothing proves."""
    lost = losses(base, placed, reading)
    said = [f"{part.path}: {what}" for what in lost.said()]
    for step in reading.steps:
        if step.kind != "+":
            continue
        line = f"{part.path}: line {step.numbers[0]} of the mail"
        if _MASKED.search(step.texts[0]):
            said.append(f"{line} holds a masked address")
        if _NO_BREAK in step.texts[0]:
            said.append(f"{line} holds a no-break space, read as a blank")
    return tuple(said)


def refuse_guess(
    part: FileText,
    base: Sequence[bytes],
    hunk: HunkText,
    placed: Placed,
    name: str,
    *,
    exact: bool,
) -> None:
    """Refuse a hunk whose reading, unproved, could be another change."""
    head = f"hunk {hunk.ranges} of {part.path} cannot be recovered without a proof"
    empty = min(
        sum(step.how == "empty" for step in reading.steps)
        for reading in placed.readings
    )
    if empty:
        raise PatchError(
            f"{head}: {_lines(empty, 'added line')} that its header counts "
            f"{'are' if empty > 1 else 'is'} not in the mail",
            Coord(name, hunk.line),
        )
    if len(placed.readings) > 1:
        lines = _differing(placed.readings)
        raise PatchError(
            f"{head}: it can be read in several ways (line {lines} of the mail): "
            "give the original patch, or the repository with the blob of its "
            "index line",
            Coord(name, hunk.line),
        )
    reading = placed.readings[0]
    if all(step.kind == " " for step in reading.steps):
        raise PatchError(
            f"{head}: the mail shows no change in it", Coord(name, hunk.line)
        )
    _refuse_left_out(base, hunk, reading, head, name)
    _refuse_hidden(base, hunk, placed, reading, head, name, exact=exact)


def _differing(readings: Sequence[Reading]) -> str:
    """Name the lines of the mail that are code in one reading and not in another."""
    shown = [
        {(step.kind, number) for step in reading.steps for number in step.numbers}
        for reading in readings
    ]
    common = set.intersection(*shown)
    lines = sorted({number for each in shown for _, number in each - common})
    return ", ".join(map(str, lines[:6])) + (", ..." if len(lines) > 6 else "")


def _refuse_left_out(
    base: Sequence[bytes],
    hunk: HunkText,
    reading: Reading,
    head: str,
    name: str,
) -> None:
    used = {number for step in reading.steps for number in step.numbers}
    last = max(used, default=0)
    known = {squash(line) for line in base}
    for row in cells(hunk.lines, hunk.depth):
        for cell in row[:1]:
            if cell.number > last and cell.key == b"--":
                return  # a signature
            if cell.number not in used and _CUT.fullmatch(cell.text.strip()):
                raise PatchError(
                    f"{head}: something was cut out of it at line {cell.number} of "
                    "the mail",
                    Coord(name, hunk.line),
                )
            if cell.number in used or cell.rank != 0 or cell.key == b"--":
                continue
            signed = cell.sign == "+" or (cell.sign == "-" and cell.body in known)
            # Quoted as the hunk is: nobody's comment.
            quoted = hunk.depth > 0 and bool(cell.key) and cell.number < last
            if signed or quoted:
                raise PatchError(
                    f"{head}: line {cell.number} of the mail looks like a line of "
                    "the patch and has no place in it",
                    Coord(name, hunk.line),
                )


def _refuse_hidden(
    base: Sequence[bytes],
    hunk: HunkText,
    placed: Placed,
    reading: Reading,
    head: str,
    name: str,
    *,
    exact: bool,
) -> None:
    """Refuse where a change of as many lines as before may have been cut out.

    A change carries as many lines of context behind it as the hunk has before its
    first one. So no change hides in fewer lost lines at an end of the hunk, unless
    the file ends there as well. In a file that is not the one the patch was
    made on (``exact``) nothing says what stands there.
    """
    kinds = [step.kind for step in reading.steps]
    changed = [n for n, kind in enumerate(kinds) if kind != " "]
    before, behind = changed[0], len(kinds) - 1 - changed[-1]
    shown = [
        n
        for n, step in enumerate(reading.steps)
        if step.numbers and (step.old < 0 or squash(base[placed.first + step.old]))
    ]
    top = placed.first == 0
    bottom = placed.first + placed.old_count == len(base)
    for n, step in enumerate(reading.steps):
        if step.numbers or not squash(base[placed.first + step.old]):
            continue
        at_start = n < min(shown[0], behind, _EDGE) and not top
        left = len(kinds) - 1 - n
        at_end = n > shown[-1] and left < min(before, _EDGE) and not bottom
        if exact and (at_start or at_end):
            continue
        raise PatchError(
            f"{head}: line {placed.first + step.old + 1} of the base "
            "is not in the mail, and may have been changed there",
            Coord(name, hunk.line),
        )
