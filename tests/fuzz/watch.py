"""Watch what the program touches: files that it writes, programs that it runs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["TooSlow", "limited", "touched", "watching"]

# git reads and applies patches, the compiler preprocesses.
_PROGRAMS = frozenset({"git", "cc", "gcc", "c99", "clang"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.mkdir": (0,),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.chmod": (0,),
    "os.truncate": (0,),
}

touched: list[str] = []
_allowed: list[tuple[Path, ...]] = []


class TooSlow(BaseException):
    """One input took too long; no handler of the program catches it."""


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _allowed:
        return
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & _WRITES
        if writes and not isinstance(path, int):
            _check(event, path)
    elif event in _PATHS:
        for number in _PATHS[event]:
            _check(event, _placed(arguments, number))
    elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        program = arguments[0] or (arguments[1] or [""])[0]  # type: ignore[index]
        if Path(os.fsdecode(program)).name not in _PROGRAMS:  # type: ignore[arg-type]
            touched.append(f"{event} {program!r}")
    elif event.startswith("socket.") and event != "socket.__new__":
        touched.append(event)


def _placed(arguments: tuple[object, ...], number: int) -> object:
    """Return a path argument; one that is relative to an open directory with it."""
    path = arguments[number]
    directory = arguments[-1]
    if isinstance(path, str) and isinstance(directory, int) and directory >= 0:
        return os.path.join(os.readlink(f"/proc/self/fd/{directory}"), path)
    return path


def _check(event: str, path: object) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    where = Path(os.path.abspath(os.fsdecode(path)))
    if where == Path(os.devnull) or "__pycache__" in where.parts:
        return
    if not any(where.is_relative_to(each) for each in _allowed[-1]):
        touched.append(f"{event} {where}")


sys.addaudithook(_hook)


@contextmanager
def watching(*allowed: Path) -> Iterator[None]:
    """Record in ``touched`` what is written outside, and programs not expected."""
    _allowed.append(tuple(path.resolve() for path in allowed))
    try:
        yield
    finally:
        _allowed.pop()


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the body after so many seconds of the clock."""

    def late(_: int, __: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
