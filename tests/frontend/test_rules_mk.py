"""What a makefile from before Kconfig says to define."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import PreprocessError
from harness.frontend.rules_mk import rules_macros


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_macros_of_both_makefiles(tmp_path: Path) -> None:
    write(tmp_path, "xen/arch/arm/Rules.mk", "HAS_PDX := y\nCFLAGS += -I.\n")
    write(tmp_path, "config/arm64.mk", "HAS_GICV3 := y\nHAS_PDX := y\nHAS_X := n\n")
    assert rules_macros(tmp_path, "arm64") == ["-DHAS_PDX", "-DHAS_GICV3"]


def test_a_tree_with_kconfig_has_none(tmp_path: Path) -> None:
    write(tmp_path, "xen/arch/arm/Rules.mk", "HAS_PDX := y\n")
    write(tmp_path, "xen/Kconfig", "")
    assert rules_macros(tmp_path, "arm64") == []


def test_a_missing_makefile_is_named(tmp_path: Path) -> None:
    write(tmp_path, "xen/arch/arm/Rules.mk", "HAS_PDX := y\n")
    with pytest.raises(PreprocessError, match=r"config/arm64\.mk"):
        rules_macros(tmp_path, "arm64")
