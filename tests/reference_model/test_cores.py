"""Real cores: every value has a source, and what is unknown is tried both ways."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from reference_model.cores import CORES, PROFILES, UNKNOWN, Core, chosen_profiles
from reference_model.id_fields import ID_FIELDS, ID_REGISTERS
from reference_model.profiles import (
    AARCH32_PROFILES,
    ARCHITECTURE_PROFILES,
    AT_SPECULATE,
    REPEAT_TLBI,
    Profile,
)

MODEL = Path(__file__).resolve().parents[2] / "reference_model"
WANTED = {
    *(f"Cortex-{name}" for name in ("A53", "A55", "A57", "A72", "A76", "A510", "X4")),
    *(f"Neoverse-{name}" for name in ("N1", "N2", "V1", "V2", "V3")),
    *("Apple-M1", "Armv8.0-generic", "Armv9-max"),
}

each_core = pytest.mark.parametrize("core", CORES.values(), ids=lambda core: core.name)


def test_the_cores_that_matter_are_there() -> None:
    assert set(CORES) >= WANTED


@each_core
def test_every_value_says_where_it_stands(core: Core) -> None:
    for name in ID_FIELDS:
        value = core.field(name)
        assert value.source
        assert (value.value is None) == (value.source == UNKNOWN)
    for name in ID_REGISTERS:
        assert core.register(name).source
    assert core.values.midr is None or len(core.values.midr_source) > 1
    for erratum in core.errata:
        assert erratum.number
        assert erratum.revisions
        assert erratum.source


@each_core
def test_registers_come_back_as_they_were_read(core: Core) -> None:
    for profile in core.profiles():
        told = profile.id_registers
        for register in core.values.registers:
            kept = register.value
            given = told[register.name]
            for name in register.hidden:
                field = ID_FIELDS[name]
                kept &= ~(0xF << field.shift)
                given &= ~(0xF << field.shift)
            assert given == kept, (profile.name, register.name)
        for known in core.values.fields:
            field = ID_FIELDS[known.name]
            assert field.of(told[field.register]) == known.value


@each_core
def test_unknown_values_are_tried_in_every_combination(core: Core) -> None:
    unknown = core.unknown
    wanted = set(product(*(field.choices for field in unknown)))
    assert all(len(field.choices) > 1 for field in unknown)
    told = {
        tuple(f.of(p.id_registers[f.register]) for f in unknown)
        for p in core.profiles()
    }
    assert told == wanted
    assert len(core.profiles()) == len(wanted)
    names = [profile.name for profile in core.profiles()]
    assert len(set(names)) == len(names)
    assert all("," not in name for name in names)


def test_fields_are_read_from_the_register() -> None:
    n2 = CORES["Neoverse-N2"]
    assert n2.field("BBM").value == 2
    assert n2.field("TTL").value == 1
    assert n2.field("VMIDBits").value == 2
    assert n2.field("PARange").value == 5
    (profile,) = n2.profiles()
    assert (profile.bbm, profile.ttl, profile.vmid_bits) == (2, True, 16)
    assert (profile.pa_bits, profile.tlb_range) == (48, True)


def test_what_a_guest_of_kvm_is_not_shown_is_unknown() -> None:
    v2 = CORES["Neoverse-V2"]
    assert v2.field("nTLBPA").value is None
    assert v2.field("VMIDBits").value == 2
    assert {p.ntlbpa for p in v2.profiles()} == {False, True}


def test_an_erratum_that_undoes_a_feature_leaves_what_software_reads() -> None:
    for profile in CORES["Neoverse-V3"].profiles():
        assert profile.bbm == 0
        bbm = ID_FIELDS["BBM"]
        assert bbm.of(profile.id_registers[bbm.register]) == 2


def test_errata() -> None:
    def errata(name: str) -> frozenset[str]:
        (one,) = {profile.errata for profile in CORES[name].profiles()}
        return one

    assert errata("Cortex-A72") == {AT_SPECULATE}
    assert errata("Cortex-A76") == {AT_SPECULATE, REPEAT_TLBI}
    assert errata("Neoverse-V2") == {REPEAT_TLBI}
    assert errata("Cortex-A73") == frozenset()


def test_names() -> None:
    assert chosen_profiles("arm64") == tuple(ARCHITECTURE_PROFILES)
    assert chosen_profiles("arm32") == tuple(AARCH32_PROFILES)
    assert chosen_profiles("all") == (*ARCHITECTURE_PROFILES, *AARCH32_PROFILES)
    assert chosen_profiles("cortex-a72") == ("Cortex-A72",)
    assert chosen_profiles("p0-V8.0") == ("P0-v8.0",)
    assert len(chosen_profiles("CORTEX-A510")) == len(CORES["Cortex-A510"].profiles())
    assert chosen_profiles("Cortex-A510[vmidbits=0+ets=2+ntlbpa=1+bbm=1]")
    assert chosen_profiles("Cortex-A1") == ()
    assert set(chosen_profiles("cores")) == set(PROFILES) - {
        *ARCHITECTURE_PROFILES,
        *AARCH32_PROFILES,
    }


def test_behaviour_is_all_that_the_machine_reads() -> None:
    """Profiles of one behaviour are one machine: nothing may read more."""
    read = set()
    for path in MODEL.rglob("*.py"):
        if path.stem not in ("profiles", "cores", "core_values"):
            text = path.read_text(encoding="utf-8")
            read |= set(re.findall(r"\bprofile\.([a-z_]+)", text))
    fields = set(Profile.__dataclass_fields__)
    whole = {"name", "summary", "nested", "core", "unhandled", "registers"}
    unread = {"pa_bits", "bbm_advertised"}
    assert len(ARCHITECTURE_PROFILES["P0-v8.0"].behaviour) == len(
        fields - whole - unread
    )
    assert read & fields <= fields - whole - unread | {"name"}
