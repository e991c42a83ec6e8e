"""Write the files of a commit to a directory, from git's objects.

Not by git's checkout: no filter, attribute or hook has a part in it.  Only what
the preprocessor can reach is written.  The directory is kept in the cache under
the id of the commit's tree, so that several checks share it, also at the same
time; the oldest ones go when nobody uses any.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness.cache import cache_directory
from harness.errors import TreeError
from harness.series.repository import Entry, Repository
from harness.series.tree import Tree, is_unreachable

__all__ = ["checked_out", "is_reachable"]

_KEPT = 12  # trees of about 10 MB
_FORM = "2"  # changes when what is written does
_FILES = 20_000
_BYTES = 128 << 20
_LINK = "120000"


@contextmanager
def checked_out(repository: Repository, commit: str) -> Iterator[Tree]:
    """Yield the Xen tree of a commit, as a directory that nobody may change."""
    cache = cache_directory("trees")
    if cache is None:
        with tempfile.TemporaryDirectory(prefix="harness-") as name:
            top = Path(name).resolve() / "tree"
            _write(repository, commit, top)
            yield _tree(repository, commit, top)
        return
    with _in_use(cache):
        top = cache / f"{repository.commit(commit).tree}-{_FORM}"
        if not top.is_dir():
            _publish(repository, commit, top)
        with contextlib.suppress(OSError):
            os.utime(top)
        yield _tree(repository, commit, top)


def is_reachable(name: str) -> bool:
    """Tell whether the preprocessor may have to do with a file of a tree."""
    if "/" not in name:
        return True
    folders = name.split("/")[:-1]
    if folders[0] != "xen":
        # Makefiles that say what trees from before Kconfig are compiled with.
        return folders == ["config"]
    return not any(is_unreachable("/".join(folders[:n])) for n in (2, 3))


def _tree(repository: Repository, commit: str, top: Path) -> Tree:
    try:
        tree = Tree.at(top)
    except TreeError as error:
        short = commit[:12]
        message = error.message.replace(str(top), f"commit {short}")
        raise TreeError(f"{message} (in '{repository.place}')") from error
    return replace(tree, repository=repository, commit=commit)


@contextmanager
def _in_use(cache: Path) -> Iterator[None]:
    """Keep others from removing trees; remove old ones if nobody uses any."""
    with (cache / "lock").open("a") as lock:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _prune(cache)
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _prune(cache: Path) -> None:
    trees = [path for path in cache.iterdir() if path.is_dir()]
    # What has no id of a tree for its name was left by a run that was killed.
    whole = [path for path in trees if path.name.endswith(f"-{_FORM}")]
    whole.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in {*trees} - {*whole[: _KEPT - 1]}:
        shutil.rmtree(path, ignore_errors=True)


def _publish(repository: Repository, commit: str, top: Path) -> None:
    """Write the files elsewhere and give them their name when they are complete."""
    work = Path(tempfile.mkdtemp(prefix="new.", dir=top.parent))
    try:
        _write(repository, commit, work / "tree")
        try:
            (work / "tree").rename(top)
        except OSError as error:
            if not top.is_dir():  # else another check was faster
                raise TreeError(f"cannot write '{top}': {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write(repository: Repository, commit: str, top: Path) -> None:
    wanted = [e for e in repository.entries(commit) if is_reachable(e.name)]
    if len(wanted) > _FILES or sum(entry.size for entry in wanted) > _BYTES:
        raise TreeError(f"commit {commit[:12]} is too large to be Xen's source")
    contents = repository.plumbing.contents([entry.oid for entry in wanted])
    try:
        top.mkdir()
        links = []
        for entry, content in zip(wanted, contents, strict=True):
            path = top / _plain(entry, commit)
            path.parent.mkdir(parents=True, exist_ok=True)
            if entry.mode == _LINK:
                links.append((path, entry, content))
            else:
                _create(path, content, 0o755 if entry.mode == "100755" else 0o644)
        # Last: so nothing was written through one.
        for path, entry, content in links:
            _link(path, entry, content)
    except OSError as error:
        raise TreeError(
            f"cannot write '{error.filename or top}': {error.strerror}"
        ) from error


def _create(path: Path, content: bytes, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(path, flags, mode), "wb") as stream:
        stream.write(content)


def _plain(entry: Entry, commit: str) -> str:
    """Return a file's name, which a hostile tree may have made up."""
    parts = entry.name.split("/")
    bad = ("", ".", "..")
    if any(part in bad or part.lower() == ".git" for part in parts):
        shown = entry.name.encode("ascii", "backslashreplace").decode()
        raise TreeError(f"commit {commit[:12]} holds the file '{shown}': refused")
    return entry.name


def _link(path: Path, entry: Entry, content: bytes) -> None:
    """Make a link that stays in the tree; any other one is left out."""
    target = os.fsdecode(content)
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(entry.name), target))
    if target and "\0" not in target and not inside.startswith(("/", "..")):
        os.symlink(target, path)
