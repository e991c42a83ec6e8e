"""The order of the packages, and what a file may be called, hold and do."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path.relative_to(REPOSITORY)
    for package in ("harness", "reference_model")
    for path in (REPOSITORY / package).rglob("*.py")
)
TESTS = sorted(
    path.relative_to(REPOSITORY) for path in (REPOSITORY / "tests").rglob("*.py")
)

# What each part may import, besides itself: the parts named, and all that
# these may.
DIRECT: dict[str, set[str]] = {
    "reference_model": set(),
    "harness": set(),
    "harness.errors": {"reference_model"},
    "harness.ir": {"harness.errors"},
    "harness.cache": set(),
    "harness.series": {"harness.errors", "harness.cache"},
    "harness.frontend": {"harness.ir"},
    "harness.execution": {"harness.ir"},
    "harness.targets": {"harness.frontend", "harness.execution"},
    "harness.cost": {"harness.errors"},
    "harness.assumptions": {"harness.errors"},
    "harness.model_version": {"harness"},
    "harness.check": {
        "harness.assumptions",
        "harness.model_version",
        "harness.targets",
        "harness.series",
        "harness.cost",
        "harness.traces",
    },
    "harness.exitcodes": {"harness.check"},
    "harness.traces": {"harness.errors"},
    "harness.litmus": {"harness.check", "harness.traces"},
    "harness.catalogue": {"harness.litmus"},
    "harness.report": {"harness.catalogue", "harness"},
    "harness.commands": {"harness.report", "harness.exitcodes"},
    "harness.cli": {"harness.commands"},
    "harness.__main__": {"harness.cli"},
}
FORBIDDEN_NAMES = ("utils", "util", "helpers", "helper", "manager", "engine")
MAX_LINES = 450
MAY_PRINT = {Path("harness/cli.py")}
MAY_EXIT = {Path("harness/cli.py"), Path("harness/__main__.py")}

each_source = pytest.mark.parametrize("path", SOURCES, ids=str)
each_file = pytest.mark.parametrize("path", SOURCES + TESTS, ids=str)


@cache
def _allowed(part: str) -> frozenset[str]:
    direct = DIRECT[part]
    return frozenset({part}).union(direct, *(_allowed(other) for other in direct))


def _part(module: str) -> str:
    """Return the part that a module belongs to: its first one or two names."""
    names = module.split(".")
    if names[0] == "reference_model":
        return names[0]
    return ".".join(names[:2])


def _module(path: Path) -> str:
    names = path.with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse((REPOSITORY / path).read_text(encoding="utf-8"), str(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of each module imported."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = node.module or ""
            for alias in node.names:
                # "from harness import ir" imports a module, not a name.
                inner = REPOSITORY / f"{module}.{alias.name}".replace(".", "/")
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                yield (
                    node.lineno,
                    f"{module}.{alias.name}" if is_module else module,
                )


def _calls(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each thing called or raised."""
    for node in ast.walk(_tree(path)):
        target: ast.expr | None = None
        if isinstance(node, ast.Call):
            target = node.func
        elif isinstance(node, ast.Raise):
            target = node.exc
        if target is not None:
            yield node.lineno, ast.unparse(target)


def test_there_are_sources() -> None:
    assert len(SOURCES) > 50
    assert {_part(_module(path)) for path in SOURCES} >= {
        "reference_model",
        "harness.check",
        "harness.report",
    }


@each_source
def test_imports_go_one_way(path: Path) -> None:
    allowed = _allowed(_part(_module(path)))
    for line, name in _imports(path):
        if name.split(".")[0] in ("harness", "reference_model"):
            assert _part(name) in allowed, f"{path}:{line} imports {name}"


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parts[0] == "reference_model"], ids=str
)
def test_the_model_imports_the_standard_library_only(path: Path) -> None:
    for line, name in _imports(path):
        top = name.split(".")[0]
        known = top == "reference_model" or top in sys.stdlib_module_names
        assert known, f"{path}:{line} imports {name}"


@each_source
def test_only_the_command_line_prints(path: Path) -> None:
    if path in MAY_PRINT:
        return
    for line, name in _calls(path):
        spoken = name == "print" or name.startswith(("sys.stdout.", "sys.stderr."))
        assert not spoken, f"{path}:{line} prints"


@each_source
def test_only_the_command_line_exits(path: Path) -> None:
    if path in MAY_EXIT:
        return
    exits = ("sys.exit", "exit", "quit", "os._exit", "os.abort", "SystemExit")
    for line, name in _calls(path):
        assert name.split("(")[0] not in exits, f"{path}:{line} exits"


@each_file
def test_names_say_what_is_inside(path: Path) -> None:
    for part in (*path.parent.parts, path.stem):
        words = part.lower().split("_")
        assert not set(words) & set(FORBIDDEN_NAMES), f"{path}: '{part}'"


@each_source
def test_files_hold_one_concept(path: Path) -> None:
    lines = len((REPOSITORY / path).read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{path} has {lines} lines"


@each_source
def test_modules_and_classes_say_what_they_are_for(path: Path) -> None:
    tree = _tree(path)
    if tree.body:
        assert ast.get_docstring(tree), f"{path} has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path}:{node.lineno}: {node.name}"


def test_every_package_is_installed() -> None:
    from setuptools import find_packages

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    wanted = project["tool"]["setuptools"]["packages"]["find"]["include"]
    found = find_packages(str(REPOSITORY), include=wanted)
    assert set(found) == {".".join(path.parent.parts) for path in SOURCES}
