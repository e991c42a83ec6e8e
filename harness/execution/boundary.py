"""Where the C under test ends: calls of functions modelled in Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.execution.cpu import Cpu
from harness.execution.memory import Memory
from harness.ir.types import CType
from reference_model.coordinates import Coord, Origin
from reference_model.events import Event

if TYPE_CHECKING:
    from harness.execution.run import Execution

__all__ = ["Boundary", "BoundaryCall"]


@dataclass(slots=True)
class BoundaryCall:
    """One call that leaves the C under test.

    ``arguments`` are in the range of their C types; a struct passed by value
    appears as its content, a little-endian number of the struct's size.  The
    model returns the result the same way.
    """

    execution: Execution
    name: str
    arguments: tuple[int, ...]
    coord: Coord
    result: CType | None  # None: not known

    @property
    def origin(self) -> Origin:
        """Return the place of the call, with the stack around it."""
        return self.execution.call_origin()

    @property
    def memory(self) -> Memory:
        """Return the simulated memory."""
        return self.execution.memory

    @property
    def cpu(self) -> Cpu:
        """Return the PEs."""
        return self.execution.cpu

    @property
    def pe(self) -> int:
        """Return the PE that makes the call."""
        return self.execution.cpu.pe

    def run_body(self) -> int | None:
        """Run the function's own body, if the unit has one."""
        if self.name not in self.execution.unit.functions:
            return None
        result: int | None = self.execution.body(self.name)(*self.arguments)
        return result

    def emit(self, event: Event) -> None:
        """Record an event; without an origin it gets that of the call."""
        if event.origin is None:
            event = replace(event, origin=self.origin)
        self.execution.recorder.add(event)

    def store(self, address: int, size: int, value: int) -> None:
        """Store as C would, with an event where memory is physical."""
        self.execution.store(address, size, value, self.origin)


Boundary = Callable[[BoundaryCall], int | None]
