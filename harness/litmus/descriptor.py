"""Descriptor values from their description, as in ``page(pa1, ro)``."""

from __future__ import annotations

from harness.errors import ParseError
from harness.litmus.instructions import Content, Entry, Stage
from reference_model.addresses import Granule
from reference_model.coordinates import Coord

__all__ = ["MAIR", "leaf", "table_pointer"]

# Attribute indices of stage 1: 0 Normal write-back, 1 Device-nGnRE, 2 Normal
# non-cacheable.
MAIR = 0x44_04_FF
_INDEX = {"wb": 0, "device": 1, "nc": 2}
_MEMATTR = {"wb": 0b1111, "device": 0b0001, "nc": 0b0101}
_SHAREABILITY = {"nsh": 0, "osh": 2, "ish": 3}
_S2AP = {"none": 0, "ro": 1, "wo": 2, "rw": 3}

_VALID, _TABLE_OR_PAGE = 1, 2
_AF, _NG, _NT, _DBM, _CONTIGUOUS = 1 << 10, 1 << 11, 1 << 16, 1 << 51, 1 << 52
_PXN, _XN = 1 << 53, 1 << 54
_AP_EL0, _AP_RO = 1 << 6, 1 << 7
_PAGE_LEVEL = 3

# What a stage has no bit for.
_FOREIGN = {
    Stage.S1: ("none", "wo"),
    Stage.S2: ("global", "nG", "el0"),
    Stage.HYP: ("none", "wo", "el0"),
}
_EXCLUSIVE = (
    ("ro", "rw", "wo", "none"),
    ("wb", "device", "nc"),
    ("nsh", "ish", "osh"),
    ("global", "nG"),
)


def table_pointer(address: int) -> int:
    """Return a Table descriptor."""
    return address | _TABLE_OR_PAGE | _VALID


def leaf(stage: Stage, granule: Granule, level: int, output: int, entry: Entry) -> int:
    """Return a Page or Block descriptor of ``level`` with an entry's attributes."""
    coord = entry.coord
    _check(entry, stage, coord)
    if level != _PAGE_LEVEL and level not in granule.block_levels:
        raise ParseError(f"no Block descriptor at level {level}", coord)
    if output % granule.level_bytes(level):
        raise ParseError(
            f"{entry.target} is {output:#x}: not aligned for level {level}", coord
        )
    value = output | _VALID | (_TABLE_OR_PAGE if level == _PAGE_LEVEL else 0)
    flags = entry.attributes
    value |= _SHAREABILITY[_chosen(flags, _SHAREABILITY, "ish")] << 8
    value |= 0 if "af0" in flags else _AF
    value |= _NT if "nT" in flags else 0
    value |= _DBM if "dbm" in flags else 0
    value |= _CONTIGUOUS if "contiguous" in flags else 0
    return value | (_stage2(flags) if stage is Stage.S2 else _stage1(stage, flags))


def _stage2(flags: tuple[str, ...]) -> int:
    memory = _MEMATTR[_chosen(flags, _MEMATTR, "wb")] << 2
    permissions = _S2AP[_chosen(flags, _S2AP, "rw")] << 6
    return memory | permissions | (_XN if "xn" in flags else 0)


def _stage1(stage: Stage, flags: tuple[str, ...]) -> int:
    value = _INDEX[_chosen(flags, _INDEX, "wb")] << 2
    value |= _AP_RO if "ro" in flags else 0
    if stage is Stage.HYP:
        value |= _NG if "nG" in flags else 0
        return value | _AP_EL0 | (_XN if "xn" in flags else 0)  # AP[1] is RES1
    value |= _AP_EL0 if "el0" in flags else 0
    value |= 0 if "global" in flags else _NG
    return value | (_XN | _PXN if "xn" in flags else 0)


def _chosen(flags: tuple[str, ...], known: dict[str, int], default: str) -> str:
    return next((flag for flag in flags if flag in known), default)


def _check(entry: Entry, stage: Stage, coord: Coord | None) -> None:
    flags = entry.attributes
    foreign = [flag for flag in flags if flag in _FOREIGN[stage]]
    if foreign:
        raise ParseError(f"'{foreign[0]}' means nothing in {stage.value}", coord)
    for group in _EXCLUSIVE:
        chosen = [flag for flag in flags if flag in group]
        if len(chosen) > 1:
            raise ParseError(f"both {chosen[0]} and {chosen[1]}", coord)
    if entry.content not in (Content.PAGE, Content.BLOCK, Content.PAGES):
        raise ParseError(f"{entry.content.value} is no leaf", coord)
