"""Read a git repository: commits, blobs, and which commits hold which blobs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.errors import TreeError, UsageError
from harness.series.plumbing import Plumbing

__all__ = ["Commit", "Entry", "Repository"]

_COMMITS = 512  # of one range
_BLOB_LIMIT = 8 << 20
_SEARCH_SECONDS = 30.0
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PREFIX = re.compile(r"[0-9a-f]{4,64}")
# Tips that say nothing of a project's history: what a user put aside, remarks.
_NOT_HISTORY = ("refs/stash", "refs/notes/*", "refs/bisect/*", "refs/replace/*")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as git tells of it; ``date`` is its author's, as ISO 8601."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    subject: str
    message: str
    author: str
    date: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree: git's mode, id of its content, size and name."""

    mode: str
    oid: str
    size: int
    name: str

    @property
    def small(self) -> bool:
        """Tell whether it can be source."""
        return self.size <= _BLOB_LIMIT


@dataclass(frozen=True)
class Repository:
    """A repository: a clone, a linked worktree or a bare one."""

    git_dir: Path
    common_dir: Path
    worktree: Path | None  # None: bare

    @classmethod
    def at(cls, path: Path) -> Repository | None:
        """Return the repository whose top is ``path``; None if there is none."""
        top = path.resolve()
        inner = top / ".git"
        if inner.is_file():
            inner = _linked(inner)
        if (common := _common_dir(inner)) is not None:
            return cls(inner, common, top)
        if (common := _common_dir(top)) is not None:
            return cls(top, common, None)
        return None

    @cached_property
    def plumbing(self) -> Plumbing:
        """Return the way to ask git."""
        return Plumbing(self.git_dir, self.common_dir)

    def resolve(self, revision: str) -> str | None:
        """Return the id of the commit that a revision names, None if none."""
        if not revision or revision.startswith(("-", ":")) or "\0" in revision:
            return None
        status, output, _ = self.plumbing.ask(
            "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"
        )
        oid = output.decode("ascii", "replace").strip()
        return oid if status == 0 and _OID.fullmatch(oid) else None

    def range(self, text: str) -> tuple[str, ...]:
        """Return the ids of ``A..B``, oldest first, or of the one commit.

        A range follows first parents, so that each commit stands on the one
        before it, and a merge counts as the change that it brings.
        """
        start, dots, end = text.partition("..")
        if not dots:
            return (self._named(text),)
        if end.startswith("."):
            raise UsageError(f"'{text}': give a range as A..B")
        span = f"{self._named(start or 'HEAD')}..{self._named(end or 'HEAD')}"
        listed = self.plumbing.output(
            "rev-list", "--first-parent", f"--max-count={_COMMITS + 1}", span
        )
        found = listed.decode().split()
        if not found:
            raise UsageError(f"no commit in '{text}'")
        if len(found) > _COMMITS:
            raise UsageError(f"more than {_COMMITS} commits in '{text}'")
        return tuple(reversed(found))

    def _named(self, revision: str) -> str:
        oid = self.resolve(revision)
        if oid is None:
            raise UsageError(f"no commit '{revision}' in '{self.place}'")
        return oid

    @property
    def place(self) -> Path:
        """Return the directory that a user knows the repository by."""
        return self.worktree or self.git_dir

    def commit(self, oid: str) -> Commit:
        """Return what git knows of a commit."""
        form = "%H%x00%T%x00%P%x00%s%x00%B%x00%an <%ae>%x00%aI"
        text = self.plumbing.output(
            "log", "-1", "--no-show-signature", "--encoding=UTF-8",
            f"--format={form}", oid,
        ).decode("utf-8", "replace")  # fmt: skip
        full, tree, parents, subject, message, author, date = text.split("\0")
        every = tuple(parents.split())
        return Commit(full, tree, every, subject, message, author, date.strip())

    def diff(self, oid: str) -> bytes:
        """Return what a commit changes against its first parent, as a git diff."""
        commit = self.commit(oid)
        sides = [commit.parents[0], oid] if commit.parents else ["--root", oid]
        return self.plumbing.output(
            "diff-tree", "-r", "-p", "-M", "--no-commit-id", "--full-index",
            "--binary", "--no-color", "--no-ext-diff", "--no-textconv",
            "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", *sides,
        )  # fmt: skip

    def blob(self, prefix: str) -> bytes | None:
        """Return the blob whose id starts so; None if there is none, or several."""
        oid = self.blob_id(prefix)
        return None if oid is None else self.plumbing.contents([oid])[0]

    def blob_id(self, prefix: str) -> str | None:
        """Return the full id of a blob that is small enough to be source."""
        if not _PREFIX.fullmatch(prefix):
            return None
        return self._checked([f"{prefix}^{{blob}}"])[0]

    def file(self, commit: str, path: str) -> bytes | None:
        """Return a file of a commit; None if it has none of that name."""
        entry = self.entry(commit, path)
        if entry is None or not entry.mode.startswith("100"):
            return None
        return self.plumbing.contents([entry.oid])[0] if entry.small else None

    def _checked(self, names: list[str]) -> list[str | None]:
        """Return the ids of what names blobs, None for what does not."""
        asked = [name if "\n" not in name else "" for name in names]
        output = self.plumbing.output(
            "cat-file", "--batch-check", "--buffer",
            given="".join(f"{name}\n" for name in asked).encode(
                "utf-8", "surrogateescape"
            ),
        )  # fmt: skip
        found: list[str | None] = []
        for line in output.splitlines():
            words = line.split(b" ")
            blob = len(words) == 3 and words[1] == b"blob"
            small = blob and words[2].isdigit() and int(words[2]) <= _BLOB_LIMIT
            found.append(words[0].decode() if small else None)
        return found

    def entries(self, tree: str) -> list[Entry]:
        """List the files of a tree or commit, submodules left out."""
        every = self._listed("-r", tree)
        return [entry for entry in every if not entry.mode.startswith("16")]

    def entry(self, tree: str, name: str) -> Entry | None:
        """Return what has a name in a tree or commit; None if nothing has."""
        if {"", ".", ".."} & set(name.split("/")) or "\0" in name:
            return None
        found = [e for e in self._listed(tree, "--", name) if e.name == name]
        return found[0] if found else None

    def _listed(self, *arguments: str) -> list[Entry]:
        output = self.plumbing.output(
            "ls-tree", "-z", "--long", "--full-tree", *arguments
        )
        found = []
        for line in output.split(b"\0")[:-1]:
            head, _, name = line.partition(b"\t")
            mode, _, oid, size = head.split()
            text = name.decode("utf-8", "surrogateescape")
            number = int(size) if size.isdigit() else 0
            found.append(Entry(mode.decode(), oid.decode(), number, text))
        return found

    def newest_holding(
        self, files: Mapping[str, str | None], within: str = ""
    ) -> tuple[str, bool] | None:
        """Return the newest commit, by commit date, that holds files as they were.

        ``files`` gives the full id of each file's content, "" for a file whose
        content is not known, None for one that is not there.  Such a commit is
        the tip of a ref, or the last one before a commit that changes one of
        the files: among those of all refs, the stash and notes left out, none
        is missed.  The second value tells that the search came to its end.
        ``within`` is a commit that the one looked for is, or comes before.
        """
        where = [within] if within else self._history()
        changes, ended = self._changes(files, where)
        tips = [within] if within else self._tips()
        candidates = dict.fromkeys([*tips, *changes])
        names = [f"{commit}:{path}" for commit in candidates for path in files]
        have = self._checked(names)
        wanted = list(files.values())
        holding = [
            commit
            for number, commit in enumerate(candidates)
            if all(
                oid == want if want else (oid is None) == (want is None)
                for want, oid in zip(wanted, have[number * len(wanted) :], strict=False)
            )
        ]
        if not holding:
            return None if ended else ("", False)
        dates = self._dates(holding)
        return max(holding, key=lambda oid: (dates[oid], oid)), ended

    def _tips(self) -> list[str]:
        output = self.plumbing.output(
            "rev-list", "--no-walk=unsorted", *self._history()
        )
        return output.decode().split()

    def _history(self) -> list[str]:
        # A HEAD that names no commit yet, or one that is detached.
        head = ["HEAD"] if self.resolve("HEAD") else []
        return [*(f"--exclude={name}" for name in _NOT_HISTORY), "--all", *head]

    def _changes(
        self, files: Mapping[str, str | None], where: list[str]
    ) -> tuple[list[str], bool]:
        """List commits that change whether a file is as it was, and their parents."""
        blobs = {path: oid for path, oid in files.items() if oid}
        others = [path for path, oid in files.items() if not oid]
        objects = [f"--find-object={oid}" for oid in blobs.values()]
        found, ended = self._log(objects, list(blobs), where)
        if others and ended:
            more, ended = self._log(["--diff-filter=AD"], others, where)
            found += more
        return found, ended

    def _log(
        self, what: list[str], paths: list[str], where: list[str]
    ) -> tuple[list[str], bool]:
        status, output, complaint = self.plumbing.ask(
            "log", "--full-history", "-m", "--no-show-signature", "--no-ext-diff",
            "--no-textconv", "--no-renames", "--format=%H %P",
            *what, *where, "--", *paths, seconds=_SEARCH_SECONDS,
        )  # fmt: skip
        if status < 0 or "Timeout" in complaint:
            return [], False
        if status != 0:
            self.plumbing.fail(complaint)
        words = output.decode("ascii", "replace").split()
        return [word for word in words if _OID.fullmatch(word)], True

    def _dates(self, commits: list[str]) -> dict[str, int]:
        output = self.plumbing.output(
            "log", "--no-walk=unsorted", "--stdin", "--no-show-signature",
            "--format=%H %ct", given="".join(f"{c}\n" for c in commits).encode(),
        ).decode()  # fmt: skip
        pairs = (line.split() for line in output.splitlines())
        return {oid: int(seconds) for oid, seconds in pairs}


def _linked(file: Path) -> Path:
    """Return where the ``.git`` file of a linked worktree leads."""
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise TreeError(f"cannot read '{file}': {error.strerror}") from error
    where = text.removeprefix("gitdir:").strip()
    return Path(file.parent, where).resolve()


def _common_dir(git_dir: Path) -> Path | None:
    """Return the directory with objects and refs of what is a git directory."""
    if not (git_dir / "HEAD").is_file() and not (git_dir / "HEAD").is_symlink():
        return None
    common = git_dir
    link = git_dir / "commondir"
    if link.is_file():
        where = link.read_text(encoding="utf-8", errors="surrogateescape").strip()
        common = Path(git_dir, where).resolve()
    whole = (common / "objects").is_dir() and (common / "refs").is_dir()
    return common if whole else None
