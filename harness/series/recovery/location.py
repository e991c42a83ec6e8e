"""Find where a hunk lies in a file, and the ways to read it there."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import PatchError
from harness.series.recovery.cells import Cell, cells
from harness.series.recovery.outline import FileText, HunkText
from harness.series.recovery.proof import Placed
from harness.series.recovery.quoting import squash
from harness.series.recovery.reading import Budget, Reading, readings
from reference_model.coordinates import Coord

__all__ = ["SHORTEST_ID", "Locator"]

# A shorter id says too little: a wrong result may have it by chance.
SHORTEST_ID = 7

_CONTENT = (6, 9)
# First few readings, then more.
_EXACT = ((60, 14), (200, 45))
_PLACES = 6


class Locator:
    """Places the hunks of one file in a base that they were or were not made on."""

    def __init__(
        self, part: FileText, base: Sequence[bytes], exact: bool, budget: Budget
    ) -> None:
        self.part = part
        self.base = base
        self.exact = exact
        self.provable = exact and len(part.new_blob) >= SHORTEST_ID
        self.budget = budget
        self.keys = [squash(line) for line in base]
        self.notes: list[str] = []

    def place(self, hunk: HunkText, after: int, shift: int) -> Placed:
        """Return a hunk's place at or behind line ``after``, and its readings.

        Readings of one content are one here; ``exactly`` tells them apart.
        """
        rows = cells(hunk.lines, hunk.depth)
        fits: list[Placed] = []
        for first in self._places(hunk, rows, after, shift):
            found = self._read(hunk, rows, first, _CONTENT, exact=False)
            if found:
                fits.append(Placed(first, hunk.old_count, found))
        if not fits:
            raise self._why_not(hunk, rows)
        cost = min(placed.readings[0].cost for placed in fits) + _CONTENT[1]
        fits = [placed for placed in fits if placed.readings[0].cost <= cost]
        # As git: the place nearest to where the header says.
        expected = hunk.first + shift
        best = min(fits, key=lambda placed: abs(placed.first - expected))
        others = [str(placed.first + 1) for placed in fits if placed is not best]
        if others:
            self.notes.append(
                f"hunk {hunk.ranges} of {self.part.path} is put at line "
                f"{best.first + 1}; it would fit at line {', '.join(others)} as well"
            )
        elif best.first != hunk.first + shift:
            self.notes.append(
                f"hunk {hunk.ranges} of {self.part.path} is put at line "
                f"{best.first + 1}, where its context stands"
            )
        return best

    def exactly(self, hunk: HunkText, placed: Placed, more: bool) -> Placed:
        """Return the readings told apart by every blank and empty line."""
        rows = cells(hunk.lines, hunk.depth)
        found = self._read(hunk, rows, placed.first, _EXACT[more], exact=True)
        return Placed(placed.first, placed.old_count, found)

    def _read(
        self,
        hunk: HunkText,
        rows: list[list[Cell]],
        first: int,
        bounds: tuple[int, int],
        *,
        exact: bool,
    ) -> list[Reading]:
        return readings(
            rows,
            list(self.base[first : first + hunk.old_count]),
            hunk,
            self.budget,
            exact=exact,
            provable=self.provable,
            limit=bounds[0],
            margin=bounds[1],
        )

    def _places(
        self, hunk: HunkText, rows: list[list[Cell]], after: int, shift: int
    ) -> list[int]:
        expected = hunk.first + shift
        last = len(self.base) - hunk.old_count
        if self.exact or not hunk.old_count:
            if not after <= expected <= last:
                raise self._error(
                    hunk,
                    f"the file has {len(self.base)} lines"
                    if expected > last
                    else "it overlaps the hunk before it",
                )
            return [expected]
        shown = {key for row in rows for c in row for key in (c.key, c.body) if key}
        known = [int(key in shown) for key in self.keys]
        scores = []
        for first in range(after, last + 1):
            score = sum(known[first : first + hunk.old_count])
            scores.append((-score, abs(first - expected), first))
            self.budget.spend(hunk.line)
        scores.sort()
        return [first for score, _, first in scores[:_PLACES] if score]

    def _error(self, hunk: HunkText, why: str) -> PatchError:
        if not self.exact and self.part.old_blob:
            why += ": name a repository that has that blob with --tree"
        return PatchError(
            f"hunk {hunk.ranges} of {self.part.path} cannot be recovered: {why}",
            Coord(self.budget.name, hunk.line),
        )

    def complaint(self, hunk: HunkText) -> PatchError | None:
        """Say what is wrong with the signed lines of a hunk, if anything is."""
        own = _own(cells(hunk.lines, hunk.depth))
        added = sum(cell.sign == "+" for cell in own)
        removed = [cell for cell in own if cell.sign == "-" and cell.key != b"--"]
        for cell in removed:
            if cell.body not in self.keys:
                return self._error(
                    hunk,
                    f"line {cell.number} of the mail takes a line away that is "
                    f"not in {self._where()}",
                )
        delta = hunk.new_count - hunk.old_count
        if added - len(removed) < delta:
            return self._error(
                hunk,
                f"the header tells of {delta:+d} lines, the mail shows {added} "
                f"added and {len(removed)} removed ones: some are missing",
            )
        return None

    def _where(self) -> str:
        if not self.exact and self.part.old_blob:
            return f"{self.part.old} (another blob than {self.part.old_blob})"
        return str(self.part.old or self.part.new)

    def _why_not(self, hunk: HunkText, rows: list[list[Cell]]) -> PatchError:
        """Say what is missing: added lines, or a line of the base."""
        if (complaint := self.complaint(hunk)) is not None:
            return complaint
        for cell in _own(rows):
            unsigned = cell.key and not cell.sign and cell.text[:1] == b" "
            if unsigned and cell.key not in self.keys:
                return self._error(
                    hunk,
                    f"line {cell.number} of the mail is not in {self._where()}, nor "
                    "the hunk as a whole at any place of it",
                )
        return self._error(
            hunk, f"its lines do not stand in {self._where()} in this order"
        )


def _own(rows: list[list[Cell]]) -> list[Cell]:
    """Return the lines of a hunk that nobody else has written."""
    return [row[0] for row in rows if row and row[0].rank >= 0]
