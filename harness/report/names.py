"""Short names of source files, and lists of names that stay short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = [
    "and_more",
    "core_of",
    "counted",
    "every_profile_text",
    "profiles_text",
    "short_names",
]


def short_names(files: Iterable[str]) -> dict[str, str]:
    """Give each file the shortest tail of its path that no other file ends in."""
    every = sorted(set(files))
    names = {}
    for file in every:
        parts = file.split("/")
        for depth in range(1, len(parts) + 1):
            tail = "/".join(parts[-depth:])
            if sum(f"/{other}".endswith(f"/{tail}") for other in every) == 1:
                break
        names[file] = tail
    return names


def counted(number: int, noun: str) -> str:
    """Return "1 error", "2 errors", "2 recoveries"."""
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun}"


def and_more(names: Sequence[str], shown: int, what: str = "more") -> str:
    """List the first names and count the rest."""
    if len(names) <= shown:
        return ", ".join(names)
    return f"{', '.join(names[:shown])} (+{len(names) - shown} {what})"


def profiles_text(some: Sequence[str], every: Sequence[str]) -> str:
    """Name the profiles, or say that it is all of them.

    Variants of a core are named together, by what they have in common.
    """
    if len(every) > 3 and set(some) == set(every):
        return f"all {len(every)} profiles"
    cores = dict.fromkeys(core_of(name) for name in some)
    return ", ".join(
        _variants(
            [name for name in some if core_of(name) == core],
            [name for name in every if core_of(name) == core],
        )
        for core in cores
    )


def every_profile_text(every: Sequence[str]) -> str:
    """Name all profiles; the variants of a core are counted."""
    cores = dict.fromkeys(map(core_of, every))
    counts = {core: sum(core_of(name) == core for name in every) for core in cores}
    return ", ".join(
        core if core in every else f"{core} ({counted(count, 'variant')})"
        for core, count in counts.items()
    )


def core_of(profile: str) -> str:
    """Return "Neoverse-V2" for "Neoverse-V2[bbm=1]"."""
    return profile.partition("[")[0]


def _variants(some: Sequence[str], every: Sequence[str]) -> str:
    """Name some variants of one core."""
    core = core_of(some[0])
    if (len(some) == 1 and some[0] == core) or set(some) == set(every):
        return core
    common = frozenset.intersection(*map(_settings, some))
    alike = [name for name in every if common <= _settings(name)]
    if common and len(alike) == len(some):
        told = [part for part in _parts(some[0]) if part in common]
        return f"{core}[{'+'.join(told)}]"
    return f"{core} ({len(some)} of {len(every)} variants)"


def _parts(profile: str) -> list[str]:
    return profile.partition("[")[2].rstrip("]").split("+")


def _settings(profile: str) -> frozenset[str]:
    return frozenset(_parts(profile))
