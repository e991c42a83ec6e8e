"""Prove a reading: the blob id of the result must be that of the index line."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.series.recovery.reading import Reading
from harness.series.recovery.whitespace import MODES, Mode, spellings

__all__ = ["Placed", "blob_id", "prove", "result"]

_TRIES = 3000
_BYTES = 600_000_000
_SPELLINGS = 32
_CHANCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A hunk where it lies in the base, and the ways to read it by cost."""

    first: int
    old_count: int
    readings: Sequence[Reading]


def blob_id(content: bytes) -> str:
    """Return the id that git gives a file of this content."""
    data = b"blob %d\0%s" % (len(content), content)
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def result(base: Sequence[bytes], hunks: Sequence[tuple[Placed, Reading]]) -> bytes:
    """Return the file with one reading of each hunk, in order, put in."""
    out: list[bytes] = []
    at = 0
    for placed, reading in hunks:
        out.extend(base[at : placed.first])
        out.extend(_written(base, placed.first, reading))
        at = placed.first + placed.old_count
    out.extend(base[at:])
    return b"".join(out)


def _written(base: Sequence[bytes], first: int, reading: Reading) -> Iterator[bytes]:
    for step in reading.steps:
        if step.kind == " ":
            yield base[first + step.old]
        elif step.kind == "+":
            yield step.texts[0] + (b"\n" if step.newline else b"")


def prove(
    base: Sequence[bytes], hunks: Sequence[Placed], wanted: str
) -> tuple[Reading, ...] | None:
    """Return the readings whose result has the wanted id, or None.

    The cheapest readings are tried first, in each of the ways in which a mailer
    may have changed the white space of every added line.
    """
    size = sum(len(line) for line in base) + 1
    expanded = [_expanded(base, placed) for placed in hunks]
    modes = list(_useful(expanded))
    # So few that no short id is met by chance.
    chance = 16 ** min(len(wanted), 40) // _CHANCE
    tries = min(_TRIES, _BYTES // size, chance) // len(modes)
    for mode in modes:
        for chosen in itertools.islice(_by_cost(expanded), max(tries, 1)):
            respelt = [_respelt(reading, mode) for reading in chosen]
            content = result(base, list(zip(hunks, respelt, strict=True)))
            if blob_id(content).startswith(wanted):
                return tuple(respelt)
    return None


def _useful(expanded: Sequence[Sequence[Reading]]) -> Iterator[Mode]:
    """Leave out what would change no line."""
    texts = [
        text
        for readings in expanded
        for reading in readings[:1]
        for step in reading.steps
        for text in step.texts
    ]
    seen: set[tuple[bytes, ...]] = set()
    for mode in MODES:
        changed = tuple(mode(text) for text in texts)
        if changed not in seen:
            seen.add(changed)
            yield mode


def _respelt(reading: Reading, mode: Mode) -> Reading:
    steps = tuple(
        replace(step, texts=(mode(step.texts[0]),)) if step.kind == "+" else step
        for step in reading.steps
    )
    return replace(reading, steps=steps)


def _expanded(base: Sequence[bytes], placed: Placed) -> list[Reading]:
    """Return each reading in each spelling of its damaged lines."""
    old = [line.rstrip(b"\n") for line in base[placed.first :][: placed.old_count]]
    found: list[Reading] = []
    for reading in placed.readings:
        near = [t for s in reading.steps if not s.how for t in s.texts] + old
        choices = [
            spellings(step, near)
            for step in reading.steps
            if step.how and step.kind == "+"
        ]
        for rank, choice in enumerate(
            itertools.islice(itertools.product(*choices), _SPELLINGS)
        ):
            chosen = iter(choice)
            steps = tuple(
                replace(step, texts=(next(chosen),))
                if step.how and step.kind == "+"
                else step
                for step in reading.steps
            )
            found.append(Reading(reading.cost + rank, steps))
    return sorted(found, key=lambda reading: reading.cost)


def _by_cost(
    expanded: Sequence[Sequence[Reading]],
) -> Iterator[tuple[Reading, ...]]:
    """Yield one reading of each hunk, the cheapest sums first."""
    start = (0,) * len(expanded)
    queue = [(_sum(expanded, start), start)]
    seen = {start}
    while queue:
        _, at = heapq.heappop(queue)
        yield tuple(readings[n] for readings, n in zip(expanded, at, strict=True))
        for place in range(len(at)):
            following = (*at[:place], at[place] + 1, *at[place + 1 :])
            if following[place] < len(expanded[place]) and following not in seen:
                seen.add(following)
                heapq.heappush(queue, (_sum(expanded, following), following))


def _sum(expanded: Sequence[Sequence[Reading]], at: tuple[int, ...]) -> int:
    return sum(rows[n].cost for rows, n in zip(expanded, at, strict=True))
