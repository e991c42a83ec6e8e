"""Layouts of the ILP32 data model against the compiler for 32-bit Arm.

Every type of a tree is compared: the compiler checks an assertion for the size
of each and for the place of each of its members.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.frontend.architecture import ARM32
from harness.frontend.build import build_of
from harness.frontend.preprocess import preprocess
from harness.frontend.unit import lower_text
from harness.ir.data_model import ILP32
from harness.ir.layout import size_of
from harness.ir.types import CType, Integer, Pointer, Record

COMPILER = "arm-linux-gnueabihf-gcc"
FLAGS = ("-std=gnu99", "-w", "-mcpu=cortex-a15", "-marm", "-fsyntax-only", "-xc", "-")

pytestmark = pytest.mark.skipif(
    shutil.which(COMPILER) is None, reason=f"needs {COMPILER}"
)


def assertions(types: dict[str, CType]) -> Iterator[str]:
    for name, ctype in sorted(types.items()):
        if isinstance(ctype, Record) and ctype.size is None:
            continue
        if not isinstance(ctype, Record | Integer | Pointer) or "va_list" in name:
            continue
        yield f"sizeof({name}) == {size_of(ctype)}"
        for member in ctype.members if isinstance(ctype, Record) else ():
            if member.name and member.bit_width is None:
                yield f"__builtin_offsetof({name}, {member.name}) == {member.offset}"


def refused(text: str, checks: list[str]) -> list[str]:
    lines = [text]
    lines += [f'_Static_assert({check}, "{check}");' for check in checks]
    source = "\n".join(lines)
    found = subprocess.run(
        [COMPILER, *FLAGS], input=source, capture_output=True, text=True, check=False
    )
    return re.findall(r"error: (.*)", found.stderr)


def compare(root: Path, files: tuple[str, ...], work: Path) -> int:
    build = build_of(root, files[0], architecture=ARM32)
    text = preprocess(root, files, generated=work, build=build, architecture=ARM32).text
    unit = lower_text(text, files[0], ILP32)
    checks = [*assertions(unit.records), *assertions(unit.typedefs)]
    assert refused(text, checks) == []
    return len(checks)


def test_the_embedded_tree(base_tree: Path, tmp_path: Path) -> None:
    files = ("xen/arch/arm/mmu/p2m.c", "xen/arch/arm/p2m.c")
    assert compare(base_tree.resolve(), files, tmp_path) > 100


@pytest.mark.parametrize(
    ("version", "files"),
    [
        ("4.17.5", ("xen/arch/arm/p2m.c",)),
        ("4.20.3", ("xen/arch/arm/mmu/p2m.c", "xen/arch/arm/p2m.c")),
    ],
)
def test_real_trees(
    version: str,
    files: tuple[str, ...],
    xen_tree: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    assert compare(xen_tree(version), files, tmp_path) > 2000


def test_it_would_notice() -> None:
    unit = lower_text("struct s { long a; char b; long long c; void *d; };", "a.c")
    checks = list(assertions(unit.records))
    assert len(refused("struct s { long a; char b; long long c; void *d; };", checks))


DEFINITIONS = """
enum small { A, B = 200 }; enum wide { C = 0x100000000ULL };
struct bits { unsigned long a:3; unsigned long long b:36; unsigned c:4; char d:2; };
struct __attribute__((packed)) tight { unsigned long a:12; unsigned long long b:36;
    unsigned long c:16; };
struct zero { char a; int :0; char b; };
struct odd { char a; long long b; short c; };
struct widest { char a __attribute__((aligned)); };
union mixed { long long a; void *p; struct odd o; };
typedef int word __attribute__((mode(word)));
typedef int pointer_wide __attribute__((mode(pointer)));
typedef int double_wide __attribute__((mode(DI)));
typedef __typeof__(sizeof(int)) size; typedef __typeof__((char *)0 - (char *)0) diff;
typedef __typeof__(0x80000000) unsigned_constant;
typedef __typeof__(4294967296) long_long_constant;
"""


def test_what_differs_between_the_data_models() -> None:
    unit = lower_text(DEFINITIONS, "a.c", ILP32)
    checks = [*assertions(unit.records), *assertions(unit.typedefs)]
    checks += [
        "__builtin_types_compatible_p(size, unsigned int)",
        "__builtin_types_compatible_p(diff, int)",
        "__builtin_types_compatible_p(unsigned_constant, unsigned int)",
        "__builtin_types_compatible_p(long_long_constant, long long)",
    ]
    assert refused(DEFINITIONS, checks) == []
    names = {name: str(ctype) for name, ctype in unit.typedefs.items()}
    assert names["size"] == "unsigned int"
    assert names["diff"] == "int"
    assert names["unsigned_constant"] == "unsigned int"
    assert names["long_long_constant"] == "long long"
