"""Run lowered C, to compare it with what a compiler makes of it."""

from __future__ import annotations

from harness.execution.cpu import Cpu
from harness.execution.memory import Memory
from harness.execution.program import Program
from harness.execution.recorder import Recorder
from harness.execution.run import Execution
from harness.ir.nodes import Unit


def execution(unit: Unit) -> Execution:
    return Execution(Program(unit), Memory(), Cpu(None), Recorder(), {})
