"""Some of many violations that come about alike.

A loop over a table can break a rule once for each of 512 entries, and each
explanation replays the whole trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reference_model.events import Event
from reference_model.violations import Violation

__all__ = ["sampled"]

_MANY = 64
_ENDS = 8  # of many, so many are kept at either end


def sampled(
    violations: Iterable[Violation], events: Sequence[Event]
) -> list[Violation]:
    """Return the violations, of many made by one store alike only some.

    Alike are those of the same property and PE at the same place of the code,
    reached by the same calls, with the same place that made the entry stale.
    """
    every = list(violations)
    groups: dict[object, list[int]] = {}
    for number, violation in enumerate(every):
        places = (_origin(events, violation.index), _origin(events, violation.since))
        key = (
            violation.broken,
            violation.pe,
            violation.kind,
            violation.vmid,
            violation.reason,
            violation.conflict,
            places,
        )
        groups.setdefault(key, []).append(number)
    return [every[n] for n in sorted(n for g in groups.values() for n in _ends(g))]


def _origin(events: Sequence[Event], index: int) -> object:
    return events[index].origin if 0 <= index < len(events) else None


def _ends(group: list[int]) -> list[int]:
    return group if len(group) <= _MANY else group[:_ENDS] + group[-_ENDS:]
