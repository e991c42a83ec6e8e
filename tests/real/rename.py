"""Rename what a source file keeps to itself: static functions and locals."""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from changes import MMU_P2M

from harness.frontend.unit import load_unit
from harness.ir.nodes import Unit

_WORD = re.compile(r"(?<![\w.])(?<!->)[A-Za-z_]\w*")
_FIXED = re.compile(
    r'"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*|^[ \t]*#[^\n]*', re.DOTALL | re.MULTILINE
)


def renamed_patch(data: bytes, tree: Path) -> tuple[bytes, set[str], set[str]]:
    """Return the patch with the names of mmu/p2m.c replaced in its result.

    Also returns the static functions and the locals that got new names.
    """
    with tempfile.TemporaryDirectory() as name:
        work, generated = Path(name) / "tree", Path(name) / "generated"
        generated.mkdir()
        shutil.copytree(tree / "xen", work / "xen", symlinks=True)
        subprocess.run(
            ["patch", "-s", "-p1"], input=data, cwd=work, check=True, timeout=60
        )
        unit = load_unit(work, [MMU_P2M], work_dir=generated)
        statics, inner = _own_names(unit)
        text = (work / MMU_P2M).read_text()
        (work / MMU_P2M).write_text(_replaced(text, statics | inner))
        return _difference(tree, work, data), statics, inner


def _own_names(unit: Unit) -> tuple[set[str], set[str]]:
    """Return static functions and variables of functions of mmu/p2m.c."""
    own = [f for f in unit.functions.values() if f.coord.file == MMU_P2M]
    statics = {f.name for f in own if f.static}
    words = {v.name for f in own for v in f.variables}
    # Lowering may number variables of one name; only names as written count.
    inner = {word for word in words if re.fullmatch(r"[A-Za-z_]\w*", word)}
    return statics, inner - set(unit.functions) - set(unit.globals)


def _replaced(text: str, names: set[str]) -> str:
    """Replace whole words where they are not text, directives or members."""
    pieces: list[str] = []
    at = 0
    for match in _FIXED.finditer(text):
        pieces.append(_words(text[at : match.start()], names))
        pieces.append(match.group())
        at = match.end()
    pieces.append(_words(text[at:], names))
    return "".join(pieces)


def _words(text: str, names: set[str]) -> str:
    def new(match: re.Match[str]) -> str:
        word = match.group()
        return f"qx_{word}_7" if word in names else word

    return _WORD.sub(new, text)


def _difference(old: Path, new: Path, data: bytes) -> bytes:
    files = sorted({MMU_P2M, *re.findall(r"^\+\+\+ b/(\S+)", data.decode(), re.M)})
    found = []
    for file in files:
        lines = difflib.unified_diff(
            (old / file).read_text().splitlines(keepends=True),
            (new / file).read_text().splitlines(keepends=True),
            f"a/{file}",
            f"b/{file}",
        )
        found.append("".join(lines).encode())
    return b"".join(found)
