"""Many tests: finding the files, reading them, running them in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from harness.errors import ParseError, UsageError
from harness.litmus.answer import Answer
from harness.litmus.parser import LARGEST_FILE, parse
from harness.litmus.run import MOST_STATES, run
from harness.litmus.test import Test

__all__ = ["find", "load", "run_all"]

_SUFFIX = ".litmus"


def find(names: Sequence[str]) -> list[str]:
    """List the files meant: those named, and the tests inside folders."""
    found: list[str] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = sorted(str(p) for p in path.rglob(f"*{_SUFFIX}") if p.is_file())
            if not inside:
                raise UsageError(f"no *{_SUFFIX} files in '{name}'")
            found.extend(inside)
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def load(name: str) -> Test:
    """Read a test from a file."""
    try:
        with Path(name).open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(f"cannot read '{name}': {error.strerror}") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"'{name}' is not text in UTF-8") from error
    return parse(text, name)


def run_all(
    files: Sequence[str],
    profile: str | None = None,
    jobs: int = 1,
    states: int = MOST_STATES,
) -> list[Answer]:
    """Run the tests of some files; an error in any of them comes first."""
    tests = [load(name) for name in files]
    one = partial(run, profile=profile, states=states)
    if jobs == 1 or len(tests) < 2:
        return [one(test) for test in tests]
    processes = min(jobs, len(tests))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(one, tests, chunksize=4))
