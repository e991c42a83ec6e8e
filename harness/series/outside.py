"""Run git outside every repository, with nobody's configuration."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from harness.errors import PatchError, UsageError

__all__ = ["run_outside"]

_SECONDS = 60.0


def _environment(directory: Path) -> dict[str, str]:
    # A directory that is no repository makes git work on plain files and
    # disregards GIT_WORK_TREE and GIT_INDEX_FILE, which hooks leave set.
    return {
        "GIT_DIR": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(directory.parent),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_COUNT": "0",
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_TRACE": "0",
    }


def run_outside(directory: Path, *arguments: str, given: bytes) -> bytes:
    """Run a git command on standard input in a directory; return its output."""
    try:
        from git import Git  # starts git once: only where a mail is read
    except ImportError as error:
        raise UsageError("git cannot be run: install git or put it on PATH") from error
    with tempfile.TemporaryFile(prefix="harness-") as stream:
        stream.write(given)
        stream.seek(0)
        status, output, complaint = Git(str(directory)).execute(
            ["git", *arguments],
            istream=stream,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=_SECONDS,
            env=_environment(directory),
        )
    if status != 0:
        said = complaint if isinstance(complaint, str) else os.fsdecode(complaint)
        lines = said.strip().splitlines() or ["no reason given"]
        raise PatchError(f"git {arguments[0]} failed: {lines[-1]}")
    assert isinstance(output, bytes)
    return output
