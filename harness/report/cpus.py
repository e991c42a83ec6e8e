"""CPUs in words: for readers who know cores and errata, but not the profiles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.report.names import profiles_text
from reference_model.profiles import AARCH32_PROFILES, ARCHITECTURE_PROFILES

__all__ = ["cpus_text", "named_cpus"]

# A core is named for the one feature or erratum that the profile is about.
_WORDS = {
    "P0-v8.0": "of plain Armv8.0 (such as Cortex-A35, A73)",
    "P1-repeat": "with the repeat-TLBI erratum (such as Cortex-A76)",
    "P2-v8.4": "of Armv8.4",
    "P3-bbml2": "with FEAT_nTLBPA (such as Cortex-A725)",
    "P4-at-spec": "with the speculative-AT erratum (such as Cortex-A57, A72)",
    "P5-nested": "in a KVM guest",
    "a32-v7ve": "of Armv7 (such as Cortex-A7, A15)",
    "a32-v8": "of Armv8 (such as Cortex-A32)",
}

_PROFILE = re.compile("|".join(map(re.escape, _WORDS)))


def named_cpus(text: str) -> str:
    """Write out the profiles that a text names."""
    return _PROFILE.sub(lambda m: f"CPUs {_WORDS.get(m[0], m[0])}", text)


def cpus_text(some: Sequence[str], every: Sequence[str]) -> str:
    """Say on which of the CPUs that were checked something happens.

    Real cores, which were asked for by name, are told by name.
    """
    if not set(every) <= set(_WORDS):
        others = [name for name in every if name not in some]
        only = f", not on {profiles_text(others, every)}" if others else ""
        return f"{profiles_text(some, every)}{only}"
    groups = (("arm64", ARCHITECTURE_PROFILES), ("32-bit", AARCH32_PROFILES))
    parts = [
        _part(
            kind,
            [name for name in every if name in members and name in some],
            [name for name in every if name in members],
            complete=set(members) <= set(every),
        )
        for kind, members in groups
    ]
    # "all 32-bit; not arm64": where it happens comes first.
    return "; ".join(sorted(filter(None, parts), key=lambda p: p.startswith("not ")))


def _part(
    kind: str, some: Sequence[str], every: Sequence[str], *, complete: bool
) -> str:
    """Name the CPUs of one kind, or those that are not among them.

    Where not all of the kind were checked, none but those that were are spoken of.
    """
    if not every:
        return ""
    if not complete:
        others = [name for name in every if name not in some]
        without = f"not {kind} {_joined(others, 'or')}" if others else ""
        found = f"{kind} {_joined(some, 'and')}" if some else ""
        return ", ".join(filter(None, (found, without)))
    if not some:
        return f"not {kind}"
    if len(some) == len(every):
        return f"all {kind}"
    if 2 * len(some) <= len(every):
        return f"only {kind} {_joined(some, 'or')}"
    others = [name for name in every if name not in some]
    return f"all {kind} but those {_joined(others, 'and those')}"


def _joined(names: Sequence[str], word: str) -> str:
    *first, last = (_WORDS[name] for name in names)
    return f"{', '.join(first)} {word} {last}" if first else last
