"""Every function of the files that matter goes through the front end.

The list of functions, and of what is not supported in them, is printed: see it
with ``pytest -rP``.  Staging is taken from the git repository that
``HARNESS_XEN_GIT`` names.
"""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import ParseError
from harness.frontend.unit import load_unit
from harness.ir.nodes import UnsupportedExpr, UnsupportedStatement

pytestmark = pytest.mark.long

Trees = Callable[[str], Path]

REPOSITORY_VARIABLE = "HARNESS_XEN_GIT"

# Stage-2 and Xen's own tables, what writes their registers, set/way handling.
FILES = (
    "xen/arch/arm/p2m.c",
    "xen/arch/arm/mmu/p2m.c",
    "xen/arch/arm/mmu/pt.c",
    "xen/arch/arm/mm.c",
    "xen/arch/arm/mmu/setup.c",
    "xen/arch/arm/mmu/smpboot.c",
    "xen/arch/arm/arm64/mmu/mm.c",
    "xen/arch/arm/domain.c",
    "xen/arch/arm/arm64/vsysreg.c",
    "xen/arch/arm/vcpreg.c",
    "xen/arch/arm/traps.c",
    "xen/arch/arm/setup.c",
    "xen/arch/arm/smpboot.c",
    "xen/arch/arm/mem_access.c",
)
# Headers whose functions count, too.
HEADERS = ("flushtlb.h", "p2m.h", "lpae.h", "page.h", "system.h", "mm.h", "current.h")
MUST = {
    "xen/arch/arm/domain.c": ("ctxt_switch_from", "ctxt_switch_to", "context_switch"),
    "xen/arch/arm/traps.c": ("leave_hypervisor_to_guest", "do_trap_stage2_abort_guest"),
    "xen/arch/arm/arm64/vsysreg.c": ("do_sysreg",),
    "xen/arch/arm/vcpreg.c": ("do_cp15_32",),
}
P2M = ("p2m_save_state", "p2m_restore_state", "p2m_set_entry", "p2m_set_way_flush")

# The tables of hypercalls come from a generated header.
EXPECTED = {
    ("xen/arch/arm/traps.c", "do_trap_hypercall"),
    ("xen/arch/arm/traps.c", "check_multicall_32bit_clean"),
    ("xen/arch/arm/traps.c", "arch_do_multicall_call"),
}


def staging(place: Path) -> Path:
    """Unpack what the git repository's HEAD has of the hypervisor."""
    repository = os.environ.get(REPOSITORY_VARIABLE)
    if not repository:
        pytest.skip(f"set {REPOSITORY_VARIABLE} to a clone of xen.git")
    command = ["git", "-C", repository, "archive", "HEAD", "xen", "Config.mk"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(place, filter="data")
    return place


def unsupported(node: object) -> Iterator[str]:
    """Find all Unsupported nodes below an IR node."""
    if isinstance(node, UnsupportedExpr | UnsupportedStatement):
        yield f"{node.coord}: {node.what}"
    elif isinstance(node, tuple):
        for item in node:
            yield from unsupported(item)
    elif dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            if field.name != "type":
                yield from unsupported(getattr(node, field.name))


@pytest.mark.parametrize("version", ["4.17.5", "4.20.3", "staging"])
def test_functions(version: str, xen_tree: Trees, tmp_path: Path) -> None:
    tree = staging(tmp_path) if version == "staging" else xen_tree(version)
    lowered: set[str] = set()
    of_headers: set[str] = set()  # seen, and the same in every file
    problems: dict[tuple[str, str], str] = {}
    for file in FILES:
        if not (tree / file).is_file():
            continue
        unit = load_unit(tree, [file], work_dir=tmp_path / "generated")
        for name in unit.functions:
            if name in of_headers:
                continue
            try:
                function = unit.functions[name]
                found = list(unsupported(function.body))
                where = function.coord.file
            except ParseError as problem:
                found, where = [str(problem)], file
            if where != file:
                of_headers.add(name)
            if where != file and Path(where).name not in HEADERS:
                continue
            lowered.add(name)
            print(f"{version} {where}: {name}{' '.join(['', *found])}")  # noqa: T201
            if found:
                problems[file, name] = found[0]
        for name in MUST.get(file, ()):
            assert name in unit.functions, f"{file} has no {name}"
    assert lowered.issuperset(P2M)
    assert len(lowered) > 400
    assert set(problems) <= EXPECTED, problems
