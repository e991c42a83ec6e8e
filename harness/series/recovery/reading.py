"""Search the ways to read a hunk out of a mail, the most plausible first.

The old side of a hunk is known: its header names lines of the base file. So a
reading decides for each line of the mail whether it is one of them (kept or
taken away), an added line, or somebody's comment; and for each old line that
the mail does not show, that it was lost on the way. The counts of the header
must come out. Costs order the readings; they never make one acceptable that
the counts or the base rule out.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.errors import PatchError
from harness.series.recovery.cells import Cell
from harness.series.recovery.outline import HunkText
from harness.series.recovery.quoting import expected_in, plain, squash
from reference_model.coordinates import Coord

__all__ = ["Budget", "Reading", "Step", "readings"]

# What each departure from a plain reading costs.
_STUFFED_SIGN = 6  # a line that starts with a sign is context without its blank
_DEEPER = 10  # quoted more than its hunk, and yet of the patch
_FOREIGN_CONTEXT = 10  # quoted less than its hunk, and yet a line of the base
_JOINED = 3  # several lines of the base on one line
_WRAPPED = 3
_WRAPPED_ADDED = 5
_WRAPPED_SIGNED = 9
_LOST_BLANK = 2
_SPLIT_BLOCK = 8  # an empty old line between added lines
_EMPTY_ADDED = 12  # an empty added line that lost its sign
_LOST_AT_EDGE = 20
_LOST = 40
_SKIPPED_BASE_LINE = 6
_SKIPPED_ADDED = 30
_SKIPPED_REMOVED = 30
_SKIPPED_DASH = 4
_SKIPPED_DEEPER = 5
_COST_LIMIT = 600
# Where mailers wrap; a shorter line was ended by its author.
_WRAP_WIDTH = 64
_PIECES = 4
_EDGE = 3
_NO_NEWLINE = b"\\ No newline"


class Budget:
    """Bounds the work on one mail, however hostile."""

    def __init__(self, steps: int, name: str) -> None:
        self.steps = steps
        self.name = name

    def spend(self, line: int, steps: int = 1) -> None:
        """Take some steps, or say at which line they ran out."""
        self.steps -= steps
        if self.steps < 0:
            raise PatchError(
                "too many ways to read this hunk: give the original patch",
                Coord(self.name, line),
            )


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the hunk: ``kind`` is one of `` ``, ``-``, ``+``.

    ``old`` is the index of an old line, from 0; ``count`` old lines may stand on
    one line of the mail. ``numbers`` are the mail's lines that show it: none for
    a line that the mail lost. ``texts`` holds what an added line may be, the most
    plausible first; ``how`` says what happened to it.
    """

    kind: str
    old: int = -1
    numbers: tuple[int, ...] = ()
    texts: tuple[bytes, ...] = ()
    newline: bool = True
    how: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """The lines of a hunk in order, what they cost, and where the comments are."""

    cost: int
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Node:
    """A state on some way: position, old lines used, new lines made.

    ``block`` is 1 behind an added line, 2 if empty old lines followed it.
    """

    at: int
    old: int
    new: int
    cost: int
    text: int
    block: int
    behind: _Node | None
    step: Step | None


class _Search:
    def __init__(
        self,
        rows: list[list[Cell]],
        old: list[bytes],
        exact: bool,
        budget: Budget,
        hunk: HunkText,
    ) -> None:
        self.rows = rows
        self.depth = hunk.depth
        self.line = hunk.line
        new_count = hunk.new_count
        self.old = [squash(text) for text in old]
        self.known = {key for key in self.old if key}
        self.new_count = new_count
        self.exact = exact
        self.budget = budget
        self.rest = self._rest()
        self.most = [self._most(sign, False) for sign in "+-"]
        # Only where lines are missing are there empty ones without a sign.
        self.empties = self._hopeless(0, 0, 0)
        if self.empties:
            self.most[0] = self._most("+", True)
        # What has been written so far, as a number: equal texts are one.
        self.texts: dict[tuple[int, bytes | int], int] = {}

    def _rest(self) -> list[int]:
        """Return what it costs to skip everything from each position on."""
        rest = [0] * (len(self.rows) + 1)
        for at in range(len(self.rows) - 1, -1, -1):
            ways = [self._skip(c) + rest[c.end] for c in self.rows[at]]
            rest[at] = min(ways) if ways else _COST_LIMIT
        return rest

    def _most(self, sign: str, empties: bool) -> list[int]:
        """Return how many lines of a sign there can be from each position on."""
        most = [0] * (len(self.rows) + 1)
        for at in range(len(self.rows) - 1, -1, -1):
            counts = [
                ((c.sign == sign and c.rank >= 0) or (empties and not c.key))
                + most[c.end]
                for c in self.rows[at]
            ]
            most[at] = max(counts) if counts else 0
        return most

    def _hopeless(self, at: int, old: int, new: int) -> bool:
        """Tell whether too few signed lines are left for the counts."""
        wanted = (self.new_count - new) - (len(self.old) - old)
        added, removed = self.most
        return wanted > added[at] or -wanted > removed[at]

    def _skip(self, cell: Cell) -> int:
        if cell.rank < 0 or not cell.key:
            return 0
        if cell.sign == "+":
            return _SKIPPED_ADDED if cell.rank == 0 else _SKIPPED_DEEPER
        if cell.sign == "-":
            if cell.key == b"--":
                return 0  # the line above a signature
            known = cell.body in self.known or not cell.body
            return _SKIPPED_REMOVED if known else _SKIPPED_DASH
        return _SKIPPED_BASE_LINE if cell.key in self.known else 0

    def _key(self, behind: int, step: Step | None) -> int:
        """Number the text that a step leads to, as far as it counts here."""
        if step is None or step.kind == "-":
            return behind
        parts: list[bytes | int]
        if step.kind == "+":
            parts = [step.texts[0] if self.exact else squash(step.texts[0])]
        else:
            numbers = range(step.old, step.old + step.count)
            parts = [n if self.exact else self.old[n] for n in numbers]
        for part in parts:
            if part != b"" or self.exact:
                behind = self.texts.setdefault((behind, part), len(self.texts) + 1)
        return behind

    def run(self, limit: int, margin: int) -> Iterator[Reading]:
        """Yield readings by cost, up to ``margin`` above the best."""
        start = _Node(0, 0, 0, 0, 0, 0, None, None)
        queue: list[tuple[int, int, _Node]] = [(0, 0, start)]
        seen: set[tuple[int, int, int, int, int]] = set()
        visits: dict[tuple[int, int, int, int], int] = {}
        done: set[int] = set()
        order = 0
        cap = _COST_LIMIT
        while queue:
            cost, _, node = heapq.heappop(queue)
            if cost > cap:
                return
            self.budget.spend(self.line)
            if node.at < 0:
                if node.text not in done:
                    done.add(node.text)
                    cap = min(cap, cost + margin)
                    yield _reading(node)
                    if len(done) >= limit:
                        return
                continue
            place = (node.at, node.old, node.new, node.block)
            if (*place, node.text) in seen:
                continue
            seen.add((*place, node.text))
            visits[place] = visits.get(place, 0) + 1
            if visits[place] > limit:
                continue
            for at, old, new, more, step in self._ways(node):
                block = self._block(node.block, step)
                if block == 1 and node.block == 2:
                    more += _SPLIT_BLOCK
                if new > self.new_count or cost + more > cap:
                    continue
                if at >= 0 and self._hopeless(at, old, new):
                    continue
                text = self._key(node.text, step)
                order += 1
                following = _Node(at, old, new, cost + more, text, block, node, step)
                heapq.heappush(queue, (cost + more, order, following))

    def _block(self, block: int, step: Step | None) -> int:
        if step is None:
            return block
        if step.kind != " ":
            return int(step.kind == "+")
        empty = step.count == 1 and not self.old[step.old]
        return 2 if block and empty else 0

    def _ways(self, node: _Node) -> Iterator[tuple[int, int, int, int, Step | None]]:
        at, old, new = node.at, node.old, node.new
        if old == len(self.old) and new == self.new_count:
            yield -1, old, new, self.rest[at], None
            return
        if old < len(self.old):
            step = Step(" ", old)
            cost = _LOST_BLANK if not self.old[old] else self._lost(node)
            yield at, old + 1, new + 1, cost, step
        if at == len(self.rows):
            return
        for cell in self.rows[at]:
            yield cell.end, old, new, self._skip(cell) + cell.cost, None
            yield from self._old_ways(cell, old, new)
            if cell.sign == "+" and cell.rank >= 0:
                yield from self._added_ways(cell, old, new)
            elif self.empties and not cell.key:
                step = Step("+", -1, (cell.number,), (b"",), how="empty")
                yield cell.end, old, new + 1, _EMPTY_ADDED, step

    def _lost(self, node: _Node) -> int:
        left = len(self.old) - node.old
        if left <= _EDGE and left == self.new_count - node.new:
            return _LOST_AT_EDGE
        if (
            node.old < _EDGE
            and node.new == node.old
            and node.cost <= (node.old * _LOST_AT_EDGE)
        ):
            return _LOST_AT_EDGE
        return _LOST

    def _old_ways(
        self, cell: Cell, old: int, new: int
    ) -> Iterator[tuple[int, int, int, int, Step | None]]:
        """Read a cell, or what it was wrapped into, as old lines."""
        if old >= len(self.old):
            return
        if not cell.key:
            if not self.old[old]:
                yield cell.end, old + 1, new + 1, 0, Step(" ", old, (cell.number,))
            return
        cost = cell.cost
        if cell.rank:
            cost += _FOREIGN_CONTEXT if cell.rank < 0 else _JOINED
        if cell.sign == "-" and cell.rank >= 0:
            for end, count, more, numbers in self._matches(cell, cell.body, old, 1):
                if count == 1:
                    step = Step("-", old, numbers)
                    yield end, old + 1, new, cost + more, step
        if cell.sign:
            cost += _STUFFED_SIGN
        for end, count, more, numbers in self._matches(cell, cell.key, old, _PIECES):
            step = Step(" ", old, numbers, count=count)
            yield end, old + count, new + count, cost + more, step

    def _matches(
        self, cell: Cell, key: bytes, old: int, most: int
    ) -> Iterator[tuple[int, int, int, tuple[int, ...]]]:
        """Compare a cell, alone or with those wrapped off it, with old lines."""
        if expected_in(key, self.old[old]):
            yield cell.end, 1, 0, (cell.number,)
            return
        if not self.old[old]:
            return
        if key.startswith(self.old[old]):
            together = b""
            for count in range(1, most + 1):
                if old + count > len(self.old):
                    break
                together += self.old[old + count - 1]
                if together == key and self.old[old + count - 1]:
                    cost = _JOINED * (count - 1)
                    yield cell.end, count, cost, (cell.number,)
            return
        if not self.old[old].startswith(key) or not key:
            return
        end = cell.end
        numbers: tuple[int, ...] = (cell.number,)
        for count in range(1, _PIECES):
            following = self._rest_of_line(end)
            if following is None:
                return
            key += following.key
            end, numbers = following.end, (*numbers, following.number)
            if expected_in(key, self.old[old]):
                yield end, 1, _WRAPPED * count, numbers
                return

    def _whole(self, at: int) -> Cell | None:
        return self.rows[at][0] if at < len(self.rows) and self.rows[at] else None

    def _rest_of_line(self, at: int) -> Cell | None:
        """Return the line that may go on the one before it.

        In a reply somebody may have written between the two.
        """
        following = self._whole(at)
        first = following
        while following is not None and (following.rank < 0 or not following.key):
            if self.depth == 0:
                break
            following = self._whole(following.end)
        if following is None or not following.key:
            following = first
        return following if following is not None and following.key else None

    def _added_ways(
        self, cell: Cell, old: int, new: int
    ) -> Iterator[tuple[int, int, int, int, Step | None]]:
        cost = cell.cost + (_DEEPER if cell.rank else 0)
        text = cell.text[1:]
        end, newline = self._newline(cell.end)
        how = "joined" if cell.joined else ""
        texts = (text.rstrip(), text) if cell.joined else (text,)
        step = Step("+", -1, (cell.number,), tuple(dict.fromkeys(texts)), newline, how)
        yield end, old, new + 1, cost, step
        numbers: tuple[int, ...] = (cell.number,)
        width = cell.width
        variants: tuple[bytes, ...] = (text,)
        end = cell.end
        for _ in range(1, _PIECES):
            following = self._rest_of_line(end)
            if following is None or not _wraps(width, following):
                return
            variants = tuple(v for t in variants for v in _rejoined(t, following.text))
            numbers, width = (*numbers, following.number), following.width
            end = following.end
            cost += _WRAPPED_SIGNED if following.sign else _WRAPPED_ADDED
            cost += _JOINED if following.rank < 0 else 0
            step = Step("+", -1, numbers, variants, self._newline(end)[1], "wrapped")
            yield self._newline(end)[0], old, new + 1, cost, step

    def _newline(self, at: int) -> tuple[int, bool]:
        following = self._whole(at)
        if following is not None and following.text.lstrip().startswith(_NO_NEWLINE):
            return following.end, False
        return at, True


def _wraps(width: int, following: Cell) -> bool:
    """Tell whether a mailer may have broken the line before this one."""
    words = plain(following.text).split(None, 1)
    return bool(words) and width + 1 + len(words[0]) >= _WRAP_WIDTH


def _rejoined(text: bytes, following: bytes) -> tuple[bytes, ...]:
    rest = plain(following).lstrip()
    ways = (plain(text).rstrip() + b" " + rest, text + rest, text + following)
    return tuple(dict.fromkeys(ways))


def _reading(node: _Node) -> Reading:
    steps: list[Step] = []
    at: _Node | None = node
    while at is not None:
        if (step := at.step) is not None:
            for number in reversed(range(step.count)):
                steps.append(
                    replace(step, old=step.old + number, count=1)
                    if step.count > 1
                    else step
                )
        at = at.behind
    return Reading(node.cost, tuple(reversed(steps)))


def readings(
    rows: list[list[Cell]],
    old: list[bytes],
    hunk: HunkText,
    budget: Budget,
    *,
    exact: bool,
    provable: bool,
    limit: int,
    margin: int,
) -> list[Reading]:
    """Return the ways to read a hunk by cost, those of one text once.

    ``exact`` tells texts apart by every blank; otherwise white space and empty
    lines do not count. Only what is ``provable`` may have lost added lines.
    """
    search = _Search(rows, old, exact, budget, hunk)
    if search.empties and not provable:
        return []
    return list(search.run(limit, margin))
