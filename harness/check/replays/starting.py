"""The state in which a recorded run starts."""

from __future__ import annotations

from harness.targets import TARGET, Run
from reference_model.start import Start

__all__ = ["start_of"]


def start_of(run: Run) -> Start:
    """Return where the trace of a run starts."""
    return Start(
        len(run.initial_registers),
        dict(run.initial_memory),
        run.initial_registers,
        conflict_aborts_handled=TARGET.conflict_aborts_handled,
    )
