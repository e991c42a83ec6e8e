"""What a terminal shows: width, colour, progress; and what a pipe gets."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.report.formats import FORMATS

REPOSITORY = Path(__file__).resolve().parents[2]
QUICK = ("--scenario", "unmap-4k/own-vttbr/1-pcpu", "--profile", "P0-v8.0")
# Nothing to do means no progress.
AFRESH = {"HARNESS_NO_CACHE": "1"}
EXAMPLE = ("check", "--example", "bad_unmap_no_flush", *QUICK)
COLUMNS = 80
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ERASE = "\r\x1b[K"


@dataclass(frozen=True)
class Shown:
    """What came out, of a terminal and of pipes."""

    code: int
    terminal: str
    out: bytes
    err: bytes

    @property
    def lines(self) -> list[str]:
        """Return the lines that stay on the terminal."""
        every = self.terminal.split("\n")
        return [COLOUR.sub("", line.rpartition(ERASE)[2]) for line in every]


def run(*arguments: str, out: bool = True, err: bool = True, **variables: str) -> Shown:
    """Run the program; its streams go to a terminal or to pipes."""
    ours, theirs = pty.openpty()
    size = struct.pack("HHHH", 24, COLUMNS, 0, 0)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    dropped = ("NO_COLOR", "COLUMNS", "PYTHONIOENCODING", "LC_ALL", "LANG")
    kept = {k: v for k, v in os.environ.items() if k not in dropped}
    with subprocess.Popen(
        [sys.executable, "-m", "harness", *arguments],
        cwd=REPOSITORY,
        env=kept | {"TERM": "xterm", "LC_ALL": "C.UTF-8"} | variables,
        stdin=subprocess.DEVNULL,
        stdout=theirs if out else subprocess.PIPE,
        stderr=theirs if err else subprocess.PIPE,
    ) as process:
        os.close(theirs)
        data = b""
        with contextlib.suppress(OSError):  # Linux says so when the program has ended
            while piece := os.read(ours, 1 << 16):
                data += piece
        os.close(ours)
        piped, complaint = process.communicate()
    text = data.decode().replace("\r\n", "\n")
    return Shown(process.returncode, text, piped or b"", complaint or b"")


TALK: dict[str, tuple[str, ...]] = {
    "help": ("--help",),
    "check": EXAMPLE,
    "check -v": (*EXAMPLE, "-v"),
    "audit": ("audit", "--tree", "patches/base", *QUICK),
    "audit -v": ("audit", "--tree", "patches/base", *QUICK, "-v"),
    "scenarios": ("scenarios",),
    "profiles": ("profiles",),
    "profiles of a core": ("profiles", "Cortex-A76"),
    "assumptions": ("assumptions",),
    "explain": ("explain", "missing-tlbi-after-unmap"),
    "rules": ("rules",),
    "litmus": ("litmus", "tests/litmus/pkvm"),
    "litmus --explain": ("litmus", "--explain", "tests/litmus/pkvm"),
    "litmus --format": ("litmus", "--format"),
    "cost": ("cost", "--tree", "patches/base"),
    **{
        f"{name} --help": (name, "--help")
        for name in ("check", "audit", "cost", "replay", "litmus", "profiles")
    },
}


@pytest.mark.parametrize("arguments", TALK.values(), ids=TALK.keys())
def test_all_fits_the_terminal_and_is_ascii(arguments: tuple[str, ...]) -> None:
    shown = run(*arguments)
    assert shown.code in (0, 1), shown.terminal
    assert [line for line in shown.lines if len(line) > COLUMNS] == []
    assert "\n".join(shown.lines).isascii()
    # Nothing but colours and the line that is erased again.
    left = COLOUR.sub("", shown.terminal.replace(ERASE, ""))
    assert left.isprintable() or {c for c in left if not c.isprintable()} == {"\n"}


@pytest.fixture(scope="module")
def report() -> str:
    """Return the report of the example as a pipe gets it."""
    shown = run(*EXAMPLE, out=False, err=False)
    assert (shown.code, shown.err, shown.terminal) == (1, b"", "")
    return shown.out.decode("ascii")


def _without_time(text: str) -> str:
    return re.sub(r"\b\d+(\.\d+)? s\b", "", text)


def test_a_terminal_has_colours_and_a_pipe_has_none(report: str) -> None:
    shown = run(*EXAMPLE)
    assert COLOUR.search(shown.terminal)
    assert not COLOUR.search(report)
    assert _without_time("\n".join(shown.lines)) == _without_time(report)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_who_wants_no_colours_gets_none(variables: dict[str, str], report: str) -> None:
    shown = run(*EXAMPLE, **variables, **AFRESH)
    assert not COLOUR.search(shown.terminal)
    assert _without_time("\n".join(shown.lines)) == _without_time(report)
    assert (ERASE in shown.terminal) == ("TERM" not in variables)


def test_progress_goes_to_a_terminal_alone() -> None:
    on_terminal = run(*EXAMPLE, out=False, **AFRESH)
    assert on_terminal.terminal.startswith(ERASE)
    assert on_terminal.terminal.endswith(ERASE)
    assert "unmap-4k/own-vttbr/1-pcpu" in on_terminal.terminal
    assert "\n" not in on_terminal.terminal
    quiet = run(*EXAMPLE, "-q", out=False, **AFRESH)
    assert quiet.terminal == ""
    piped = run(*EXAMPLE, err=False, **AFRESH)
    assert piped.err == b""
    assert ERASE not in piped.terminal


@pytest.mark.parametrize("name", ["profiles", "rules", "assumptions"])
def test_what_is_there_at_once_has_no_progress(name: str) -> None:
    assert "\x1b" not in run(name).terminal


def test_quiet_is_a_line_for_each_finding() -> None:
    lines = run(*EXAMPLE, "-q", out=False, err=False).out.decode().splitlines()
    assert len(lines) == 2
    assert re.match(r"xen/\S+:\d+: ERROR:missing-tlbi-after-unmap: ", lines[0])
    assert lines[1].startswith("harness: unsafe: 1 new error")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Shown]:
    """Return a function that checks a patch whose subject is not ASCII."""
    patch = tmp_path_factory.mktemp("patch") / "p.patch"
    example = REPOSITORY / "patches/bad_unmap_no_flush.patch"
    text = re.sub(
        r"(?m)^Subject: .*", "Subject: [PATCH] Über 漢字", example.read_text()
    )
    text = re.sub(r"(?m)^From: .*", "From: Jürgen <j@example.com>", text)
    patch.write_text(text, encoding="utf-8")
    name = str(patch)

    def check(form: str, **variables: str) -> Shown:
        more = ("--tree", "patches/base", "--format", form, *QUICK)
        return run("check", name, *more, out=False, err=False, **variables)

    return check


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_text_is_what_the_terminal_can_show(
    encoding: str, foreign: Callable[..., Shown]
) -> None:
    out = foreign("text", PYTHONIOENCODING=encoding).out.decode(encoding)
    wanted = "\\xdcber" if encoding == "ascii" else "Über"
    assert f"patch: {wanted} \\u6f22\\u5b57 " in out
    assert "patch: Über 漢字 " in foreign("text").out.decode()


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "text"])
def test_what_programs_read_is_utf8_everywhere(
    form: str, foreign: Callable[..., Shown]
) -> None:
    here, elsewhere = foreign(form), foreign(form, PYTHONIOENCODING="latin-1")
    time = re.compile(rb'"seconds": [\d.]+|[\d.]+ s\b')
    assert time.sub(b"", here.out) == time.sub(b"", elsewhere.out)
    assert "Über" not in here.out.decode("utf-8") or b"\xc3\x9cber" in elsewhere.out
