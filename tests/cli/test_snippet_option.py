"""``harness check --snippet``: C without a diff, checked as one."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from harness.cli import main

# The embedded base flushes here; this does not.
SNIPPET = """\
void p2m_force_tlb_flush_sync(struct p2m_domain *p2m)
{
    p2m->need_flush = false;
}
"""
OPTIONS = (
    "--jobs=1",
    "--scenario=unmap-4k-in-2m/own-vttbr/1-pcpu",
    "--profile=P0-v8.0",
)
PLACE = "p2m_force_tlb_flush_sync replaces xen/arch/arm/mmu/p2m.c:"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a directory that is no Xen tree."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_snippet_is_checked_in_the_embedded_base(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "candidate.c").write_text(SNIPPET)
    assert main(["check", "--snippet", "candidate.c", *OPTIONS]) == 1
    report = capsys.readouterr().out
    assert PLACE in report
    assert "error[bbm-make-before-tlbi-complete]" in report


def test_a_snippet_may_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = io.TextIOWrapper(io.BytesIO(f"> {SNIPPET}".replace("\n", "\n> ").encode()))
    monkeypatch.setattr(sys, "stdin", text)
    assert main(["check", "--snippet", "-", *OPTIONS]) == 1
    assert PLACE in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--snippet", "absent.c"], "cannot read snippet 'absent.c'"),
        (["--snippet", "a\0b.c"], "cannot read snippet"),
        (["--snippet", "candidate.c", "a.patch"], "--snippet is checked by itself"),
        (["--snippet", "candidate.c"], "candidate.c:1: a statement outside a function"),
        (["--snippet", "candidate.c", "--example", "x"], "--example comes with"),
    ],
)
def test_what_cannot_be_checked_is_an_error(
    elsewhere: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    (elsewhere / "candidate.c").write_text("if ( x ) return;\n")
    assert main(["check", *arguments]) == 2
    assert said in capsys.readouterr().err
