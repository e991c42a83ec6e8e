"""Code that is right only because an alternative for an erratum adds to it.

The alternative's barriers and TLBIs are there for something else, and go when
the workaround changes (F6.6b).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.check.diagnosis import Diagnosis
from harness.check.rules import RULES
from reference_model.profiles import Profile

__all__ = ["HIDDEN_RULE", "hidden_by_alternative", "plain_profile"]

HIDDEN_RULE = "right-only-on-profile"


def plain_profile(profile: Profile, analysed: Sequence[Profile]) -> Profile | None:
    """Return the same CPU without its errata, if it is not analysed itself.

    Where it is, what is wrong there is told there.
    """
    if not profile.errata:
        return None
    plain = replace(profile, errata=frozenset[str]())
    known = [replace(each, name="", summary="") for each in analysed]
    return None if replace(plain, name="", summary="") in known else plain


def hidden_by_alternative(
    here: Sequence[Diagnosis], plain: Sequence[Diagnosis]
) -> list[Diagnosis]:
    """Return, as warnings, what is diagnosed on the plain CPU and not here."""
    known = {(d.rule, d.location.file, d.location.line) for d in here}
    return [
        replace(diagnosis, rule=HIDDEN_RULE, message=RULES[HIDDEN_RULE].message)
        for diagnosis in plain
        if (diagnosis.rule, diagnosis.location.file, diagnosis.location.line)
        not in known
    ]
