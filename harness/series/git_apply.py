"""Apply a patch with ``git apply`` to copies of the files that it names."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Collection
from pathlib import Path

from harness.errors import ApplyError, UsageError
from harness.series.blobs import blob_id
from harness.series.patch import FilePatch, Patch
from harness.series.regular_file import regular_file
from harness.series.repository import Repository
from harness.series.tree import Tree
from reference_model.coordinates import Coord

__all__ = ["Offsets", "apply_to_copies"]

# By file, in the order of its hunks: how many lines below its header's place
# each hunk went.
Offsets = dict[str, tuple[int, ...]]

_CHECKING = "Checking patch "
_OFFSET = re.compile(r"Hunk #(\d+) succeeded at \d+ \(offset (-?\d+) lines?\)\.")
_FUZZ = re.compile(r"^(?:Context reduced|Hunk #\d+ succeeded .*fuzz)", re.M)
_FAILED = re.compile(r"error: patch failed: (.*):(\d+)")
_ERROR = re.compile(r"(?:error|fatal): (.*)")
_OPTIONS = ("--verbose", "--whitespace=nowarn", "--no-ignore-whitespace")


def _environment(directory: Path) -> dict[str, str]:
    # A directory that is no repository makes git apply work on plain files and
    # disregards GIT_WORK_TREE and GIT_INDEX_FILE, which hooks leave set.
    return {
        "GIT_DIR": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(directory.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_COUNT": "0",
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_TRACE": "0",
    }


def _git_apply(directory: Path, patch: Patch, *options: str) -> tuple[int, str]:
    try:
        from git import Git  # starts git once: only where a patch is applied
    except ImportError as error:
        raise UsageError("git cannot be run: install git or put it on PATH") from error
    with tempfile.NamedTemporaryFile(prefix="harness-", suffix=".patch") as stream:
        stream.write(patch.data)
        stream.flush()
        status, _, stderr = Git(str(directory)).apply(
            *_OPTIONS,
            f"-p{patch.strip}",
            *options,
            stream.name,
            env=_environment(directory),
            with_extended_output=True,
            with_exceptions=False,
        )
    return int(status), str(stderr)


def apply_to_copies(
    tree: Tree, patch: Patch, directory: Path, before: Collection[str] = ()
) -> Offsets:
    """Fill a directory with the files of the patch, patched.

    A file that the patch deletes or renames away is then missing there.
    ``before`` are the files that earlier patches of a series name: they are in
    the directory already, unless one of those took them away.
    """
    copied: list[str] = []
    for part in patch.files:
        for name in part.names:
            if name not in before and name not in copied:
                copied.append(name)
                _copy(tree, patch, name, part.coord, directory, before)
    status, said = _git_apply(directory, patch)
    if status != 0:
        raise _refusal(tree, patch, directory, said)
    if _FUZZ.search(said):
        raise ApplyError(f"patch applies to Xen {tree.version} with fuzz only: refused")
    offsets = _offsets(patch, said)
    for part in patch.files:
        _verify(part, offsets.get(part.path, ()), directory)
    _verify_no_other(patch, directory, before)
    return offsets


def _copy(
    tree: Tree,
    patch: Patch,
    name: str,
    coord: Coord,
    directory: Path,
    before: Collection[str],
) -> None:
    """Copy one file of the tree, never through a symbolic link."""
    if tree.repository is not None:
        found = _object(tree.repository, tree.commit, name, coord)
    else:
        found = regular_file(tree.top, name, coord, _leaving(patch).union(before))
    if found is None:
        return
    content, executable = found
    target = directory / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(0o755 if executable else 0o644)


def _object(
    repository: Repository, commit: str, name: str, coord: Coord
) -> tuple[bytes, bool] | None:
    """Return a file of a commit and whether it is executable; None if not there."""
    entry = repository.entry(commit, name)
    if entry is None:
        return None
    if entry.mode == "120000":
        raise ApplyError(
            f"'{name}' is a symbolic link in the tree: not followed", coord
        )
    if not entry.mode.startswith("100"):
        raise ApplyError(f"'{name}' is not a regular file in the tree", coord)
    return repository.plumbing.contents([entry.oid])[0], entry.mode == "100755"


def _leaving(patch: Patch) -> set[str]:
    kept = {part.new for part in patch.files}
    return {part.old for part in patch.files if part.old is not None} - kept


def _refusal(tree: Tree, patch: Patch, directory: Path, said: str) -> ApplyError:
    """Turn git's complaint into one line that says where and what to do."""
    reverse, _ = _git_apply(directory, patch, "--check", "--reverse")
    if reverse == 0:
        return ApplyError(
            f"patch looks already applied to Xen {tree.version} in '{tree.place}'"
        )
    failed = _FAILED.search(said)
    if failed:
        file, line = failed[1], int(failed[2])
        others = len(_FAILED.findall(said)) - 1
        message = f"hunk does not apply to Xen {tree.version}"
        message += _blob_difference(patch, file, directory)
        if others:
            message += f" (and {others} more do not)"
        return ApplyError(
            f"{message}: rebase the patch or give its tree", Coord(file, line)
        )
    errors = _ERROR.findall(said) or [said.strip() or "git apply failed"]
    return ApplyError(f"patch does not apply to Xen {tree.version}: {errors[0]}")


def _blob_difference(patch: Patch, file: str, directory: Path) -> str:
    for part in patch.files:
        target = directory / file
        if part.old != file or not part.old_blob or not target.is_file():
            continue
        have = blob_id(target.read_bytes())
        if not have.startswith(part.old_blob):
            return f" (made for blob {part.old_blob[:10]}, the tree has {have[:10]})"
    return ""


def _offsets(patch: Patch, said: str) -> Offsets:
    """Read from git's talk, file after file, how far each hunk went."""
    found: Offsets = {}
    at = -1
    for line in said.splitlines():
        if line.startswith(_CHECKING):
            at += 1
        elif (moved := _OFFSET.fullmatch(line)) and 0 <= at < len(patch.files):
            part = patch.files[at]
            each = list(found.get(part.path, (0,) * len(part.hunks)))
            each[int(moved[1]) - 1] = int(moved[2])
            found[part.path] = tuple(each)
    return found


def _verify(part: FilePatch, offsets: tuple[int, ...], directory: Path) -> None:
    """Check that each hunk's result stands where the line map says."""
    target = directory / part.path
    if part.new is None:
        if target.is_file():  # a directory may have taken its place
            raise ApplyError(f"git did not delete '{part.path}'", part.coord)
        return
    if not target.is_file() or target.is_symlink():
        raise ApplyError(f"git did not write '{part.path}'", part.coord)
    lines = target.read_bytes().split(b"\n")
    whole = [line + b"\n" for line in lines[:-1]] + [
        line for line in lines[-1:] if line
    ]
    for number, hunk in enumerate(part.hunks):
        start = hunk.post_index(offsets[number] if offsets else 0)
        image = hunk.post_image()
        if tuple(whole[start : start + len(image)]) != image:
            raise ApplyError("git applied this hunk at an unknown place", hunk.coord)


def _verify_no_other(patch: Patch, directory: Path, before: Collection[str]) -> None:
    named = {*before, *(part.new for part in patch.files)}
    named |= {part.old for part in patch.files}  # the source of a copy stays
    for folder, _, names in os.walk(directory):
        for name in names:
            path = (Path(folder) / name).relative_to(directory).as_posix()
            if path not in named:
                raise ApplyError(
                    f"git found a file in the patch that was not: '{path}'"
                )
