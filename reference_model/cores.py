"""Real cores: the values of their ID registers, where those come from, errata.

A value that no source gives is unknown.  A core then stands for every machine
that it may be: one profile for each combination of what the machine depends
on, and a result holds for the core only if it holds for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from reference_model.core_sources import CoreValues, Erratum
from reference_model.core_values import CORE_VALUES
from reference_model.id_fields import ID_FIELDS, ID_REGISTERS, IdField
from reference_model.profiles import (
    AARCH32_PROFILES,
    ARCHITECTURE_PROFILES,
    AT_SPECULATE,
    PA_RANGES,
    REPEAT_TLBI,
    Profile,
)

__all__ = ["CORES", "PROFILES", "UNKNOWN", "Core", "Value", "chosen_profiles"]

UNKNOWN = "unknown: no public source was found that gives it"
_MODELLED = frozenset({REPEAT_TLBI, AT_SPECULATE})
_PA_BITS = {code: bits for bits, code in PA_RANGES.items()}


@dataclass(frozen=True, slots=True)
class Value:
    """A field's value, None if unknown, and where it comes from."""

    value: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Core:
    """One core as its sources give it."""

    values: CoreValues

    @property
    def name(self) -> str:
        """Return the name, as "Cortex-A76"."""
        return self.values.name

    @property
    def summary(self) -> str:
        """Return one line on what the core is."""
        return self.values.summary

    @property
    def errata(self) -> tuple[Erratum, ...]:
        """Return the errata that concern translation."""
        return self.values.errata

    def register(self, name: str) -> Value:
        """Return an ID register as it was read."""
        for register in self.values.registers:
            if register.name == name:
                return Value(register.value, register.source)
        return Value(None, UNKNOWN)

    def field(self, name: str) -> Value:
        """Return a field of an ID register."""
        for known in self.values.fields:
            if known.name == name:
                return Value(known.value, known.source)
        field = ID_FIELDS[name]
        for register in self.values.registers:
            if register.name == field.register and name not in register.hidden:
                return Value(field.of(register.value), register.source)
        return Value(None, UNKNOWN)

    @property
    def unknown(self) -> tuple[IdField, ...]:
        """Return the fields that the machine depends on and nobody has told."""
        return tuple(
            field
            for field in ID_FIELDS.values()
            if field.parameter and self.field(field.name).value is None
        )

    def profiles(self) -> tuple[Profile, ...]:
        """Return every machine that the core may be."""
        unknown = self.unknown
        return tuple(
            self._profile(dict(zip((f.name for f in unknown), chosen, strict=True)))
            for chosen in product(*(field.choices for field in unknown))
        )

    def _profile(self, chosen: dict[str, int]) -> Profile:
        variant = "+".join(f"{name.lower()}={value}" for name, value in chosen.items())
        values = {
            field.parameter: self._known(field.name, chosen)
            for field in ID_FIELDS.values()
            if field.parameter
        }
        untrue = any(erratum.capability == "BBM" for erratum in self.errata)
        # None has VPIPT instruction caches: CTR_EL0.L1Ip is VIPT or PIPT wherever
        # it was read, and the architecture has taken VPIPT back.
        return Profile(
            f"{self.name}[{variant}]" if variant else self.name,
            self.summary,
            ntlbpa=values["ntlbpa"] > 0,
            bbm=0 if untrue else values["bbm"],
            ets=values["ets"],
            vmid_bits=16 if values["vmid_bits"] else 8,
            ttl=values["ttl"] > 0,
            tlb_range=values["tlb_range"] > 1,
            pa_bits=_PA_BITS[values["pa_bits"]],
            errata=frozenset(e.capability for e in self.errata) & _MODELLED,
            core=self.name,
            registers=self._registers(),
            bbm_advertised=values["bbm"] if untrue else None,
        )

    def _known(self, name: str, chosen: dict[str, int]) -> int:
        value = self.field(name).value
        return chosen[name] if value is None else value

    def _registers(self) -> tuple[tuple[str, int], ...]:
        """Return the registers that were read, with what is known better."""
        values = {register.name: register.value for register in self.values.registers}
        for known in self.values.fields:
            field = ID_FIELDS[known.name]
            value = values.get(field.register, 0) & ~(0xF << field.shift)
            values[field.register] = value | known.value << field.shift
        return tuple((name, values[name]) for name in ID_REGISTERS if name in values)


CORES: dict[str, Core] = {values.name: Core(values) for values in CORE_VALUES}

# Every profile by its full name.
PROFILES: dict[str, Profile] = {
    **ARCHITECTURE_PROFILES,
    **AARCH32_PROFILES,
    **{p.name: p for core in CORES.values() for p in core.profiles()},
}


def chosen_profiles(name: str) -> tuple[str, ...]:
    """Return the full names that a name stands for, none if it is not known.

    "all" is the architecture's profiles, those of "arm64" and those of "arm32";
    "cores" is every core; a core is all of its variants.  Upper and lower case are
    alike.
    """
    wanted = name.lower()
    families = {
        "all": (*ARCHITECTURE_PROFILES, *AARCH32_PROFILES),
        "arm64": tuple(ARCHITECTURE_PROFILES),
        "arm32": tuple(AARCH32_PROFILES),
    }
    if wanted in families:
        return families[wanted]
    if wanted == "cores":
        return tuple(p.name for core in CORES.values() for p in core.profiles())
    for core in CORES.values():
        if core.name.lower() == wanted:
            return tuple(profile.name for profile in core.profiles())
    return tuple(full for full in PROFILES if full.lower() == wanted)
