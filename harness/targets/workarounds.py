"""Which errata a tree knows of, and on which revisions of which core.

Xen turns on what an erratum needs when it finds the core in the table of
``cpuerrata.c``.  An erratum that is not in there leaves the core as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.targets.features import ERRATA
from reference_model.core_sources import Erratum
from reference_model.cores import CORES
from reference_model.profiles import Profile

__all__ = ["Workarounds"]

_FILE = "xen/arch/arm/cpuerrata.c"
_ENTRY = re.compile(
    r"\.capability\s*=\s*(?P<capability>\w+)\s*,\s*"
    r"MIDR_(?:ALL_VERSIONS\(\s*(?P<all>\w+)\s*\)"
    r"|RANGE\(\s*(?P<model>\w+)\s*,(?P<low>[^,]*),(?P<high>[^,]*?)\)\s*,)"
)
_VARIANT = re.compile(r"\(?\s*(\w+)\s*<<\s*MIDR_VARIANT_SHIFT\s*\)?\s*(?:\|\s*(\w+))?")
_LAST = (0xF, 0xF)
_Revision = tuple[int, int]


class Workarounds:
    """What the tree at ``root`` handles; a tree without the table handles all."""

    def __init__(self, root: Path) -> None:
        path = root / _FILE
        text = path.read_text(encoding="utf-8") if path.is_file() else None
        self._covered = None if text is None else _covered(text)

    def on(self, profile: Profile) -> Profile:
        """Return the profile with the errata that the tree does not know of."""
        core = CORES.get(profile.core)
        if core is None or self._covered is None:
            return profile
        model = f"MIDR_{core.name.upper().replace('-', '_')}"
        unhandled = {
            erratum.capability
            for erratum in core.errata
            if erratum.capability in profile.errata
            and not self._covers(model, erratum, self._covered)
        }
        return replace(profile, unhandled=frozenset(unhandled))

    def _covers(
        self,
        model: str,
        erratum: Erratum,
        covered: Mapping[tuple[str, str], _Revision],
    ) -> bool:
        last = covered.get((ERRATA[erratum.capability], model))
        return last is not None and last >= (erratum.until or _LAST)


def _covered(text: str) -> dict[tuple[str, str], _Revision]:
    """Return the last revision covered, by capability and name of the core."""
    found: dict[tuple[str, str], _Revision] = {}
    for entry in _ENTRY.finditer(text):
        model = entry["all"] or entry["model"]
        last = _LAST if entry["all"] else _revision(entry["high"])
        key = (entry["capability"], model)
        found[key] = max(found.get(key, (0, 0)), last)
    return found


def _revision(text: str) -> _Revision:
    """Read (variant, revision) of "(1 << MIDR_VARIANT_SHIFT) | 2", "0x04"."""
    found = _VARIANT.fullmatch(text.strip())
    if found is None:
        return (0, int(text.strip(), 0)) if _is_number(text) else (0, 0)
    return (int(found[1], 0), int(found[2] or "0", 0))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*(0x[0-9a-fA-F]+|\d+)\s*", text) is not None
