"""Say in words what a trace says in the model's short names."""

from __future__ import annotations

import re

from harness.assumptions import ASSUMPTIONS

__all__ = ["plain", "reading"]

_KINDS = {
    "S1": "stage-1",
    "S1W": "stage-1 walk",
    "S2": "stage-2",
    "S2W": "stage-2 walk",
    "S12": "combined",
    "S12W": "combined walk",
}
_KIND = "|".join(sorted(_KINDS, key=len, reverse=True))
_ONE = re.compile(rf"\b({_KIND}) ?(?=: )")
_OLD = re.compile(rf"\bthe old ({_KIND})\b")
_LIST = re.compile(rf"\b((?:{_KIND})(?:, (?:{_KIND}))*)(?: entries)?\b(?!:)")


def plain(text: str) -> str:
    """Write out the kinds of TLB entries, as "S12" or "S2, S2W"."""
    text = _ONE.sub(lambda m: f"a {_KINDS[m[1]]} entry", text)
    text = _OLD.sub(lambda m: f"the old {_KINDS[m[1]]} entry", text)
    return _LIST.sub(lambda m: f"{_named(m[1].split(', '))} entries", text)


def _named(kinds: list[str]) -> str:
    *first, last = (_KINDS[kind] for kind in kinds)
    return f"{', '.join(first)} and {last}" if first else last


def reading(setting: str) -> str:
    """Say what "name=value" takes the architecture to mean."""
    name, _, value = setting.partition("=")
    assumption = ASSUMPTIONS.get(name)
    if assumption is None:
        return setting
    if value == "on":
        return assumption.meaning.partition(";")[0]
    return f"{assumption.meaning} (here: {value})"
