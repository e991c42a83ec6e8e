"""What the real ``b4 am -o-`` writes, where b4 is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from histories import (
    MESSAGES,
    assert_same_trees,
    awkward_history,
    format_patch,
    mails,
)

from harness.errors import PatchError
from harness.series import read_series

pytest.importorskip("b4", reason="b4 is not installed")

LORE = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    top = tmp_path_factory.mktemp("history")
    return top, awkward_history(top)


def am(top: Path, home: Path, span: str, *options: str) -> bytes:
    """Give b4 a thread as lore has it; return the mailbox it writes."""
    written = format_patch(
        top, span, "--thread", "--cover-letter", "--pretty=mboxrd", *options
    )
    thread = home / "thread.mbox"
    thread.write_bytes(b"".join(LORE + mail for mail in mails(written)))
    found = re.search(rb"^Message-Id: <(.*)>", written, re.M | re.I)
    assert found is not None
    own = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
    environment = os.environ | dict.fromkeys(own, str(home))
    command = [sys.executable, "-m", "b4.command", "--offline-mode"]
    settings = ["-c", "b4.attestation-policy=off"]
    return subprocess.run(
        [*command, *settings, "am", "-o-", "-m", str(thread), found[1].decode()],
        cwd=top,
        env=environment | {"GIT_CONFIG_GLOBAL": os.devnull},
        check=True,
        capture_output=True,
    ).stdout


def test_series(history: tuple[Path, list[str]], tmp_path: Path) -> None:
    top, ids = history
    data = am(top, tmp_path, f"{ids[0]}..{ids[2]}", "-v2")
    assert data.startswith(b"From git@z Thu Jan  1 00:00:00 1970\n")
    series = read_series(data, "<stdin>")
    assert_same_trees(top, ids[:3], series)
    titles = [message.partition("\n")[0] for message in MESSAGES[:2]]
    assert [patch.subject for patch in series.patches] == titles
    assert {(patch.version, patch.total) for patch in series.patches} == {(2, 2)}
    assert all(patch.message_id for patch in series.patches)
    assert series.notes == ()


def test_moves(history: tuple[Path, list[str]], tmp_path: Path) -> None:
    top, ids = history
    data = am(top, tmp_path, f"{ids[4]}..{ids[5]}")
    assert_same_trees(top, ids[4:], read_series(data, "<stdin>"))


def test_what_b4_damages_is_not_guessed(
    history: tuple[Path, list[str]], tmp_path: Path
) -> None:
    top, ids = history
    data = am(top, tmp_path, f"{ids[2]}..{ids[3]}")
    assert b"\r" not in data
    with pytest.raises(PatchError, match=r"^x:\d+: hunk is longer than its header"):
        read_series(data, "x")
