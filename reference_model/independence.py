"""Which events of different PEs may change places without changing anything."""

from __future__ import annotations

from collections.abc import Sequence

from reference_model.assumptions import Assumptions
from reference_model.events import Event
from reference_model.footprints import Footprint, Footprints, Role
from reference_model.profiles import Profile
from reference_model.start import Start

__all__ = ["Independence"]


class Independence:
    """An independence relation on the events of traces that run side by side.

    Two neighbouring events of different PEs that are independent can be
    swapped: what every TLB may hold, and what the oracle says, stays the same.
    Events are named by (number of the trace, position in it).
    """

    def __init__(
        self,
        start: Start,
        before: Sequence[Event],
        traces: Sequence[Sequence[Event]],
        profile: Profile,
        assumptions: Assumptions,
    ) -> None:
        self._footprints = Footprints(start, before, traces, profile, assumptions)
        self._of = [self._footprints.of(trace) for trace in traces]
        self._known: dict[tuple[int, int, int, int], bool] = {}

    def independent(self, one: tuple[int, int], other: tuple[int, int]) -> bool:
        """Tell whether two events of different traces are independent."""
        key = (*one, *other)
        found = self._known.get(key)
        if found is None:
            first, second = self._of[one[0]][one[1]], self._of[other[0]][other[1]]
            found = self._commute(first, second)
            self._known[key] = self._known[(*other, *one)] = found
        return found

    def _commute(self, one: Footprint, other: Footprint) -> bool:
        roles = {one.role, other.role}
        if Role.LOCAL in roles:
            return True
        if Role.LOCK in roles:
            # A lock only orders what its takers do next (F2.9).
            return one.role is not other.role or one.lock != other.lock
        if Role.ANY in roles:
            return False
        if Role.ISSUE in roles and roles <= {Role.ISSUE, Role.CHECK}:
            # Nothing is removed before it is done (M4), and until a DSB two
            # operations are in no order, whatever the program order (R_YNJCP).
            return True
        if Role.CHECK in roles:
            return False
        return not self._touch(one, other)

    def _touch(self, one: Footprint, other: Footprint) -> bool:
        """Tell whether stores, TLBIs and DSBs can be about one entry.

        M1, M2: values and entries are per descriptor; those that no walk and
        no address has in common do not meet.  M4, M5: an operation depends on
        the values of what it selects, and on operations that hit the sources.
        """
        footprints = self._footprints
        if footprints.related(one.cells, other.cells):
            return True
        if any(footprints.selects(issue, other.cells) for issue in one.issues):
            return True
        if any(footprints.selects(issue, one.cells) for issue in other.issues):
            return True
        if (one.ends and other.issues) or (other.ends and one.issues):
            return True
        return any(footprints.meet(a, b) for a in one.issues for b in other.issues)
