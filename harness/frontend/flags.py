"""The flags of a recorded compiler command that matter to preprocessing.

The command comes from the tree and is not trusted: nothing of it is run.  Only
macros, include directories and headers inside the tree, and the language
standard are taken over; everything else is left out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Flags", "flags_of"]

_STANDARD = re.compile(r"(?:gnu|c)(?:89|90|99|9x|11|17|18|2x|23)")
_DEFINE = re.compile(r"[A-Za-z_]\w*(?:\([\w ,.]*\))?(?:=[^\n\0]*)?")
_UNDEFINE = re.compile(r"[A-Za-z_]\w*")
_LENGTH = 4096
# Headers that an earlier build made, from what the tree was then.
_GENERATED = "/include/generated"


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags with names relative to the top of the tree."""

    macros: tuple[str, ...] = ()  # -DNAME=VALUE and -UNAME, in order
    directories: tuple[str, ...] = ()  # of -I
    headers: tuple[str, ...] = ()  # of -include
    standard: str = "gnu99"


def flags_of(arguments: Sequence[str], directory: Path, roots: Sequence[Path]) -> Flags:
    """Take the flags out of a command that ran in ``directory``.

    ``roots`` are the places that the tree lies in.
    """
    macros: list[str] = []
    directories: list[str] = []
    headers: list[str] = []
    standard = "gnu99"
    for option, value in _options(arguments):
        if len(value) > _LENGTH:
            continue
        if (option == "-D" and _DEFINE.fullmatch(value)) or (
            option == "-U" and _UNDEFINE.fullmatch(value)
        ):
            macros.append(option + value)
        elif option == "-std=" and _STANDARD.fullmatch(value):
            standard = value
        elif option in ("-I", "-include"):
            name = _inside(directory / value, roots)
            if name is not None and not name.endswith(_GENERATED):
                (directories if option == "-I" else headers).append(name)
    return Flags(tuple(macros), tuple(directories), tuple(headers), standard)


def _options(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options that are known, each with its value."""
    waiting = ""
    for argument in arguments:
        if waiting:
            yield waiting, argument
            waiting = ""
        elif argument in ("-D", "-U", "-I", "-include"):
            waiting = argument
        else:
            for option in ("-D", "-U", "-I", "-std="):
                if argument.startswith(option):
                    yield option, argument.removeprefix(option)


def _inside(path: Path, roots: Sequence[Path]) -> str | None:
    """Return the name relative to the top of the tree, if the path is inside."""
    full = os.path.normpath(path)
    for root in roots:
        prefix = os.path.join(os.path.normpath(root), "")
        if full.startswith(prefix) and not any(c in full for c in "\n\0"):
            return full.removeprefix(prefix)
    return None
