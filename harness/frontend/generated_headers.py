"""Headers that a build would generate, for a tree that was never built.

Nothing of the tree is executed: the few headers are written from what they
are known to hold, and from the list of ``generic-y`` wrappers, which is read.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.frontend.architecture import ARM64, Architecture
from harness.frontend.kconfig import autoconf
from harness.frontend.linked_headers import LINKED, linked_headers

__all__ = ["BUILTIN_HEADER", "STAND_INS", "write_generated_headers"]

BUILTIN_HEADER = "builtin-macros.h"
# The directory to be searched before any of the tree.
STAND_INS = "stand-ins"

# What xen/compile.h says for people to read.  It has the version, too: what uses
# that cannot be lowered.
_ABOUT_THE_BUILD = (
    *("COMPILE_DATE", "COMPILE_TIME", "COMPILE_BY", "COMPILE_DOMAIN", "COMPILE_HOST"),
    *("COMPILER", "VERSION_STRING", "EXTRAVERSION", "CHANGESET", "BANNER"),
)

_ARCH_MAKEFILE = "xen/arch/arm/include/asm/Makefile"
_GENERIC = re.compile(r"^generic-y\s*\+=\s*([\w-]+\.h)\s*$", re.MULTILINE)
_MAKEFILE_LIMIT = 1 << 16


def write_generated_headers(
    source_root: Path,
    directory: Path,
    architecture: Architecture = ARM64,
    config: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write the generated headers for the tree below ``directory``.

    ``config`` is what a ``.config`` says; without it, the defconfig counts.
    Returns the names of the files of the tree that decide their content.
    """
    configured = autoconf(source_root, architecture.name, config)
    headers = {
        BUILTIN_HEADER: architecture.builtin_macros_header(),
        f"{STAND_INS}/generated/autoconf.h": configured.header,
        # Offsets are for assembly; C includes the header but uses none.
        f"{STAND_INS}/asm/asm-offsets.h": "",
        # Prototypes of the hypercalls, for the tables that dispatch them; a
        # function that uses one cannot be lowered, and says so when reached.
        f"{STAND_INS}/xen/hypercall-defs.h": "",
    }
    headers[f"{STAND_INS}/xen/compile.h"] = "".join(
        f'#define XEN_{name} ""\n' for name in _ABOUT_THE_BUILD
    )
    for name in generic_headers(source_root):
        headers[f"asm/{name}"] = f"#include <asm-generic/{name}>\n"
    for name, text in linked_headers(source_root).items():
        headers[f"{LINKED}/{name}"] = text
    for name, text in headers.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            # Another process may be reading: never show it half a header.
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=path.parent, delete=False
            ) as stream:
                stream.write(text)
            os.replace(stream.name, path)
    return (*configured.files, _ARCH_MAKEFILE)


def generic_headers(source_root: Path) -> list[str]:
    """List the ``asm/`` headers that only include their generic version."""
    makefile = source_root / _ARCH_MAKEFILE
    if not makefile.is_file():
        return []  # 4.17 and older have no such wrappers
    with makefile.open(encoding="utf-8", errors="replace") as stream:
        return _GENERIC.findall(stream.read(_MAKEFILE_LIMIT))
