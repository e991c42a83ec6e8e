"""How what is known of a core is written down: value by value, with its source."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CoreValues", "Erratum", "KnownField", "Register"]


@dataclass(frozen=True, slots=True)
class Register:
    """An ID register as a source gives it.

    ``hidden`` names fields that the source does not show as the core has them.
    """

    name: str
    value: int
    source: str
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownField:
    """One field of an ID register of which the rest is not known."""

    name: str
    value: int
    source: str


@dataclass(frozen=True, slots=True)
class Erratum:
    """An erratum of a core.

    ``capability`` is what it makes of the machine: the name of an erratum of
    a profile, or "BBM" where the core only keeps level 0 of what it says.
    ``until`` is the last (variant, revision) that has it, None if all do.
    Whatever the revision, it counts as present.
    """

    capability: str
    number: str
    revisions: str
    until: tuple[int, int] | None
    source: str


@dataclass(frozen=True, slots=True)
class CoreValues:
    """What is known of one core."""

    name: str
    summary: str
    midr: int | None
    midr_source: str
    registers: tuple[Register, ...] = ()
    fields: tuple[KnownField, ...] = ()
    errata: tuple[Erratum, ...] = ()
