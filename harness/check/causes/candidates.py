"""Candidate repairs for a violation: what could have been done differently.

They come from the events between the moment at which the witness became
wrong and the moment at which it counts, never from the source text.
"""

from __future__ import annotations

from harness.check.causes.additions import (
    empty_roots,
    flush,
    repeat,
    stage_steps,
    switch,
)
from harness.check.causes.corrections import (
    barriers,
    completing,
    misplaced,
    ordering,
    synchronise,
    tlbis,
)
from harness.check.causes.domains import wider
from harness.check.causes.edits import Edit
from harness.check.causes.guests import forced_broadcast
from harness.check.causes.operands import regime
from harness.check.causes.sizes import page_bits
from harness.check.causes.vmids import allocation
from harness.check.causes.walkers import cleaning, iommus, own_pe, publication
from harness.check.causes.window import Window
from reference_model.violations import Property

__all__ = ["candidates"]


_EVERYWHERE = (
    barriers,
    misplaced,
    tlbis,
    wider,
    synchronise,
    regime,
    completing,
    ordering,
    allocation,
    page_bits,
    own_pe,
    publication,
    iommus,
    cleaning,
)


def candidates(window: Window) -> list[Edit]:
    """List the edits that could mend the violation of ``window``."""
    if window.violation.reason == "mixed":
        return list(empty_roots(window))
    if window.violation.reason == "fb":
        return list(forced_broadcast(window))
    edits: list[Edit] = []
    for source in _EVERYWHERE:
        edits.extend(source(window))
    if window.violation.broken is Property.M7:
        edits.extend(repeat(window))
    elif window.violation.reason == "vcpu":
        edits.extend(switch(window))
    else:
        edits.extend(stage_steps(window))
        edits.extend(flush(window))
    return edits
