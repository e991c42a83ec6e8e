"""Run git's plumbing on a repository so that it reads objects and does no more.

The repository is the user's, its content anybody's.  Nothing that a repository
can name is run: no hooks, filters, textconv, external diff, fsmonitor, pager or
helper; no object is fetched that is missing, no lock taken, nothing written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import TreeError, UsageError

if TYPE_CHECKING:
    from git import Git

__all__ = ["Plumbing"]

# Keys whose value is a program, or makes git do more than read: what is given
# here counts more than any file, included ones as well.
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.alternateRefsCommand": "",
    "core.bare": "true",
    "core.useReplaceRefs": "false",
    "core.logAllRefUpdates": "false",
    "core.bigFileThreshold": "512m",
    "diff.external": "",
    "diff.ignoreSubmodules": "all",
    "log.showSignature": "false",
    "log.mailmap": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "credential.helper": "",
    "submodule.recurse": "false",
}
# Left set by a hook that runs us, or by a user; each would lead git elsewhere.
_EMPTIED = (
    "GIT_ALLOW_PROTOCOL",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG_PARAMETERS",
    "GIT_NAMESPACE",
)


class Plumbing:
    """One repository's git, with an environment that leads nowhere else."""

    def __init__(self, git_dir: Path, common_dir: Path) -> None:
        self._git_dir = git_dir
        self._environment = {
            # Told, not searched for: so it does not matter who owns it.
            "GIT_DIR": str(git_dir),
            "GIT_COMMON_DIR": str(common_dir),
            "GIT_OBJECT_DIRECTORY": str(common_dir / "objects"),
            "GIT_WORK_TREE": str(git_dir),
            "GIT_INDEX_FILE": str(git_dir / "no-index"),  # not there: an empty one
            "GIT_GRAFT_FILE": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_PAGER": "cat",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_TRACE": "0",
            "GIT_CONFIG_COUNT": str(len(_SETTINGS)),
        }
        self._environment |= dict.fromkeys(_EMPTIED, "")
        for number, (key, value) in enumerate(_SETTINGS.items()):
            self._environment[f"GIT_CONFIG_KEY_{number}"] = key
            self._environment[f"GIT_CONFIG_VALUE_{number}"] = value

    def _git(self) -> Git:
        try:
            from git import Git  # starts git once: only where it is needed
        except ImportError as error:
            raise UsageError(
                "git cannot be run: install git or put it on PATH"
            ) from error
        return Git(str(self._git_dir))

    def ask(
        self, *arguments: str, given: bytes = b"", seconds: float | None = None
    ) -> tuple[int, bytes, str]:
        """Run a command; returns its status, its output and what it complains of."""
        with tempfile.TemporaryFile(prefix="harness-") as stream:
            stream.write(given)
            stream.seek(0)
            status, output, complaint = self._git().execute(
                ["git", *arguments],
                istream=stream,
                with_extended_output=True,
                with_exceptions=False,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
                kill_after_timeout=seconds,
                env=self._environment,
            )
        said = complaint if isinstance(complaint, str) else os.fsdecode(complaint)
        assert isinstance(output, bytes)
        return int(status), output, said

    def output(self, *arguments: str, given: bytes = b"") -> bytes:
        """Return what a command prints; it must not fail."""
        status, output, complaint = self.ask(*arguments, given=given)
        if status != 0:
            self.fail(complaint)
        return output

    def fail(self, complaint: str) -> None:
        """Tell what git could not do."""
        lines = complaint.strip().splitlines() or ["git failed"]
        why = lines[-1].removeprefix("fatal: ").removeprefix("error: ")
        raise TreeError(f"cannot read the repository '{self._git_dir}': {why}")

    def contents(self, oids: Sequence[str]) -> list[bytes]:
        """Return blobs, in the order of their full ids."""
        listing = "".join(f"{oid}\n" for oid in oids).encode()
        output = self.output("cat-file", "--batch", "--buffer", given=listing)
        found = []
        at = 0
        for oid in oids:
            end = output.find(b"\n", at)
            header = output[at:end].split(b" ")
            if len(header) != 3 or header[1] != b"blob":
                raise TreeError(
                    f"the repository '{self._git_dir}' lacks the file content {oid}: "
                    "fetch it (the clone is partial or damaged)"
                )
            size = int(header[2])
            found.append(output[end + 1 : end + 1 + size])
            at = end + 1 + size + 1
        return found
