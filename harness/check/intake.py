"""Read the patches that a request names, and choose their base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.check.request import CheckRequest, Form
from harness.errors import PatchError, UsageError
from harness.series import Patch, Series, View, read_series, stacked
from harness.series.base import Base, Place, chosen_base, find_place
from harness.series.commits import read_commits
from harness.series.path import read_path
from harness.series.snippet import read_snippet

__all__ = ["Intake", "Step", "opened", "stepped"]


@dataclass(frozen=True, slots=True)
class Intake:
    """The base, and the patches to check on it; None for an audit."""

    base: Base
    series: Series | None

    @property
    def patches(self) -> tuple[Patch, ...]:
        """Return all patches, in order."""
        return self.series.patches if self.series is not None else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is to be said about the series."""
        return self.series.notes if self.series is not None else ()

    @property
    def alternatives(self) -> bool:
        """Tell whether each patch stands on the base by itself."""
        return self.series is not None and self.series.alternatives

    @property
    def stacks(self) -> tuple[tuple[Patch, ...], ...]:
        """Return the patches that stand on one another, together."""
        if self.alternatives:
            return tuple((patch,) for patch in self.patches)
        return (self.patches,)


@dataclass(frozen=True, slots=True)
class Step:
    """One patch: its number, the tree before it and the tree with it.

    ``first`` and ``last`` tell where a stack of patches begins and ends.
    """

    number: int
    before: View
    after: View
    first: bool
    last: bool

    @property
    def beginning(self) -> tuple[View, ...]:
        """Return the tree before the patch if no other patch leads to it."""
        return (self.before,) if self.first else ()


@contextmanager
def opened(request: CheckRequest, *, audit: bool = False) -> Iterator[Intake]:
    """Yield what is to be checked, as long as its trees are needed."""
    place = find_place(request.tree, request.cwd, request.embedded)
    series = None
    if not audit and request.form is not Form.SNIPPET:
        series = _series(request, place)
    with chosen_base(place, request.base, series) as base:
        if not audit and request.form is Form.SNIPPET:
            assert request.patch is not None
            series = read_snippet(request.patch, request.patch_name, base.tree)
        yield Intake(base, series)


def _series(request: CheckRequest, place: Place) -> Series:
    name = request.patch_name
    if request.form is Form.COMMITS:
        return _commits(name, place)
    blobs = place.blobs(request.base)
    if request.form is Form.DIRECTORY:
        return read_path(Path(name), blobs)
    if request.patch is None:
        raise UsageError("no patch given: name a file, or - for standard input")
    return read_series(request.patch, name, blobs)


def _commits(name: str, place: Place) -> Series:
    repository = place.repository
    if repository is None:
        raise PatchError(
            f"cannot read patch '{name}': no such file, and '{place.name}' is no git "
            "repository that could have such a commit"
        )
    if ".." not in name and repository.resolve(name) is None:
        raise PatchError(
            f"cannot read patch '{name}': no such file, and no such commit in "
            f"'{place.name}'"
        )
    return read_commits(repository, name)


@contextmanager
def stepped(intake: Intake) -> Iterator[tuple[Step, ...]]:
    """Yield the trees of each patch, before and after it."""
    steps: list[Step] = []
    with ExitStack() as stack:
        for patches in intake.stacks:
            views = stack.enter_context(stacked(intake.base.tree, patches))
            for number, view in enumerate(views[1:], 1):
                before = views[number - 1].untouched()
                ends = number == 1, number == len(patches)
                steps.append(Step(len(steps) + 1, before, view, *ends))
        yield tuple(steps)
