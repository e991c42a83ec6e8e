"""The arm64 compiler: the harness's own preprocessed text made an object file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

__all__ = ["COMPILER", "FLAGS", "TABLE", "body_of", "compile_text", "require_compiler"]

COMPILER = "aarch64-linux-gnu-gcc"

# What xen/Makefile, Config.mk and xen/arch/arm/arch.mk pass, without warnings.
_XEN = (
    *("-fno-strict-aliasing", "-fno-omit-frame-pointer"),
    *("-fno-builtin", "-fno-common", "-fno-pie", "-fno-stack-protector"),
    *("-fno-exceptions", "-fno-asynchronous-unwind-tables"),
    *("-mcpu=generic", "-mgeneral-regs-only", "-mno-outline-atomics"),
)
# Traps where the IR finds a fault, as far as GCC has a trap for it.
_CHECKS = "-fsanitize=signed-integer-overflow,shift-exponent,integer-divide-by-zero"
FLAGS = {
    "plain": ("-O0", *_XEN),
    "xen": ("-O2", *_XEN),
    "checked": ("-O0", *_XEN, _CHECKS, "-fsanitize-undefined-trap-on-error"),
}

# The list of functions that can be called from outside.
TABLE = "emulated_functions"

_SECTION = re.compile(r"__attribute__\s*\(\(\s*__section__\s*\([^)]*\)\s*\)\)")


def require_compiler() -> None:
    """Skip the test without the compiler, or fail where it must be there."""
    if shutil.which(COMPILER) is not None:
        return
    reason = f"needs {COMPILER} (Debian package gcc-aarch64-linux-gnu)"
    if os.environ.get("HARNESS_REQUIRE_REAL"):
        pytest.fail(reason)
    pytest.skip(reason)


def compile_text(
    text: str,
    place: Path,
    flags: Iterable[str],
    *,
    watched: Iterable[str] = (),
    callable_: Iterable[str] = (),
) -> Path:
    """Compile preprocessed C; returns the object file.

    A function in ``watched`` has its calls go to an undefined symbol, for a model
    to answer, which finds the body under the name from ``body_of``.  One in
    ``callable_`` keeps a form that can be called.  Each variable gets a section of
    its own: placing them is up to the loader.
    """
    place.mkdir(parents=True, exist_ok=True)
    kept = list(callable_)
    for name in sorted(watched):
        changed = _undefined(text, name)
        if changed != text:
            kept.append(body_of(name))
        text = changed
    text = _SECTION.sub("", text)
    names = "".join(f"    (void *){name},\n" for name in kept)
    text += f'\n# 1 "<table>"\nvoid *const {TABLE}[] = {{\n{names}    0\n}};\n'
    source, target = place / "unit.i", place / "unit.o"
    source.write_text(text)
    command = [COMPILER, "-x", "cpp-output", "-w", "-fdata-sections", *flags]
    command += ["-c", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return target


def body_of(name: str) -> str:
    """Return the name that the body of a watched function has."""
    return f"body_of_{name}"


def _undefined(text: str, name: str) -> str:
    """Give an inline function another name and declare it extern."""
    definition = re.compile(
        rf"^static\s+(?:inline|__inline__)\s+(?P<type>[\w\s*]*?)\b{name}"
        rf"(?P<parameters>\([^()]*\))(?=\s*\{{)",
        re.MULTILINE,
    )
    found = definition.search(text)
    if found is None:
        return text
    extern = f"extern {found['type']}{name}{found['parameters']};"
    other = f"static inline {found['type']}{body_of(name)}{found['parameters']}"
    return f"{text[: found.start()]}{extern} {other}{text[found.end() :]}"
