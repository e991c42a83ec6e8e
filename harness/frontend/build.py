"""How a tree is compiled: its configuration, and the flags of its build.

A tree that was built has a ``.config`` and a record of the compiler's command
line; both are read.  One that was not is taken with the defaults of its
defconfig.  The generated headers are made anew in either case: those of a
build are as old as the build, and the patch may change what they come from.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from harness.errors import TreeError
from harness.frontend.architecture import ARM64, Architecture
from harness.frontend.flags import Flags, flags_of
from harness.frontend.kconfig import read_config

__all__ = ["Build", "build_of"]

_TOP = "xen"
_CONFIG = ".config"
_COMMANDS = "compile_commands.json"
_RECORD_BYTES = 64 << 10
_COMMANDS_BYTES = 32 << 20

# The symbol that a .config of each architecture has set.
_SYMBOLS = {"arm32": "ARM_32", "arm64": "ARM_64"}
_OTHERS = ("X86", "X86_64", "RISCV", "RISCV_64", "PPC", "PPC64")


@dataclass(frozen=True, slots=True)
class Build:
    """What a build is made with; ``name`` says where that comes from."""

    name: str = "defconfig, with CONFIG_DEBUG"
    config: Mapping[str, str] | None = None  # without: the defconfig
    flags: Flags = field(default_factory=Flags)


def build_of(
    root: Path,
    source: str,
    *,
    roots: Sequence[Path] = (),
    config: Path | None = None,
    architecture: Architecture = ARM64,
) -> Build:
    """Find out how the tree at ``root`` is built.

    ``source`` is the file whose flags count.  ``config`` is what the user
    names: a ``.config``, or the directory of a build outside the tree.
    """
    places = [root, *roots]
    if config is None:
        values = _config_of_tree(root / _TOP / _CONFIG, architecture)
        name = "xen/.config"
        objects = [root / _TOP]
    else:
        inside = config.is_dir()
        values = _config_of_user(config / _CONFIG if inside else config, architecture)
        name = str(config)
        objects = [config] if inside else []
    if values is None:
        return Build()
    for directory in objects:
        record = directory / _record_name(source)
        arguments = _recorded(record)
        if arguments:
            return Build(name, values, flags_of(arguments, directory, places))
    commands = [p / _COMMANDS for o in objects for p in (o, *places)]
    for path in dict.fromkeys(commands):
        for directory, arguments in _commands(path, source, places):
            return Build(name, values, flags_of(arguments, directory, places))
    return Build(name, values)


def _config_of_tree(path: Path, architecture: Architecture) -> Mapping[str, str] | None:
    if not path.is_file():
        return None
    values = read_config(path)
    return values if _fits(values, architecture) else None


def _config_of_user(path: Path, architecture: Architecture) -> Mapping[str, str] | None:
    values = read_config(path)
    if any(values.get(name) == "y" for name in _OTHERS):
        raise TreeError(f"'{path}' is not a configuration for Arm")
    return values if _fits(values, architecture) else None


def _fits(values: Mapping[str, str], architecture: Architecture) -> bool:
    """Tell whether a .config is not one for another architecture."""
    others = [s for name, s in _SYMBOLS.items() if name != architecture.name]
    return all(values.get(name) != "y" for name in (*others, *_OTHERS))


def _record_name(source: str) -> str:
    """Return where Xen's build keeps the command for a C file, below ``xen``."""
    path = PurePosixPath(source).relative_to(_TOP)
    return str(path.with_name(f".{path.stem}.o.cmd"))


def _recorded(path: Path) -> list[str]:
    """Read the command that made an object file, from the line that has it."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            line = stream.readline(_RECORD_BYTES)
    except OSError:
        return []
    return _split(line.partition(":=")[2])


def _commands(
    path: Path, source: str, roots: Sequence[Path]
) -> Iterator[tuple[Path, list[str]]]:
    """Yield directory and arguments of what compiled ``source``."""
    try:
        if path.stat().st_size > _COMMANDS_BYTES:
            raise TreeError(f"'{path}' is too large")
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError):
        raise TreeError(f"cannot read '{path}' as JSON") from None
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        directory = Path(str(entry.get("directory", "")))
        file = directory / str(entry.get("file", ""))
        if not any(file == root / source for root in roots):
            continue
        arguments = entry.get("arguments")
        if isinstance(arguments, list):
            yield directory, [str(argument) for argument in arguments]
        elif isinstance(command := entry.get("command"), str):
            yield directory, _split(command)


def _split(command: str) -> list[str]:
    """Split a command as a shell would, without one."""
    try:
        return shlex.split(command.replace("$$", "$"))
    except ValueError:
        return []
