"""Which of the lines that the patch changed were executed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.check.coverage.conditional import branches, dead_lines, renumbered
from harness.check.coverage.macros import Macro
from harness.series import Patch
from harness.targets import LoadedTarget, Way

__all__ = ["Coverage", "across", "common", "coverage_of", "is_way", "unread"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of the patch no scenario ran.

    ``unexecuted`` names places, "function (file:line)"; ``unread`` files of
    the patch that belong to the hypervisor but not to what is run, and
    ``dropped`` lines that the preprocessor leaves out.  ``executed`` names the
    places that were run, ``read`` the files of the patch that were compiled.
    """

    unexecuted: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()
    executed: tuple[str, ...] = ()
    read: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Return everything that was not run, in words."""
        return (
            *_told(self.unexecuted),
            *(f"{name} (not run)" for name in self.unread),
            # The first line of each run of lines is enough.
            *(
                f"{file}:{line} (not compiled)"
                for file, line in self.dropped
                if (file, line - 1) not in self.dropped
            ),
        )


def common(parts: Iterable[Coverage]) -> Coverage:
    """Return what none of several runs executed, in the order of the first."""
    first, *others = parts
    return Coverage(
        tuple(
            place
            for place in first.unexecuted
            if all(place in other.unexecuted for other in others)
        ),
        first.unread,
        first.dropped,
        tuple(
            dict.fromkeys(place for part in (first, *others) for place in part.executed)
        ),
        first.read,
    )


def across(parts: Sequence[Coverage]) -> Coverage:
    """Return what ran in no build of a tree, of several for different machines."""
    executed = {place for part in parts for place in part.executed}
    unexecuted = (place for part in parts for place in part.unexecuted)
    dropped = (place for part in parts for place in part.dropped)
    return Coverage(
        tuple(dict.fromkeys(p for p in unexecuted if p not in executed)),
        dropped=tuple(
            sorted(
                {
                    (file, line)
                    for file, line in dropped
                    if all((file, line) in p.dropped for p in parts if file in p.read)
                }
            )
        ),
        executed=tuple(sorted(executed)),
        read=tuple(sorted({name for part in parts for name in part.read})),
    )


def coverage_of(
    target: LoadedTarget,
    touched: Iterable[str],
    root: Path,
    macros: tuple[Macro, ...] = (),
) -> Coverage:
    """Compare what the patch changed with what the scenarios executed.

    ``touched`` are its files, ``macros`` what it defines, ``root`` is the top of
    the patched tree.
    """
    unexecuted = tuple(map(_place, target.unexecuted_touched()))
    read = target.files_read()
    # Not what only decides on the configuration.
    names = [n for n in touched if n in read and n in target.unit.lines]
    dropped = [place for name in names for place in _dropped(target, name, root)]
    unexecuted += tuple(_renumbered(names, root))
    taken = [*target.ways(taken=True), *_branches(target, names, root, taken=True)]
    never = [*target.ways(taken=False), *_branches(target, names, root, taken=False)]
    unexecuted += tuple(map(_way, never))
    unexecuted += tuple(each.place for each in macros if not each.shows)
    executed = tuple(map(_place, target.executed_touched()))
    executed += tuple(map(_way, taken))
    executed += tuple(each.place for each in macros if each.shows)
    return Coverage(
        unexecuted,
        dropped=tuple(dropped),
        executed=executed,
        read=tuple(names),
    )


def _renumbered(names: Iterable[str], root: Path) -> Iterator[str]:
    """Name the files of the patch that give their lines other numbers."""
    for name in names:
        line = renumbered(_text(root / name))
        if line is not None:
            yield f"#line, which hides what ran of this file ({name}:{line})"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


_WAY = re.compile(r"way \d+ of \d+ in ")
_ONE_WAY = "condition that goes one way only in "


def is_way(place: str) -> bool:
    """Tell a way that a condition may go from a line of code."""
    return _WAY.match(place) is not None


def _way(way: Way) -> str:
    place = _place((way.function, way.file, way.line))
    return f"way {way.number} of {way.of} in {place}"


def _told(places: Sequence[str]) -> tuple[str, ...]:
    """Name each line once, whatever of it did not run."""
    known = set(places)
    found: dict[str, None] = {}
    for place in places:
        line = _WAY.sub("", place)
        if line == place or line not in known:
            found[place if line == place else _ONE_WAY + line] = None
    return tuple(found)


def _place(place: tuple[str, str, int]) -> str:
    function, file, line = place
    return f"{function} ({file}:{line})"


def unread(
    patch: Patch, after: Collection[str], before: Collection[str]
) -> tuple[str, ...]:
    """List the files of the hypervisor that a patch changes and nothing reads.

    ``after`` are the files read with the patch, ``before`` those without it.
    """
    return tuple(
        part.path
        for part in patch.files
        if part.path not in (before if part.new is None else after)
        and _is_code(part.path)
    )


def _dropped(target: LoadedTarget, name: str, root: Path) -> list[tuple[str, int]]:
    """List the touched lines that are left out."""
    text = _text(root / name)
    compiled = target.unit.lines.get(name, frozenset())
    dead = dead_lines(text, compiled)
    return [(name, n) for n in sorted(dead) if target.touched(name, n)]


def _branches(
    target: LoadedTarget, names: Iterable[str], root: Path, *, taken: bool
) -> Iterator[Way]:
    """Yield the branches of #ifs in the patch that are compiled, or are not."""
    for name in names:
        compiled = target.unit.lines.get(name, frozenset())
        touched = partial(target.touched, name)
        for each in branches(_text(root / name), compiled, touched):
            if each.taken is taken:
                yield Way(each.number, each.of, "#if", name, each.line)


def _is_code(name: str) -> bool:
    """Tell whether a file could matter to the hypervisor."""
    return name.startswith("xen/")
