"""What Kconfig would write to ``generated/autoconf.h``, without running it.

A tree's own Kconfig files are read and evaluated: the defaults of its
defconfig, or a ``.config`` that the user has.  Without a ``.config``,
``CONFIG_DEBUG`` is on, so that ``ASSERT`` is executed and a failing one
becomes a finding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness.errors import TreeError
from harness.frontend.kconfig.language import TOP, read_kconfig
from harness.frontend.kconfig.values import Values

__all__ = ["Autoconf", "autoconf", "read_config"]

_DEFCONFIG = "xen/arch/arm/configs/{}_defconfig"
_CONFIG_BYTES = 1 << 20
_SET = re.compile(r"^CONFIG_(\w+)=(?:\"((?:[^\"\\]|\\.)*)\"|(\S*))\s*$")
_UNSET = re.compile(r"^# CONFIG_(\w+) is not set\s*$")

# What the build machine would be asked, answered for the compiler whose
# built-in macros are used: GCC 12.2 for the target, GNU ld.
_COMPILER = {
    "CC_IS_GCC": "y",
    "GCC_VERSION": "120200",
    "CLANG_VERSION": "0",
    "LD_IS_GNU": "y",
    "CC_HAS_VISIBILITY_ATTRIBUTE": "y",
    "CC_HAS_ASM_INLINE": "y",
    "CC_HAS_ASM_GOTO_OUTPUT": "y",
}

# For a tree without Kconfig files, such as the embedded base.
_PLAIN = {
    "ARCH_PAGING_MEMPOOL": "1",
    "ARM": "1",
    "ARM64_WORKAROUND_REPEAT_TLBI": "1",
    "DEBUG": "1",
    "GRANT_TABLE": "1",
    "HAS_ALTERNATIVE": "1",
    "HAS_DEVICE_TREE": "1",
    "HAS_PASSTHROUGH": "1",
    "HVM": "1",
    "MMU": "1",
    "NR_CPUS": "128",
    "PDX_COMPRESSION": "1",
}
_PLAIN_OF = {
    "arm32": {"ARCH_MAP_DOMAIN_PAGE": "1", "ARM_32": "1", "PADDR_BITS": "40"},
    "arm64": {"64BIT": "1", "ARM_64": "1", "PADDR_BITS": "48"},
}


class Autoconf(NamedTuple):
    """The header, and the files of the tree that decide it."""

    header: str
    files: tuple[str, ...] = ()


def autoconf(
    root: Path, architecture: str = "arm64", config: Mapping[str, str] | None = None
) -> Autoconf:
    """Return the header for the tree at ``root``.

    ``config`` is what a ``.config`` says, by name without ``CONFIG_``; without
    it the tree's defconfig counts.
    """
    if not (root / TOP).is_file():
        plain = sorted((_PLAIN | _PLAIN_OF[architecture]).items())
        return Autoconf("".join(f"#define CONFIG_{n} {value}\n" for n, value in plain))
    environment = {
        "SRCARCH": "arm",
        "ARCH": architecture,
        "XEN_HAS_CHECKPOLICY": "n",  # no policy is built in
        "XEN_HAS_BUILD_ID": "y",
    }
    kconfig = read_kconfig(root, environment)
    files = [*kconfig.files]
    if config is None:
        defconfig = _DEFCONFIG.format(architecture)
        files.append(defconfig)
        present = (root / defconfig).is_file()
        config = read_config(root / defconfig) if present else {}
        config = {**config, "DEBUG": "y"}
    values = Values(kconfig, config, _COMPILER, environment)
    return Autoconf(values.header(), tuple(files))


def read_config(path: Path) -> dict[str, str]:
    """Read a ``.config`` or a defconfig."""
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            raise TreeError(f"'{path}' is too large for a .config")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise TreeError(f"cannot read '{path}': {error.strerror}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        if unset := _UNSET.match(line):
            found[unset[1]] = "n"
        elif given := _SET.match(line):
            text = given[2]
            found[given[1]] = given[3] if text is None else _unescaped(text)
        elif line.strip() and not line.startswith("#"):
            raise TreeError(f"{path}:{number}: this is no line of a .config")
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
