"""Lowered C computes what the compiler's code computes.

The snippets run natively on an LP64 little-endian host, whose layout and
arithmetic are those of AArch64 once plain char is unsigned.
"""

from __future__ import annotations

import ctypes
import platform
import re
import subprocess
from pathlib import Path

import pytest
from running import execution

from harness.frontend.unit import lower_text
from harness.ir.nodes import Unit

SNIPPETS = Path(__file__).with_name("snippets.c")
ARGUMENTS = (
    *((0, 0), (1, 2), (2, 1), (5, 3), (9, 8), (300, 0xFE), (-1, 0xFF)),
    *((-77, 65535), (1000, -2), (123456, 654321)),
)


@pytest.fixture(scope="module")
def preprocessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snippets") / "snippets.i"
    command = ["cc", "-std=gnu99", "-E", str(SNIPPETS), "-o", str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="module")
def unit(preprocessed: Path) -> Unit:
    return lower_text(preprocessed.read_text(), "snippets.c")


@pytest.fixture(scope="module")
def native(preprocessed: Path) -> ctypes.CDLL:
    if platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("needs an LP64 little-endian host")
    library = preprocessed.with_suffix(".so")
    flags = ["-std=gnu99", "-funsigned-char", "-w", "-O0", "-shared", "-fPIC"]
    command = ["cc", *flags, str(SNIPPETS), "-o", str(library)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


NAMES = re.findall(r"^long (t_\w+)", SNIPPETS.read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_same_result(name: str, unit: Unit, native: ctypes.CDLL) -> None:
    function = getattr(native, name)
    function.restype = ctypes.c_long
    function.argtypes = (ctypes.c_long, ctypes.c_long)
    run = execution(unit)
    for a, b in ARGUMENTS:
        assert run.call(name, a, b) == function(a, b), (name, a, b)


def test_snippets_are_found() -> None:
    assert len(NAMES) > 15
