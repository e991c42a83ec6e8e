"""Kconfig files give the header that Kconfig itself would write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ParseError, TreeError
from harness.frontend.kconfig import autoconf, read_config


def header(
    tmp_path: Path, text: str, config: dict[str, str] | None = None
) -> dict[str, str]:
    """Return the symbols that a Kconfig file gives, without CONFIG_."""
    top = tmp_path / "xen" / "Kconfig"
    top.parent.mkdir(exist_ok=True)
    top.write_text(text)
    lines = autoconf(tmp_path, config=config or {}).header.splitlines()
    return dict(line.removeprefix("#define CONFIG_").split(" ", 1) for line in lines)


def test_defaults_and_dependencies(tmp_path: Path) -> None:
    text = """
config A
\tdef_bool y
config B
\tbool "B" if A   # a comment
\tdepends on !MISSING
\tdefault y
config C
\tbool
\tdepends on D
\tdefault y
config SIZE
\tint "size"
\trange 1 16
\tdefault 64 if A && (B || C)
\tdefault 8
config NAME
\tstring "name"
\tdefault "with \\"quotes\\""
config MASK
\thex
\tdefault ff
"""
    assert header(tmp_path, text) == {
        "A": "1",
        "B": "1",
        "SIZE": "16",
        "NAME": '"with \\"quotes\\""',
        "MASK": "0xff",
    }
    assert "B" not in header(tmp_path, text, {"B": "n", "C": "y"})
    assert header(tmp_path, text, {"SIZE": "3"})["SIZE"] == "3"


def test_select_and_imply(tmp_path: Path) -> None:
    text = """
config A
\tdef_bool y
\tselect HIDDEN
\timply WANTED if HIDDEN
config HIDDEN
\tbool
\tdepends on NEVER
config WANTED
\tbool "wanted"
"""
    assert header(tmp_path, text) == {"A": "1", "HIDDEN": "1", "WANTED": "1"}
    assert "WANTED" not in header(tmp_path, text, {"WANTED": "n"})


CHOICE = """
menu "Things"
\tdepends on !NOTHING
choice
\tprompt "which"
\tdefault TWO
config ONE
\tbool "one"
config TWO
\tbool "two"
\thelp
\t  A text with words such as
\t  config FAKE

\t  and empty lines.
endchoice
endmenu
"""


def test_exactly_one_of_a_choice(tmp_path: Path) -> None:
    assert header(tmp_path, CHOICE) == {"TWO": "1"}
    assert header(tmp_path, CHOICE, {"ONE": "y"}) == {"ONE": "1"}
    assert header(tmp_path, "config NOTHING\n\tdef_bool y\n" + CHOICE) == {
        "NOTHING": "1"
    }


def test_no_command_is_run(tmp_path: Path) -> None:
    told = tmp_path / "told"
    text = f"""
config CC_IS_GCC
\tdef_bool $(success,touch {told})
config GCC_VERSION
\tint
\tdefault $(shell,touch {told}; echo (1))
config OTHER
\tdef_bool $(success,touch {told})
"""
    assert header(tmp_path, text) == {"CC_IS_GCC": "1", "GCC_VERSION": "120200"}
    assert not told.exists()


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret", "missing/Kconfig"])
def test_files_outside_are_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "secret").write_text("the content\n")
    with pytest.raises(ParseError, match=r"xen/Kconfig:2: ") as caught:
        header(tmp_path, f'\nsource "{name}"\n')
    assert "content" not in str(caught.value)


def test_endless_inclusion_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="too many Kconfig files"):
        header(tmp_path, 'source "Kconfig"\n')


def test_a_circle_is_an_error(tmp_path: Path) -> None:
    text = "config A\n\tdef_bool B\nconfig B\n\tdef_bool A\n"
    with pytest.raises(TreeError, match="CONFIG_A depends on itself"):
        header(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "config\n",
        "bool y\n",
        "config A\n\twonder y\n",
        "if A\n",
        "endmenu\n",
        "config A\n\tdefault y &&\n",
        "config A\n\tdefault (((y\n",
        f"config A\n\tdefault {'(' * 500}\n",
        "config A\n\tdefault `ls`\n",
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ParseError, match=r"^xen/Kconfig:[12]: "):
        header(tmp_path, text)


def test_config_is_read_as_kconfig_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        '# Xen\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="a \\"b\\""\nCONFIG_D=12\n'
    )
    assert read_config(path) == {"A": "y", "B": "n", "C": 'a "b"', "D": "12"}
    path.write_text("#!/bin/sh\nrm -rf /\n")
    with pytest.raises(TreeError, match=r"config:2: this is no line of a \.config"):
        read_config(path)


# How many symbols Kconfig itself writes with CONFIG_DEBUG, some that are there
# and some that are not.
EXPECTED = {
    "4.17.5": (72, {"ARM_64", "DEBUG", "HAS_PMAP"}, {"MMU", "ARM_32"}),
    "4.20.3": (91, {"ARM_64", "DEBUG", "MMU"}, {"ARCH_PAGING_MEMPOOL", "MPU"}),
}


@pytest.mark.parametrize("version", sorted(EXPECTED))
def test_a_real_tree(version: str, xen_tree: Callable[[str], Path]) -> None:
    lines = autoconf(xen_tree(version)).header.splitlines()
    values = dict(line.split(" ", 2)[1:] for line in lines)
    count, on, off = EXPECTED[version]
    assert all(values[f"CONFIG_{name}"] == "1" for name in on)
    assert not any(f"CONFIG_{name}" in values for name in off)
    assert values["CONFIG_NR_CPUS"] == "128"
    assert len(values) == count
    assert "#define CONFIG_ARM_32 1" in autoconf(xen_tree(version), "arm32").header
