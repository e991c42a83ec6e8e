"""Find the series in a thread: newest version, order, what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from harness.errors import PatchError
from harness.series.damage import NoDiffError
from harness.series.entry import Entry
from reference_model.coordinates import Coord

__all__ = ["Thread", "arrange", "spans"]


class Thread(NamedTuple):
    """The mails to apply in their order, and what is said of the others."""

    entries: list[Entry]
    notes: list[str]
    base_commit: str


def arrange(entries: list[Entry], name: str) -> Thread:
    """Choose and order the patches among the mails of one or more threads."""
    notes: list[str] = []
    entries = _without_copies(entries, notes)
    patches = [entry for entry in entries if entry.is_patch]
    if not patches:
        chosen = [_only_reply(entries, name)]
    else:
        chosen = _numbered(_newest(patches, notes), notes)
        notes += _unused(entries, patches)
    covers = [
        entry
        for entry in entries
        if entry.is_cover
        and not entry.tag.reply
        and entry.tag.version == chosen[0].tag.version
    ]
    notes += [
        f"cover letter {entry.said} holds a diff: it is not checked"
        for entry in covers
        if entry.diff is not None
    ]
    base = _base_commit([*covers, *chosen], notes)
    return Thread(chosen, notes, base)


def _without_copies(entries: list[Entry], notes: list[str]) -> list[Entry]:
    """Drop mails that came twice, as they do over two mailing lists."""
    kept: list[Entry] = []
    known: dict[tuple[str, bytes], None] = {}
    copies = 0
    for entry in entries:
        data = entry.diff.data if entry.diff is not None else entry.raw
        key = (entry.letter.message_id, data)
        if entry.letter.message_id and key in known:
            copies += 1
            continue
        known[key] = None
        kept.append(entry)
    if copies:
        notes.append(f"{copies} mail(s) are there twice: each is taken once")
    return kept


def _only_reply(entries: list[Entry], name: str) -> Entry:
    """Return the one mail that is no patch by its subject but holds a diff."""
    holding = [e for e in entries if not isinstance(e.problem, NoDiffError)]
    holding = [e for e in holding if not e.is_cover or len(entries) == 1]
    if len(holding) == 1:
        return holding[0]
    if not holding:
        if len(entries) == 1 and entries[0].problem is not None:
            raise entries[0].problem
        raise NoDiffError(f"none of {len(entries)} mails holds a patch", Coord(name, 1))
    raise PatchError(
        f"{len(holding)} replies with a diff and no patch they answer: "
        "give one mail at a time",
        holding[1].message.coord,
    )


def _newest(patches: list[Entry], notes: list[str]) -> list[Entry]:
    versions = sorted({entry.tag.version for entry in patches})
    if len(versions) == 1:
        return patches
    newest = versions[-1]
    others = ", ".join(f"v{version}" for version in versions[:-1])
    notes.append(f"v{newest} is checked; {others} of the series is there as well")
    return [entry for entry in patches if entry.tag.version == newest]


def _numbered(patches: list[Entry], notes: list[str]) -> list[Entry]:
    """Order patches by n/m; without numbers they stand in their order."""
    counted = [entry for entry in patches if entry.tag.numbered]
    if not counted:
        return _distinct(patches, notes)
    for entry in patches:
        if entry.tag.numbered:
            continue
        if not _answers(entry, counted):
            raise PatchError(
                f"{entry.said} has no number among patches that are "
                "numbered n/m: give it on its own",
                entry.message.coord,
            )
        notes.append(
            f"{entry.said} answers a patch of the series: its diff is not checked"
        )
    totals = sorted({entry.tag.total for entry in counted})
    if len(totals) > 1:
        raise PatchError(
            f"two series, of {totals[0]} and of {totals[1]} patches: "
            "give one at a time",
            next(e for e in counted if e.tag.total == totals[1]).message.coord,
        )
    chosen: dict[int, Entry] = {}
    for entry in counted:
        other = chosen.setdefault(entry.tag.number, entry)
        if other is not entry:
            _same(other, entry, notes)
    _tell_gaps(chosen, totals[0], notes)
    return [chosen[number] for number in sorted(chosen)]


def _distinct(patches: list[Entry], notes: list[str]) -> list[Entry]:
    kept: list[Entry] = []
    for entry in patches:
        data = entry.diff and entry.diff.data
        if data and any(e.diff is not None and e.diff.data == data for e in kept):
            notes.append(f"{entry.said} is there twice: taken once")
        else:
            kept.append(entry)
    if len(kept) > 1:
        notes.append(f"{len(kept)} patches without numbers: taken in their order")
    return kept


def _answers(entry: Entry, others: Iterable[Entry]) -> bool:
    ids = {other.letter.message_id for other in others if other.letter.message_id}
    return any(reference in ids for reference in entry.letter.references)


def _same(first: Entry, second: Entry, notes: list[str]) -> None:
    """Take one of two equal patches n/m; two different ones are ambiguous."""
    tag = second.tag
    if first.diff and second.diff and first.diff.data == second.diff.data:
        notes.append(f"patch {tag.number}/{tag.total} is there twice: taken once")
        return
    raise PatchError(
        f"two different patches {tag.number}/{tag.total}: {first.said} and "
        f"{second.said}: remove one",
        second.message.coord,
    )


def spans(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Join consecutive numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _tell_gaps(chosen: dict[int, Entry], total: int, notes: list[str]) -> None:
    if len(chosen) == 1 and total > 1:
        (number,) = chosen
        notes.append(f"patch {number}/{total} on its own: the others are not there")
        return
    missing = [number for number in range(1, total + 1) if number not in chosen]
    for first, last in spans(missing):
        if first == last:
            notes.append(f"patch {first}/{total} is missing")
        else:
            notes.append(f"patches {first}/{total} to {last}/{total} are missing")
    notes += [
        f"patch {number}/{total} has a number beyond its series"
        for number in sorted(chosen)
        if number > total
    ]


def _unused(entries: list[Entry], patches: list[Entry]) -> list[str]:
    """Name replies that hold a diff of their own: a change someone proposes."""
    return [
        f"reply {entry.said} holds a diff of its own: it is not checked"
        for entry in entries
        if entry not in patches and not entry.is_cover and entry.diff is not None
    ]


def _base_commit(entries: list[Entry], notes: list[str]) -> str:
    stated = [entry for entry in entries if entry.base_commit]
    if not stated:
        return ""
    names = list(dict.fromkeys(entry.base_commit for entry in stated))
    if len(names) > 1:
        notes.append(f"base-commit is {names[0]}; other mails name another")
    if count := stated[0].prerequisites:
        notes.append(
            f"the series stands on {count} patch(es) that are not in its base-commit "
            "(prerequisite-patch-id)"
        )
    return names[0]
