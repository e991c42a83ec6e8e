"""``--format`` and ``--output`` as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.cli import main
from harness.report.formats import FORMATS

QUICK = (
    "--example",
    "bad_flush_local",
    "--scenario",
    "unmap-4k/own-vttbr/2-pcpus",
    "--profile",
    "P0-v8.0",
    "--jobs",
    "1",
)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_the_rule(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *QUICK, "--format", name]) == 1
    assert "tlbi-not-broadcast" in capsys.readouterr().out


def test_several_files_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("junit", "codequality")}
    outputs = [f"--output={name}={file}" for name, file in files.items()]
    assert main(["check", *QUICK, *outputs]) == 1
    assert capsys.readouterr().out.startswith("patch: ")
    assert ElementTree.parse(files["junit"]).getroot().tag == "testsuites"
    assert len(json.loads(files["codequality"].read_text())) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        file.name for file in files.values()
    )


@pytest.mark.parametrize(
    ("output", "part"),
    [
        ("sarif", "expected FORMAT=FILE"),
        ("nonsense=x", "no format 'nonsense': there are text"),
        ("sarif=", "expected FORMAT=FILE"),
    ],
)
def test_a_mistyped_output_is_refused(
    output: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *QUICK, "--output", output]) == 2
    assert part in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = f"sarif={tmp_path / 'none' / 'file'}"
    assert main(["check", *QUICK, "--output", output]) == 2
    assert "cannot write" in capsys.readouterr().err
