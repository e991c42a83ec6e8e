"""The machine that a test runs on, with the changes that one line asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.assumptions import ASSUMPTIONS, read
from harness.errors import ParseError, UsageError
from reference_model.assumptions import Assumptions
from reference_model.coordinates import Coord
from reference_model.cores import PROFILES, chosen_profiles
from reference_model.profiles import Profile

__all__ = ["CHANGEABLE", "assumptions_of", "changed", "profile_of"]

_FEATURES = (
    "profile",
    "ntlbpa",
    "bbm",
    "ets",
    "vmid_bits",
    "ttl",
    "tlb_range",
    "vpipt",
)
CHANGEABLE = (*_FEATURES, *ASSUMPTIONS)
_SWITCH = {"on": True, "off": False, "1": True, "0": False}


def profile_of(name: str, coord: Coord | None) -> Profile:
    """Return a profile, of the architecture or of a core, by name."""
    found = chosen_profiles(name)
    if len(found) == 1:
        return PROFILES[found[0]]
    if found:
        several = ", ".join(found)
        raise ParseError(f"profile '{name}' is several: {several}", coord)
    raise ParseError(f"no profile '{name}': 'harness profiles' lists them", coord)


def changed(
    profile: Profile, changes: tuple[tuple[str, str], ...], coord: Coord | None
) -> Profile:
    """Return the profile with features set."""
    for name, text in changes:
        if name in ASSUMPTIONS:
            continue
        if name == "profile":
            profile = profile_of(text, coord)
            continue
        change = _change(name, getattr(profile, name), text, coord)
        profile = replace(profile, **change)
    return profile


def assumptions_of(
    given: tuple[tuple[str, str], ...],
    expected: tuple[tuple[str, str], ...],
    coord: Coord | None,
) -> Assumptions:
    """Return the assumptions of a test, some of them changed for one line."""
    words = {_assumption(name, coord): text for name, text in given}
    words |= {name: text for name, text in expected if name in ASSUMPTIONS}
    try:
        return read(f"{name}={_word(name, text)}" for name, text in words.items())
    except UsageError as error:
        raise ParseError(str(error), coord) from error


def _assumption(name: str, coord: Coord | None) -> str:
    known = name.replace("_", "-")
    by_field = {one.field: one.name for one in ASSUMPTIONS.values()}
    known = by_field.get(name, known)
    if known not in ASSUMPTIONS:
        raise ParseError(
            f"no assumption '{name}': 'harness assumptions' lists them", coord
        )
    return known


def _word(name: str, text: str) -> str:
    """Return the word for a value; on and off do for all that have two."""
    values = ASSUMPTIONS[name].values
    meant = [word for word, value in values if value is _SWITCH.get(text)]
    return meant[0] if meant and text in ("on", "off") else text


def _change(
    name: str, default: object, text: str, coord: Coord | None
) -> dict[str, Any]:
    if isinstance(default, bool):
        if text not in _SWITCH:
            raise ParseError(f"{name} is on or off, not '{text}'", coord)
        return {name: _SWITCH[text]}
    if isinstance(default, str):
        return {name: text}
    if not text.isdecimal():
        raise ParseError(f"{name} is a number, not '{text}'", coord)
    return {name: int(text)}
