"""Every patch of the corpus is in order: it applies, parses as C, and is described."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from harness.check.rules import RULES
from harness.frontend.preprocess import preprocess
from reference_model.profiles import ARCHITECTURE_PROFILES

CORPUS = Path(__file__).parents[2] / "patches"
BASE = CORPUS / "base"
PATCHES = sorted(CORPUS.glob("*.patch"))
UNITS = ("xen/arch/arm/mmu/p2m.c", "xen/arch/arm/p2m.c", "xen/arch/arm/smp.c")

each_patch = pytest.mark.parametrize("patch", PATCHES, ids=lambda p: p.stem)


def git(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a tree as if there was no repository around it."""
    return subprocess.run(
        ["git", *arguments],
        cwd=tree,
        env=os.environ | {"GIT_CEILING_DIRECTORIES": str(tree.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the base that may be changed."""
    return Path(shutil.copytree(BASE, tmp_path / "tree"))


def test_there_are_enough_of_both_kinds() -> None:
    names = [patch.stem for patch in PATCHES]
    assert all(re.fullmatch(r"(bad|good)_[a-z0-9_]+", name) for name in names)
    assert sum(name.startswith("bad_") for name in names) >= 9
    assert sum(name.startswith("good_") for name in names) >= 5


@each_patch
def test_description(patch: Path) -> None:
    described = tomllib.loads(patch.with_suffix(".toml").read_text(encoding="utf-8"))
    assert described.pop("shows").strip()
    profiles = described.pop("profiles")
    assert profiles == "all" or (profiles and set(profiles) <= {*ARCHITECTURE_PROFILES})
    if patch.stem.startswith("bad_"):
        assert described.pop("rule") in RULES
        assert described.pop("scenario")
        assert described.pop("max_steps") > 0
        assert {*described.pop("not_on", ())} <= {*ARCHITECTURE_PROFILES}
    else:
        assert {*described.pop("costs", ())} <= {*RULES}
    assert not described


def test_every_description_has_a_patch() -> None:
    assert {p.stem for p in CORPUS.glob("*.toml")} == {p.stem for p in PATCHES}


def test_readme_lists_every_patch() -> None:
    text = (CORPUS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(listed) == [patch.stem for patch in PATCHES]


def test_base_preprocesses(tmp_path: Path) -> None:
    for unit in UNITS:
        taken = preprocess(BASE, [unit], generated=tmp_path)
        assert unit in taken.files


@each_patch
def test_applies_and_preprocesses(patch: Path, tree: Path, tmp_path: Path) -> None:
    checked = git(tree, "apply", "--check", "-p1", str(patch))
    assert checked.returncode == 0, checked.stderr
    applied = git(tree, "apply", "-p1", str(patch))
    assert applied.returncode == 0, applied.stderr
    touched = re.findall(r"^\+\+\+ b/(.*)$", patch.read_text("utf-8"), re.MULTILINE)
    assert touched
    for file in touched:
        assert (tree / file).read_bytes() != (BASE / file).read_bytes()
    for unit in UNITS:
        preprocess(tree, [unit], generated=tmp_path / "generated")


@each_patch
def test_index_lines_name_the_base(patch: Path) -> None:
    text = patch.read_text(encoding="utf-8")
    pairs = re.findall(
        r"^diff --git a/(\S+) b/\1\nindex ([0-9a-f]{40})\.\.[0-9a-f]{40} 100644$",
        text,
        re.MULTILINE,
    )
    assert len(pairs) == text.count("\ndiff --git ")
    for file, blob in pairs:
        assert git(BASE, "hash-object", file).stdout.strip() == blob
