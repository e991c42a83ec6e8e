"""The configuration and the flags of a tree that was built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import TreeError
from harness.frontend.architecture import ARM32
from harness.frontend.build import build_of
from harness.frontend.flags import Flags, flags_of
from harness.frontend.preprocess import preprocess

SOURCE = "xen/arch/arm/p2m.c"
CONFIG = "CONFIG_ARM_64=y\nCONFIG_NR_CPUS=4\n# CONFIG_DEBUG is not set\n"
KCONFIG = """\
config ARM_64
\tdef_bool y
config NR_CPUS
\tint "CPUs"
\tdefault 128
config DEBUG
\tbool "Debugging"
"""
CODE = """\
int cpus = CONFIG_NR_CPUS;
#ifdef CONFIG_DEBUG
int debug;
#endif
#ifdef EXTRA
int extra = EXTRA;
#endif
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    write(root, "xen/Kconfig", KCONFIG)
    write(root, "xen/include/xen/config.h", "#include <generated/autoconf.h>\n")
    write(root, SOURCE, CODE)
    return root


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def lines(tree: Path, config: Path | None = None) -> list[str]:
    build = build_of(tree, SOURCE, config=config)
    generated = tree.parent / "generated"
    text = preprocess(tree, [SOURCE], generated=generated, build=build).text
    return [line for line in text.splitlines() if line.startswith("int")]


def test_unbuilt_tree_has_the_defaults_and_debugging(tree: Path) -> None:
    assert lines(tree) == ["int cpus = 128;", "int debug;"]
    assert build_of(tree, SOURCE).name == "defconfig, with CONFIG_DEBUG"


def test_built_tree_has_its_own_configuration(tree: Path) -> None:
    write(tree, "xen/.config", CONFIG)
    assert lines(tree) == ["int cpus = 4;"]
    # A header of the build would say otherwise: it may be older.
    write(tree, "xen/include/generated/autoconf.h", "#define CONFIG_NR_CPUS 9\n")
    assert lines(tree) == ["int cpus = 4;"]
    assert build_of(tree, SOURCE).name == "xen/.config"


def test_configuration_of_the_user_comes_first(tree: Path, tmp_path: Path) -> None:
    write(tree, "xen/.config", CONFIG)
    mine = write(tmp_path, "mine", "CONFIG_NR_CPUS=7\n")
    assert lines(tree, mine) == ["int cpus = 7;"]


def test_configuration_of_another_architecture_is_not_used(
    tree: Path, tmp_path: Path
) -> None:
    write(tree, "xen/.config", "CONFIG_X86_64=y\nCONFIG_NR_CPUS=5\n")
    assert lines(tree) == ["int cpus = 128;", "int debug;"]
    other = write(tmp_path, "other", "CONFIG_X86=y\n")
    with pytest.raises(TreeError, match="not a configuration for Arm"):
        lines(tree, other)
    write(tree, "xen/.config", CONFIG)
    assert build_of(tree, SOURCE, architecture=ARM32).config is None


def test_flags_of_the_build_are_used(tree: Path) -> None:
    write(tree, "xen/.config", CONFIG)
    record = "cmd_arch/arm/p2m.o := gcc -O2 -DEXTRA='(1 + 2)' -c arch/arm/p2m.c\n"
    write(tree, "xen/arch/arm/.p2m.o.cmd", record)
    assert lines(tree) == ["int cpus = 4;", "int extra = (1 + 2);"]


@pytest.mark.parametrize("form", ["arguments", "command"])
def test_compile_commands_are_read(tree: Path, form: str) -> None:
    write(tree, "xen/.config", CONFIG)
    command = ["gcc", "-D", "EXTRA=3", "-c", "arch/arm/p2m.c"]
    entry = {
        "directory": str(tree / "xen"),
        "file": "arch/arm/p2m.c",
        form: command if form == "arguments" else " ".join(command),
    }
    entries = [{"directory": "/", "file": "other.c", "command": "gcc -DEXTRA=9"}, entry]
    write(tree, "compile_commands.json", json.dumps(entries))
    assert "int extra = 3;" in lines(tree)


def test_broken_compile_commands_are_an_error(tree: Path) -> None:
    write(tree, "xen/.config", CONFIG)
    write(tree, "xen/compile_commands.json", "[" * 100_000)
    with pytest.raises(TreeError, match="as JSON"):
        lines(tree)


def test_build_outside_the_tree(tree: Path, tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    write(objects, ".config", CONFIG)
    record = f"cmd_a := gcc -DEXTRA=4 -I{tree}/xen/more -I./include -c x.c\n"
    write(objects, "arch/arm/.p2m.o.cmd", record)
    assert lines(tree, objects) == ["int cpus = 4;", "int extra = 4;"]
    flags = build_of(tree, SOURCE, config=objects).flags
    assert flags.directories == ("xen/more",)


HOSTILE = [
    "-I/etc",
    "-I../../..",
    "-include",
    "/etc/passwd",
    "-include",
    "../../etc/passwd",
    "-imacros",
    "/etc/passwd",
    "-DX\n#include </etc/passwd>",
    "-fplugin=/tmp/evil.so",
    "-wrapper",
    "/tmp/evil",
    "-specs=/tmp/evil",
    "-B/tmp",
    "-o",
    "/tmp/out",
    "-MF",
    "/tmp/out",
    "@/tmp/more",
    "-std=gnu99;touch /tmp/told",
    "-Xpreprocessor",
    "-DA",
    "-D",
]


def test_other_flags_are_left_out(tmp_path: Path) -> None:
    flags = flags_of(HOSTILE, tmp_path / "tree" / "xen", [tmp_path / "tree"])
    assert flags == Flags(macros=("-DA",))


def test_nothing_of_the_record_is_run(tree: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    write(tree, "xen/.config", CONFIG)
    record = f"cmd := gcc -DA=$(touch {told}) -DEXTRA=`touch {told}`; touch {told}\n"
    write(tree, "xen/arch/arm/.p2m.o.cmd", record)
    lines(tree)
    assert not told.exists()


REAL = {"4.20.3": "xen/arch/arm/mmu/p2m.c", "4.17.5": SOURCE}


@pytest.mark.parametrize("version", sorted(REAL))
def test_a_real_tree_is_the_same_built_or_not(
    version: str, xen_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    root, source = xen_tree(version), REAL[version]
    unbuilt = preprocess(root, [source], generated=tmp_path / "one")
    objects = tmp_path / "objects"
    write(objects, ".config", "CONFIG_ARM_64=y\nCONFIG_DEBUG=y\n")
    name = source.removeprefix("xen/")
    record = (
        "cmd_x := aarch64-linux-gnu-gcc -MMD -MP -MF a.d -DBUILD_ID -std=gnu99 -Wall "
        f"-O2 -nostdinc -D__XEN__ -include {root}/xen/include/xen/config.h "
        f"-mcpu=generic -I{root}/xen/include -I{root}/xen/arch/arm/include "
        f"-I./arch/arm/include/generated -c {root}/{source} -o p2m.o\n"
    )
    write(objects, f"{Path(name).parent}/.p2m.o.cmd", record)
    build = build_of(root, source, config=objects)
    assert "-DBUILD_ID" in build.flags.macros
    built = preprocess(root, [source], generated=tmp_path / "two", build=build)
    assert (built.text, built.files) == (unbuilt.text, unbuilt.files)
