"""The README shows the files of ``.ci/examples`` and nothing else."""

from __future__ import annotations

import re

from example_files import EXAMPLES
from git_history import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## In CI, with b4 and with git\n")[1].split("\n## ")[0]


def test_the_readme_shows_the_files() -> None:
    shown = re.findall(r"^```(?:yaml|sh)\n(.*?)^```$", SECTION, re.M | re.S)
    files = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(EXAMPLES.iterdir())
    }
    assert sorted(shown) == sorted(files.values())
    assert "`git bisect run harness check --bisect --tree .`" in " ".join(
        SECTION.split()
    )


def test_what_is_a_program_can_be_run() -> None:
    hook = EXAMPLES / "sendemail-validate"
    assert hook.stat().st_mode & 0o111 == 0o111
