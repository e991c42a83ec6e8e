"""The command line: exit codes, streams, and how it fails."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from report_samples import AUDIT, CLEAN, INCONCLUSIVE, UNSAFE

from harness.check import pipeline
from harness.check.pipeline import CheckRequest
from harness.check.result import Result
from harness.cli import main
from harness.errors import ApplyError, Unsupported
from reference_model.coordinates import Coord
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES

Outcome = Result | BaseException
EVERY = (*ARCHITECTURE_PROFILES, *AARCH32_PROFILES)
COORD = Coord("xen/arch/arm/mmu/p2m.c", 12)


class Pipeline:
    """Stands for the pipeline: keeps what it was asked, answers as told."""

    def __init__(self) -> None:
        self.outcome: Outcome = CLEAN
        self.requests: list[CheckRequest] = []

    def __call__(self, request: CheckRequest) -> Result:
        self.requests.append(request)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Replace the pipeline."""
    stub = Pipeline()
    monkeypatch.setattr(pipeline, "check", stub)
    monkeypatch.setattr(pipeline, "audit", stub)
    return stub


@pytest.fixture
def patch(tmp_path: Path) -> str:
    """Return the name of a patch file."""
    path = tmp_path / "a.patch"
    path.write_bytes(b"--- a/x\n+++ b/x\n")
    return str(path)


@pytest.mark.parametrize(
    ("outcome", "option", "code"),
    [
        (CLEAN, None, 0),
        (CLEAN, "--require-conclusive", 0),
        (CLEAN, "--bisect", 0),
        (CLEAN, "--exit-zero", 0),
        (UNSAFE, None, 1),
        (UNSAFE, "--require-conclusive", 1),
        (UNSAFE, "--bisect", 1),
        (UNSAFE, "--exit-zero", 0),
        (INCONCLUSIVE, None, 0),
        (INCONCLUSIVE, "--require-conclusive", 3),
        (INCONCLUSIVE, "--bisect", 125),
        (INCONCLUSIVE, "--exit-zero", 0),
        (ApplyError("hunk does not apply", COORD), None, 2),
        (ApplyError("hunk does not apply", COORD), "--require-conclusive", 2),
        (ApplyError("hunk does not apply", COORD), "--bisect", 125),
        (ApplyError("hunk does not apply", COORD), "--exit-zero", 2),
        (Unsupported(COORD, "inline asm 'hvc'"), None, 2),
        (Unsupported(COORD, "inline asm 'hvc'"), "--require-conclusive", 3),
        (Unsupported(COORD, "inline asm 'hvc'"), "--bisect", 125),
        (RuntimeError("boom"), None, 2),
        (RuntimeError("boom"), "--bisect", 125),
        (RuntimeError("boom"), "--exit-zero", 2),
        (KeyboardInterrupt(), None, 130),
    ],
)
def test_exit_codes(
    stub: Pipeline, patch: str, outcome: Outcome, option: str | None, code: int
) -> None:
    stub.outcome = outcome
    arguments = ["check", patch, *([option] if option else [])]
    assert main(arguments) == code


def test_an_error_is_one_line_that_says_where(
    stub: Pipeline, patch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.outcome = ApplyError("hunk does not apply: rebase the patch", COORD)
    main(["check", patch])
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "harness: error: xen/arch/arm/mmu/p2m.c:12: "
        "hunk does not apply: rebase the patch\n"
    )


def test_unsupported_says_inconclusive(
    stub: Pipeline, patch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.outcome = Unsupported(COORD, "inline asm 'hvc'")
    main(["check", patch])
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "harness: inconclusive: xen/arch/arm/mmu/p2m.c:12: inline asm 'hvc'\n"
    )


def test_an_internal_error_is_one_line_without_a_traceback(
    stub: Pipeline,
    patch: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HARNESS_DEBUG", raising=False)
    stub.outcome = RuntimeError("boom\nbang")
    assert main(["check", patch]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"harness: internal error: RuntimeError at test_cli\.py:\d+: boom\\nbang; "
        r"please report \(HARNESS_DEBUG=1 shows more\)\n",
        err,
    )
    monkeypatch.setenv("HARNESS_DEBUG", "1")
    main(["check", patch])
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def _fail() -> None:
    raise ValueError("in another process")


def test_an_internal_error_of_a_worker_says_where_it_was(
    stub: Pipeline, patch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        error = pool.submit(_fail).exception()
    assert error is not None
    stub.outcome = error
    assert main(["check", patch]) == 2
    assert re.search(r"ValueError at test_cli\.py:\d+: in an", capsys.readouterr().err)


def test_an_interrupt_is_quiet(
    stub: Pipeline, patch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.outcome = KeyboardInterrupt()
    main(["check", patch])
    assert capsys.readouterr() == ("", "")


def test_the_report_goes_to_stdout_and_nothing_to_stderr(
    stub: Pipeline, patch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.outcome = UNSAFE
    main(["check", patch])
    out, err = capsys.readouterr()
    assert out.endswith("harness: unsafe: 2 new errors, 1 unchanged, 1 fixed\n")
    assert err == ""
    assert "\x1b" not in out


def test_json_is_one_document(
    stub: Pipeline, patch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.outcome = UNSAFE
    assert main(["check", patch, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdict"] == "unsafe"


def test_quiet_and_verbose(
    stub: Pipeline, patch: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.outcome = UNSAFE
    main(["check", patch, "-q"])
    assert len(capsys.readouterr().out.splitlines()) == 4
    main(["check", patch, "-v"])
    assert "error[bbm-size-change]" in capsys.readouterr().out


def test_what_is_asked_of_the_pipeline(stub: Pipeline, patch: str) -> None:
    main(["check", patch])
    (request,) = stub.requests
    assert request.patch == b"--- a/x\n+++ b/x\n"
    assert request.patch_name == patch
    assert request.tree is None
    assert request.profiles == EVERY
    assert request.scenarios is None
    assert request.jobs is None
    options = "--profile P0-v8.0,P3-bbml2 --scenario unmap-4k,a/b --jobs 3"
    main(["check", patch, "--tree", "/t", *options.split()])
    request = stub.requests[1]
    assert request.tree == Path("/t")
    assert request.profiles == ("P0-v8.0", "P3-bbml2")
    assert request.scenarios == ("unmap-4k", "a/b")
    assert request.jobs == 3


def test_audit_takes_no_patch(
    stub: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.outcome = AUDIT
    assert main(["audit", "--tree", "/t"]) == 1
    assert stub.requests[0].patch is None
    assert "tree:  " in capsys.readouterr().out
    assert main(["audit", "a.patch"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chekc"],
        ["check", "a", "b"],
        ["check", "a", "--format", "xml"],
        ["check", "a", "--jobs", "0"],
        ["check", "a", "--jobs", "many"],
        ["check", "a", "--profile", ","],
        ["check", "a", "--bis"],
        ["check", "a", "--exit-zero", "--require-conclusive"],
        ["check", "a", "-q", "-v"],
    ],
)
def test_usage_errors(
    stub: Pipeline, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert main([*arguments, "--bisect"]) == 125
    assert capsys.readouterr().out == ""
    assert stub.requests == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--example", "bad_nothing"], "no example 'bad_nothing': there are "),
        (["check", "x", "--example", "y"], "--example comes with its own patch"),
        (["audit", "--profile", "P9"], "no profile 'P9': 'harness profiles'"),
    ],
)
def test_errors_before_the_pipeline(
    stub: Pipeline,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"harness: error: {message}")
    assert err.count("\n") == 1
    assert stub.requests == []


def test_a_patch_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("/nowhere/a.patch", str(tmp_path), "a\0b"):
        assert main(["check", name]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
    main(["check", "/nowhere/a.patch"])
    message = "harness: error: cannot read patch '/nowhere/a.patch': no such file, and"
    assert capsys.readouterr().err.startswith(message)


def test_all_among_profiles_means_all(stub: Pipeline, patch: str) -> None:
    main(["check", patch, "--profile", "P0-v8.0,all"])
    assert stub.requests[0].profiles == EVERY


def test_an_example_is_checked_against_the_embedded_base(
    stub: Pipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--example", "bad_unmap_no_flush"]) == 0
    (request,) = stub.requests
    assert request.patch is not None
    assert request.patch.startswith(b"From ")
    assert request.cwd == request.embedded
    assert request.tree is None


def test_scenarios_lists_them(
    base_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenarios"]) == 0
    every = capsys.readouterr().out
    assert "unmap-4k/own-vttbr/2-pcpus" in every
    assert max(map(len, every.splitlines())) <= 80
    assert main(["scenarios", "--tree", str(base_tree)]) == 0
    names, shown = (
        [line.split()[0] for line in text.splitlines() if line[:1] != " "]
        for text in (every, capsys.readouterr().out)
    )
    assert len(shown) > 80
    assert [name for name in names if name in shown] == shown
    # What no tree of this version has, or this one does not come with.
    assert {name.partition("/")[0] for name in set(names) - set(shown)} >= {"set-way"}
    assert main(["scenarios", "--tree", "/"]) == 2


def test_version_names_tool_model_and_parser(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(
        r"harness \d+\.\d+\.\d+, model \S+\+[0-9a-f]{12}, pycparser 3\.\d+\n",
        capsys.readouterr().out,
    )


# ------------------------------------------------------- as a process of its own


REPOSITORY = Path(__file__).resolve().parents[2]


def _environment(**more: str) -> dict[str, str]:
    """Return one in which the checkout is found from any directory."""
    return os.environ | {"PYTHONPATH": str(REPOSITORY)} | more


def _process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments],
        capture_output=True,
        check=False,
        timeout=120,
        **options,
    )


@pytest.mark.parametrize("arguments", [["check", "-"], ["check"]])
def test_a_patch_from_a_pipe(arguments: list[str], tmp_path: Path) -> None:
    done = _process(
        *arguments, input=b"no diff in here\n", cwd=tmp_path, env=_environment()
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"harness: error: <stdin>:1: no diff found")


def test_a_reader_that_has_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "harness", "profiles"],
            stdout=closed,
            stderr=subprocess.PIPE,
            env=_environment(),
            check=False,
            timeout=60,
        )
    assert done.stderr == b""
    assert done.returncode == 2


def test_output_that_is_not_utf8_loses_nothing(tmp_path: Path) -> None:
    environment = _environment(PYTHONIOENCODING="ascii")
    done = _process("check", str(tmp_path / "naïve.patch"), env=environment)
    assert done.returncode == 2
    assert b"na\\xefve.patch" in done.stderr
