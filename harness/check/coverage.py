"""Which of the lines that the patch touched were executed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.series import Patch
from harness.targets import LoadedTarget

__all__ = ["Coverage", "common", "coverage_of"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of the patch no scenario ran.

    ``unexecuted`` names places, "function (file:line)"; ``unread`` files of
    the patch that are C of the hypervisor but not part of what is run.
    """

    unexecuted: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Return everything that was not run, in words."""
        return (*self.unexecuted, *(f"{name} (not run)" for name in self.unread))


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
    )


def coverage_of(target: LoadedTarget, patch: Patch | None) -> Coverage:
    """Compare what the patch touched with what the scenarios executed."""
    if patch is None:
        return Coverage()
    unexecuted = tuple(
        f"{function} ({file}:{line})"
        for function, file, line in target.unexecuted_touched()
    )
    read = target.files_read()
    unread = tuple(
        part.new
        for part in patch.files
        if part.new is not None and part.new not in read and _is_code(part.new)
    )
    return Coverage(unexecuted, unread)


def _is_code(name: str) -> bool:
    """Tell whether a file holds code that could matter to the hypervisor."""
    return name.startswith("xen/") and name.endswith((".c", ".h", ".S"))
