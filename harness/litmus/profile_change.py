"""The profile that a test runs on, with the changes that one line asks for."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from harness.errors import ParseError
from reference_model.assumptions import Assumptions
from reference_model.coordinates import Coord
from reference_model.profiles import ARCHITECTURE_PROFILES, Profile

__all__ = ["CHANGEABLE", "assumptions_of", "changed", "profile_of"]

CHANGEABLE = ("profile", "ntlbpa", "bbm", "ets", "vmid_bits", "ttl", "tlb_range")
_SWITCH = {"on": True, "off": False, "1": True, "0": False}


def profile_of(name: str, coord: Coord | None) -> Profile:
    """Return a profile by name."""
    found = ARCHITECTURE_PROFILES.get(name)
    if found is None:
        known = ", ".join(ARCHITECTURE_PROFILES)
        raise ParseError(f"no profile '{name}': {known}", coord)
    return found


def changed(
    profile: Profile, changes: tuple[tuple[str, str], ...], coord: Coord | None
) -> Profile:
    """Return the profile with features set."""
    for name, text in changes:
        if name == "profile":
            profile = profile_of(text, coord)
            continue
        change = _change(name, getattr(profile, name), text, coord)
        profile = replace(profile, **change)
    return profile


def assumptions_of(given: tuple[tuple[str, str], ...], file: str) -> Assumptions:
    """Return the assumptions, some of them set."""
    chosen = Assumptions()
    known = [f.name for f in fields(Assumptions)]
    for name, text in given:
        if name not in known:
            raise ParseError(
                f"no assumption '{name}': {', '.join(known)}", Coord(file, 1)
            )
        change = _change(name, getattr(chosen, name), text, Coord(file, 1))
        chosen = replace(chosen, **change)
    return chosen


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
