"""Run the files of ``.ci/examples`` as those would who copy them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_history import QUICK, REPOSITORY, git
from ruamel.yaml import YAML

EXAMPLES = REPOSITORY / ".ci/examples"
# A harness that runs no more than one scenario where it runs one at all.
_PROGRAM = """#!/bin/sh
case $1 in
    check) exec {harness} "$@" {quick} ;;
    *) exec {harness} "$@" ;;
esac
"""


def read_yaml(name: str) -> Any:
    """Return what an example holds."""
    return YAML(typ="safe").load((EXAMPLES / name).read_text(encoding="utf-8"))


@dataclass
class Home:
    """A user's home: programs, configuration and nothing of the tester's."""

    path: Path
    more: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path) -> Home:
        """Make it."""
        programs = path / "bin"
        programs.mkdir(parents=True)
        harness = shlex.join([sys.executable, "-m", "harness"])
        program = programs / "harness"
        program.write_text(_PROGRAM.format(harness=harness, quick=shlex.join(QUICK)))
        program.chmod(0o755)
        (path / ".gitconfig").write_text(
            "[user]\n\tname = A\n\temail = a@example.com\n"
            '[protocol "file"]\n\tallow = always\n'
        )
        return cls(path)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of a program that the user starts."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        programs = [str(self.path / "bin"), str(Path(sys.executable).parent)]
        return (
            kept
            | {
                "HOME": str(self.path),
                "XDG_CACHE_HOME": str(self.path / ".cache"),
                "XDG_CONFIG_HOME": str(self.path / ".config"),
                "XDG_DATA_HOME": str(self.path / ".local"),
                "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
                "PYTHONPATH": str(REPOSITORY),
                "GIT_CONFIG_NOSYSTEM": "1",
                "LC_ALL": "C.UTF-8",
                "TERM": "dumb",
            }
            | self.more
        )

    def run(
        self, directory: Path, *command: str, given: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program; its two streams are one, as on a terminal."""
        return subprocess.run(
            command,
            cwd=directory,
            env=self.environment | more,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=500,
        )

    def bash(
        self, directory: Path, script: str, *options: str, **more: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script by bash, with the options that a runner gives it."""
        return self.run(directory, "bash", *options, "-c", script, **more)


def commit_patch(top: Path, patch: Path, subject: str, body: str = "") -> str:
    """Apply a patch and commit it; return the commit."""
    git(top, "apply", str(patch))
    return commit_all(top, subject, body)


def commit_all(top: Path, subject: str, body: str = "") -> str:
    """Commit all there is; return the commit."""
    git(top, "add", "-A")
    signed = "Signed-off-by: A <a@example.com>"
    message = f"{subject}\n\n{body or 'It is time for it.'}\n\n{signed}\n"
    git(top, "commit", "-q", "-m", message)
    return git(top, "rev-parse", "HEAD").strip()
