"""``harness profiles``: what the CPUs are that code is checked for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from harness.commands.outcome import Outcome
from harness.errors import UsageError
from harness.report.terminal import hanging
from reference_model.core_sources import Erratum
from reference_model.cores import CORES, PROFILES, UNKNOWN, Core
from reference_model.id_fields import ID_FIELDS, ID_REGISTERS, IdField
from reference_model.profiles import (
    AARCH32_PROFILES,
    ARCHITECTURE_PROFILES,
    Profile,
)

__all__ = ["add_arguments", "run"]

_DEFINED = "definition of the profile"
_Cited = Callable[[str], str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="show every field of one, with its source, and its errata",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> Outcome:
    """Return the list, or everything about one profile or core."""
    if arguments.name is None:
        return Outcome(_json(_every()) if arguments.json else _list())
    one = _named(arguments.name)
    return Outcome(_json(_data(one)) if arguments.json else _page(one))


def _named(name: str) -> Profile | Core:
    every: dict[str, Profile | Core] = {**PROFILES, **CORES}
    for full, one in every.items():
        if full.lower() == name.lower():
            # A core without unknown values is its only variant's name, too.
            return CORES.get(full, one)
    raise UsageError(f"no profile '{name}': 'harness profiles' lists them")


# ----------------------------------------------------------------------- list


def _list() -> str:
    width = max(map(len, (*ARCHITECTURE_PROFILES, *CORES)))
    lines = ["of the architecture (--profile all, the default):"]
    for name, family in (
        ("arm64", ARCHITECTURE_PROFILES),
        ("arm32", AARCH32_PROFILES),
    ):
        lines.append(f" {name} (--profile {name}):")
        for profile in family.values():
            lines += hanging(f"  {profile.name:<{width}}  ", profile.summary)
    lines.append("real cores (--profile cores):")
    for core in CORES.values():
        lines += hanging(f"  {core.name:<{width}}  ", _in_short(core))
    return "\n".join(lines) + "\n"


def _in_short(core: Core) -> str:
    parts = [core.summary]
    if core.errata:
        parts.append(", ".join(dict.fromkeys(e.capability for e in core.errata)))
    if core.unknown:
        unknown = ", ".join(field.name for field in core.unknown)
        parts.append(f"unknown: {unknown}, so {len(core.profiles())} variants")
    return "; ".join(parts)


# ------------------------------------------------------------------- one page


def _page(one: Profile | Core) -> str:
    sources: dict[str, int] = {}

    def cited(source: str) -> str:
        return f"[{sources.setdefault(source, len(sources) + 1)}]"

    lines = [*hanging(f"{one.name}: ", one.summary), ""]
    lines += _register_lines(one, cited) if isinstance(one, Core) else []
    if isinstance(one, Profile) and one.aarch32:
        registers = one.id_registers.items()
        source = cited(_DEFINED)
        lines += [f"{name:<16}  {value:#010x}  {source}" for name, value in registers]
    width = max(map(len, ID_FIELDS))
    for field in _fields(one):
        value, source = _field(one, field)
        known = f"{'unknown' if value is None else value:<7}  {cited(source):<4}"
        lines += hanging(f"{field.name:<{width}}  {known}  ", field.meaning)
    lines += ["", *_errata_lines(one, cited)]
    if isinstance(one, Core) and one.unknown:
        text = "what the core may be; a result holds only if it holds for all"
        lines += ["", *hanging("variants: ", text)]
        lines += [f"  {profile.name}" for profile in one.profiles()]
    lines.append("")
    for source, number in sources.items():
        lines += hanging(f"[{number}] ", source)
    return "\n".join(lines) + "\n"


def _register_lines(core: Core, cited: _Cited) -> list[str]:
    lines = []
    midr = core.values.midr
    if midr is not None:
        source = cited(core.values.midr_source)
        lines.append(f"{'MIDR_EL1':<16}  {midr:#018x}  {source}")
    for name in ID_REGISTERS:
        register = core.register(name)
        text = "unknown" if register.value is None else f"{register.value:#018x}"
        lines.append(f"{name}  {text:<18}  {cited(register.source)}")
    return [*lines, ""]


def _errata_lines(one: Profile | Core, cited: _Cited) -> list[str]:
    if not isinstance(one, Core):
        names = sorted(one.errata)
        return [f"errata: {', '.join(names) or 'none'}"]
    if not one.errata:
        return ["errata: none is listed"]
    lines = ["errata, taken to be there whatever the revision:"]
    for erratum in one.errata:
        text = f"{erratum.number}, revisions: {erratum.revisions}"
        lines += hanging(f"  {erratum.capability:<12}  {cited(erratum.source)}  ", text)
    return lines


def _fields(one: Profile | Core) -> list[IdField]:
    """Return the fields that one has: a profile, what the machine depends on."""
    if isinstance(one, Profile) and one.aarch32:
        return []  # they are about AArch64
    whole = isinstance(one, Core) or one.core
    return [field for field in ID_FIELDS.values() if whole or field.parameter]


def _field(one: Profile | Core, field: IdField) -> tuple[int | None, str]:
    core = one if isinstance(one, Core) else CORES.get(one.core)
    value = None if core is None else core.field(field.name)
    if value is not None and (value.value is not None or isinstance(one, Core)):
        return value.value, value.source
    if isinstance(one, Core) or not field.parameter:
        return None, UNKNOWN
    return field.of(one.id_registers[field.register]), _DEFINED


# ----------------------------------------------------------------------- JSON


def _json(data: object) -> str:
    return json.dumps(data, indent=1) + "\n"


def _every() -> list[dict[str, object]]:
    every: list[Profile | Core] = [
        *ARCHITECTURE_PROFILES.values(),
        *AARCH32_PROFILES.values(),
        *CORES.values(),
    ]
    return [_data(one) for one in every]


def _data(one: Profile | Core) -> dict[str, object]:
    core = one if isinstance(one, Core) else CORES.get(one.core)
    variants = [p.name for p in one.profiles()] if isinstance(one, Core) else []
    fields = {}
    for field in _fields(one):
        value, source = _field(one, field)
        fields[field.name] = {"value": value, "bits": field.bits, "source": source}
    return {
        "name": one.name,
        "kind": "architecture" if core is None else "core",
        "summary": one.summary,
        "midr": None if core is None else core.values.midr,
        "fields": fields,
        "errata": [_erratum(e) for e in core.errata]
        if core is not None
        else [{"capability": name} for name in sorted(_errata_of(one))],
        "variants": variants,
    }


def _errata_of(one: Profile | Core) -> frozenset[str]:
    return one.errata if isinstance(one, Profile) else frozenset()


def _erratum(erratum: Erratum) -> dict[str, object]:
    return {
        "capability": erratum.capability,
        "number": erratum.number,
        "revisions": erratum.revisions,
        "source": erratum.source,
    }
