"""The rules that the model implements: its own, and those of the architecture."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["KnownRule", "known_rules"]


@dataclass(frozen=True, slots=True)
class KnownRule:
    """A rule by its id, in a few words.

    ``homes`` are places that implement it, beside those that cite it;
    ``reason`` tells why there is none.
    """

    id: str
    group: str
    says: str
    homes: tuple[str, ...] = ()
    reason: str = ""


@cache
def known_rules() -> dict[str, KnownRule]:
    """Return every rule, by id, in the order of the file."""
    file = resources.files(__package__).joinpath("arm_rules.toml")
    groups = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        name: _rule(name, group, value)
        for group, rules in groups.items()
        for name, value in rules.items()
    }


def _rule(name: str, group: str, value: str | dict[str, object]) -> KnownRule:
    if isinstance(value, str):
        return KnownRule(name, group, value)
    homes = value.get("homes", [])
    assert isinstance(homes, list)
    says, reason = (str(value.get(key, "")) for key in ("says", "reason"))
    return KnownRule(name, group, says, tuple(homes), reason)
