"""Which of the lines that the patch touched were executed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.check.conditional import dead_lines
from harness.series import Patch
from harness.targets import LoadedTarget

__all__ = ["Coverage", "common", "coverage_of", "unread"]

_PREPROCESSED = (".c", ".h")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of the patch no scenario ran.

    ``unexecuted`` names places, "function (file:line)"; ``unread`` files of
    the patch that belong to the hypervisor but not to what is run, and
    ``dropped`` lines that the preprocessor leaves out.
    """

    unexecuted: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Return everything that was not run, in words."""
        return (
            *self.unexecuted,
            *(f"{name} (not run)" for name in self.unread),
            *(f"{place} (not compiled)" for place in self.dropped),
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
    )


def coverage_of(target: LoadedTarget, touched: Iterable[str], root: Path) -> Coverage:
    """Compare what the patch touched with what the scenarios executed.

    ``touched`` are its files, ``root`` is the top of the patched tree.
    """
    unexecuted = tuple(
        f"{function} ({file}:{line})"
        for function, file, line in target.unexecuted_touched()
    )
    read = target.files_read()
    names = [n for n in touched if n in read and n.endswith(_PREPROCESSED)]
    dropped = [place for name in names for place in _dropped(target, name, root)]
    return Coverage(unexecuted, dropped=tuple(dropped))


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


def _dropped(target: LoadedTarget, name: str, root: Path) -> list[str]:
    """List the first touched line of each run of lines that are left out."""
    text = (root / name).read_text(encoding="utf-8", errors="replace")
    compiled = target.unit.lines.get(name, frozenset())
    dead = sorted(n for n in dead_lines(text, compiled) if target.touched(name, n))
    return [f"{name}:{n}" for n in dead if n - 1 not in dead]


def _is_code(name: str) -> bool:
    """Tell whether a file could matter to the hypervisor."""
    return name.startswith("xen/")
