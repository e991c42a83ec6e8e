"""Choose the tree that a series of patches is checked against.

In a git repository, the first of these that there is:

1. ``--base REV``;
2. for commits, the parent of the first one;
3. the commit that the mails state as ``base-commit``, if the repository has it;
4. the newest commit, by commit date and over all refs, that holds every file
   as the first patch to change it found it, by the blob ids of ``index`` lines;
   for new files alone, if HEAD has one of them, the newest before HEAD with none;
5. HEAD.

The files are those of the commit.  The working directory itself, with what a
build has left there, is taken where the commit is the one checked out and no
source file of the hypervisor differs from it.  Outside a repository, and for an
audit, the tree is the directory as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ApplyError, TreeError, UsageError
from harness.series.blobs import Blobs, DirectoryBlobs, RepositoryBlobs
from harness.series.checkout import checked_out
from harness.series.patch import Patch
from harness.series.repository import Repository
from harness.series.series import Series
from harness.series.tree import Tree, enclosing_tree
from harness.series.view import stacked
from harness.series.worktree import changed_files

__all__ = ["EMBEDDED", "Base", "Place", "applies", "chosen_base", "find_place"]

# The embedded base is data of the source checkout, not of the installed package.
EMBEDDED = Path(__file__).resolve().parents[2] / "patches" / "base"

_EMBEDDED_NAME = "embedded base"
_WHAT_TO_DO = "run in a Xen tree or name one with --tree DIR"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Base:
    """The tree, what it is called, how it was found, and what to say about that."""

    tree: Tree
    name: str
    how: str
    notes: tuple[str, ...] = ()

    @property
    def commit(self) -> str:
        """Return the id of the commit that the tree is of, or ""."""
        return self.tree.commit


@dataclass(frozen=True, slots=True)
class Place:
    """Where trees come from: a directory, a repository, or both in one."""

    top: Path | None  # None: a bare repository
    repository: Repository | None
    name: str
    how: str
    fallback: bool = False  # taken for want of any other

    def blobs(self, revision: str | None = None) -> Blobs:
        """Return where pre-images can be looked up, before a base is chosen."""
        if self.repository is not None:
            commit = _commit(self.repository, revision or "HEAD")
            return RepositoryBlobs(self.repository, commit)
        assert self.top is not None
        return DirectoryBlobs(self.top)


def find_place(tree: Path | None, cwd: Path, embedded: Path = EMBEDDED) -> Place:
    """Return the named tree or repository, else the one around ``cwd``.

    Where there is neither, it is the embedded base.
    """
    if tree is not None:
        if (found := Repository.at(tree)) is not None:
            return Place(found.worktree, found, str(tree), "--tree")
        return Place(Tree.at(tree).top, None, str(tree), "--tree")
    if (around := enclosing_tree(cwd)) is not None:
        top = around.top
        if top == embedded.resolve():
            return Place(top, None, _EMBEDDED_NAME, "")
        return Place(top, Repository.at(top), str(top), "working directory")
    found = Repository.at(cwd)
    if found is not None and found.worktree is None:
        return Place(None, found, str(found.git_dir), "working directory")
    if not embedded.is_dir():
        raise TreeError(
            f"no Xen tree here, and no embedded base in '{embedded}' "
            f"(it comes with a source checkout): {_WHAT_TO_DO}"
        )
    return Place(embedded.resolve(), None, _EMBEDDED_NAME, "", fallback=True)


@contextmanager
def chosen_base(
    place: Place, revision: str | None, series: Series | None
) -> Iterator[Base]:
    """Yield the base of a series; None is an audit of the tree itself."""
    repository = place.repository
    if repository is None:
        if revision is not None:
            raise UsageError(f"--base {revision}: '{place.name}' is no git repository")
        yield _directory(place, series)
        return
    if series is None and revision is None and place.top is not None:
        yield Base(Tree.at(place.top), place.name, place.how)
        return
    commit, how, notes = _choose(repository, revision, series)
    if commit is None:
        if place.top is None:
            raise TreeError(
                f"'{place.name}' has no commit HEAD: name one with --base REV"
            )
        yield Base(Tree.at(place.top), place.name, place.how, tuple(notes))
        return
    subject = repository.commit(commit).subject
    name = f'{commit[:12]} ("{subject}")'
    if place.top is not None and commit == _commit(repository, "HEAD"):
        changed = changed_files(repository, commit, place.top)
        if not changed:
            yield Base(Tree.at(place.top), name, how, tuple(notes))
            return
        if how == "HEAD":
            notes.append(_local_changes(changed))
    with checked_out(repository, commit) as tree:
        yield Base(tree, name, how, tuple(notes))


def _directory(place: Place, series: Series | None) -> Base:
    assert place.top is not None
    tree = Tree.at(place.top)
    notes = []
    if place.fallback and series is not None:
        if (refusal := _refusal(tree, series)) is not None:
            raise UsageError(
                f"no Xen tree here, and the embedded base does not fit "
                f"({refusal}): {_WHAT_TO_DO}"
            )
    elif series is not None and series.base_commit:
        notes.append(
            f"base-commit {series.base_commit[:12]} is not looked for: "
            f"'{place.name}' is no git repository"
        )
    return Base(tree, place.name, place.how, tuple(notes))


def _commit(repository: Repository, revision: str) -> str | None:
    return repository.resolve(revision)


def _choose(
    repository: Repository, revision: str | None, series: Series | None
) -> tuple[str | None, str, list[str]]:
    """Return the commit, how it was found, and what is to be said about it."""
    notes: list[str] = []
    if revision is not None:
        commit = _commit(repository, revision)
        if commit is None:
            raise UsageError(f"--base {revision}: no such commit in the repository")
        return commit, "--base", notes
    if series is not None:
        if series.base_commit:
            commit = _commit(repository, series.base_commit)
            own = bool(series.patches[0].commit)
            if commit is not None:
                how = "parent of the first commit" if own else "base-commit trailer"
                return commit, how, notes
            notes.append(
                f"base-commit {series.base_commit[:12]} is not in the repository"
            )
        if (held := _holder(repository, series, notes)) is not None:
            return held, "newest commit with the pre-image blobs", notes
    return _commit(repository, "HEAD"), "HEAD", notes


def _holder(repository: Repository, series: Series, notes: list[str]) -> str | None:
    """Find the newest commit with all files as the patches found them."""
    wanted = pre_images(series)
    if wanted and all(blob is None for blob in wanted.values()):
        return _before_new_files(repository, wanted)
    if not any(wanted.values()):
        return None
    files: dict[str, str | None] = {}
    for path, prefix in wanted.items():
        files[path] = repository.blob_id(prefix) if prefix else prefix
        if prefix and files[path] is None:
            notes.append(f"pre-image {prefix[:12]} of {path} is not in the repository")
            return None
    found = repository.newest_holding(files)
    if found is None:
        notes.append("no commit holds all pre-images of the patch together")
        return None
    commit, ended = found
    if not ended:
        notes.append("the search for the pre-images was cut short by a time limit")
    return commit or None


def _before_new_files(
    repository: Repository, wanted: dict[str, str | None]
) -> str | None:
    """Find the newest commit that HEAD stands on without any of some files.

    Any commit without them may be what a patch of new files was made for; one
    of another branch tells less than HEAD does.
    """
    head = _commit(repository, "HEAD")
    if head is None or not any(repository.entry(head, path) for path in wanted):
        return None
    found = repository.newest_holding(wanted, within=head)
    return found[0] or None if found is not None else None


def pre_images(series: Series) -> dict[str, str | None]:
    """Return the blob id of each file before the series.

    Of each file, that is what the first patch to change it found: "" if it
    does not say, None if there was no such file.  Empty if a patch that
    changes lines has no ids: then anything may fit.
    """
    found: dict[str, str | None] = {}
    seen: set[str] = set()
    for patch in series.patches:
        for part in patch.files:
            if part.old is None:
                name, before = part.path, None
            elif part.hunks and not part.old_blob:
                return {}
            else:
                name, before = part.old, part.old_blob
            if name in seen and not series.alternatives:
                continue
            if found.setdefault(name, before) != before:
                return {}
        seen.update(name for part in patch.files for name in part.names)
    return found


def _local_changes(changed: list[str]) -> str:
    shown = ", ".join(changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return f"local changes in the working directory are left out: {shown}{more}"


def applies(tree: Tree, *patches: Patch) -> bool:
    """Tell whether patches apply to the tree, one after the other."""
    return _refusal(tree, Series(patches)) is None


def _refusal(tree: Tree, series: Series) -> ApplyError | None:
    stacks = (
        [(patch,) for patch in series.patches]
        if series.alternatives
        else [series.patches]
    )
    try:
        for patches in stacks:
            with stacked(tree, patches):
                pass
    except ApplyError as error:
        return error
    return None
