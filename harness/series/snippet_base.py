"""Look up in a tree what a snippet defines: where it stands, or where it would."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import PatchError, TreeError
from harness.series.snippet_items import Item, items_of_base
from reference_model.coordinates import Coord

__all__ = ["DEFINING", "BaseFile", "BaseFiles", "Found"]

DEFINING = frozenset({"function", "macro", "type", "variable", "invocation"})

_FOLDERS = ("xen/arch/arm", "xen/include/asm-arm", "xen/include/asm-generic",
            "xen/include/xen")  # fmt: skip
# What an arm64 hypervisor with an MMU is not built from.
_OTHERS = ("arm32", "mpu", "dts", "efi", "x86", "hvm")
_SOURCES = ("xen/arch/arm/mmu/p2m.c", "xen/arch/arm/p2m.c")
_SIZE_LIMIT = 4 << 20
_TRUE = ("CONFIG_ARM_64", "CONFIG_MMU", "CONFIG_ARM")
_FALSE = ("CONFIG_ARM_32", "CONFIG_MPU", "CONFIG_X86", "__ASSEMBLY__")
_NEGATED = re.compile(r"!\(?(defined\(\w+\))\)?$")


@dataclass(frozen=True, slots=True)
class BaseFile:
    """A file of the tree with what stands at its top level."""

    name: str
    text: str
    items: list[Item]


@dataclass(frozen=True, slots=True)
class Found:
    """One definition in the tree."""

    file: BaseFile
    item: Item

    @property
    def place(self) -> str:
        """Return file and line, as in a message."""
        return f"{self.file.name}:{self.item.line}"


class BaseFiles:
    """The C files and headers of a tree, read when a name in them is asked for."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.texts: dict[str, str] = {}
        self.read: dict[str, BaseFile] = {}
        for folder in _FOLDERS:
            self._walk(folder)

    def _walk(self, folder: str) -> None:
        for where, folders, files in os.walk(self.top / folder, followlinks=False):
            folders[:] = sorted(f for f in folders if f not in ("dts", "efi"))
            for file in sorted(files):
                path = Path(where, file)
                if not file.endswith((".c", ".h")) or path.is_symlink():
                    continue
                name = path.relative_to(self.top).as_posix()
                try:
                    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as f:
                        data = f.read(_SIZE_LIMIT)
                except OSError as error:
                    raise TreeError(
                        f"cannot read '{path}': {error.strerror}"
                    ) from error
                self.texts[name] = data.decode("utf-8", "surrogateescape")

    def file(self, name: str) -> BaseFile:
        """Return a file with its items."""
        if name not in self.read:
            text = self.texts[name]
            self.read[name] = BaseFile(name, text, items_of_base(text, name))
        return self.read[name]

    def source(self) -> BaseFile:
        """Return the file with the functions of the p2m."""
        for name in _SOURCES:
            if name in self.texts:
                return self.file(name)
        raise TreeError(f"no '{_SOURCES[0]}' in '{self.top}'")

    def matching(self, pattern: str) -> Iterator[BaseFile]:
        """Yield the files in which a pattern occurs."""
        expression = re.compile(pattern)
        for name, text in self.texts.items():
            if expression.search(text):
                yield self.file(name)

    def definition(
        self, names: Iterable[str], kinds: frozenset[str], coord: Coord
    ) -> tuple[Found | None, list[str]]:
        """Return where one of the names is defined for arm64, and what to note."""
        found: list[Found] = []
        others: list[str] = []
        for name in names:
            word = re.escape(name.split()[-1])
            for file in self.matching(rf"\b{word}\b"):
                for item in file.items:
                    if item.kind not in kinds or name not in _defined(item):
                        continue
                    here = Found(file, item)
                    if _elsewhere(here):
                        others.append(
                            f"{name} is defined in {here.place} as well, "
                            "which arm64 does not use: not replaced"
                        )
                    else:
                        found.append(here)
        found = _preferred(found)
        if len(found) > 1:
            places = ", ".join(each.place for each in found)
            raise PatchError(
                f"'{', '.join(names)}' is defined in several places ({places}): "
                "give a patch that says which one is meant",
                coord,
            )
        return (found[0] if found else None), (others if found else [])


def _defined(item: Item) -> tuple[str, ...]:
    # Which argument of a macro is the name cannot be told here; the operations
    # and types that the others are have names that nobody defines.
    return item.names


def _preferred(found: list[Found]) -> list[Found]:
    """Prefer the sources of the p2m to static functions of the same name."""
    distinct = {(each.file.name, each.item.start): each for each in found}
    every = list(distinct.values())
    own = [each for each in every if each.file.name in _SOURCES]
    headers = [each for each in every if each.file.name.endswith(".h")]
    return own or headers or every


def _elsewhere(found: Found) -> bool:
    folders = found.file.name.split("/")[:-1]
    if any(folder in _OTHERS for folder in folders):
        return True
    return any(_is_false(text) for text in found.item.conditions)


def _is_false(condition: str) -> bool:
    for part in condition.split(" && "):
        text, negated = part.strip(), False
        while (match := _NEGATED.fullmatch(text)) is not None:
            text, negated = match[1], not negated
        name = text.removeprefix("defined(").removesuffix(")")
        if name in (_TRUE if negated else _FALSE):
            return True
    return False
