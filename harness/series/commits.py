"""Read commits of a repository as a series of patches."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import PatchError, UsageError
from harness.series.diff import read_diff
from harness.series.hunk import DamagedError
from harness.series.patch import SIZE_LIMIT, Patch
from harness.series.repository import Commit, Repository
from harness.series.series import Series
from reference_model.coordinates import Coord

__all__ = ["read_commits"]


def read_commits(repository: Repository, text: str) -> Series:
    """Read one commit ``REV`` or the commits of a range ``A..B``.

    A range goes along first parents: a merge is one patch, with all that it
    brings, since only so does each patch stand on the one before it.
    """
    commits = [repository.commit(oid) for oid in repository.range(text)]
    notes: list[str] = []
    patches: list[Patch] = []
    for number, commit in enumerate(commits):
        if number and commit.parents[:1] != (commits[number - 1].oid,):
            raise UsageError(
                f"'{text}': {commit.oid[:12]} does not stand on "
                f"{commits[number - 1].oid[:12]}: give a range along first parents"
            )
        if len(commit.parents) > 1:
            notes.append(
                f"merge {commit.oid[:12]} is taken as one patch against its first "
                "parent"
            )
        patch = _patch(repository, commit, notes)
        if patch is not None:
            total = len(commits) if len(commits) > 1 else 0
            position = number + 1 if total else 0
            patches.append(replace(patch, number=position, total=total))
    if not patches:
        raise PatchError(f"nothing in '{text}' can be checked: {notes[-1]}")
    base = commits[0].parents[0] if commits[0].parents else ""
    return Series(tuple(patches), tuple(notes), base)


def _patch(repository: Repository, commit: Commit, notes: list[str]) -> Patch | None:
    """Read a commit's change; None, with a note, if it has none to check."""
    name = commit.oid[:12]
    data = repository.diff(commit.oid)
    if not data.strip():
        notes.append(f"commit {name} changes no file")
        return None
    if len(data) > SIZE_LIMIT:
        raise PatchError(
            f"the commit changes more than {SIZE_LIMIT >> 20} MiB", Coord(name, 1)
        )
    try:
        diff = read_diff(data, name)
    except DamagedError as error:  # of a type change: deleted and made anew
        raise PatchError(error.message, error.coord) from error
    if not diff.files:
        notes += [f"commit {name}: {note}" for note in diff.notes]
        return None
    return Patch(
        name,
        diff.data,
        diff.files,
        diff.strip,
        subject=commit.subject,
        author=commit.author,
        date=commit.date,
        commit=commit.oid,
        notes=diff.notes,
    )
