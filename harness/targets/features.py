"""What of a CPU profile the code under test can see."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from harness.errors import TreeError
from harness.ir.layout import offset_of, size_of
from harness.ir.nodes import Unit
from harness.ir.types import Array
from harness.targets.physical import PES

__all__ = [
    "ERRATA",
    "ProfileFeatures",
    "ProfileInputs",
    "cpuinfo_places",
]

# The variables that hold them: of the system (from 4.16 on), of the boot CPU (before
# that), of each CPU.
_CPUINFO_VARIABLES = ("system_cpuinfo", "boot_cpu_data", "cpu_data")

# Errata of a profile by the macro that numbers the capability.
ERRATA = {
    "REPEAT_TLBI": "ARM64_WORKAROUND_REPEAT_TLBI",
    "AT_SPECULATE": "ARM64_WORKAROUND_AT_SPECULATE",
}


class ProfileInputs(Protocol):
    """What of a CPU profile the code under test can see."""

    @property
    def id_registers(self) -> Mapping[str, int]:
        """Values of ID registers by name; absent ones read as zero."""

    @property
    def workarounds(self) -> frozenset[str]:
        """Names of the errata whose workaround is on."""


@dataclass(frozen=True, slots=True)
class ProfileFeatures:
    """The execution's view of a profile."""

    inputs: ProfileInputs
    capabilities: Mapping[str, int]  # erratum -> number in this tree

    def alternative(self, feature: int) -> bool:
        """Tell whether the alternative for a capability is patched in."""
        return feature in self.numbers()

    def register(self, pe: int, name: str) -> int | None:
        """Return the value of an ID register."""
        if name == "MPIDR_EL1":
            return 1 << 31 | pe
        return self.inputs.id_registers.get(name)

    def numbers(self) -> frozenset[int]:
        """Return the numbers of the capabilities that are on."""
        return frozenset(
            self.capabilities[erratum]
            for erratum in self.inputs.workarounds
            if erratum in self.capabilities
        )


def cpuinfo_places(unit: Unit, cpuinfo: Mapping[str, str]) -> dict[str, dict[int, str]]:
    """Return the ID registers that variables hold, by variable and byte offset.

    ``cpuinfo`` has the registers by path of the member of struct cpuinfo_arm.
    """
    found: dict[str, dict[int, str]] = {}
    for name in _CPUINFO_VARIABLES:
        variable = unit.globals.get(name)
        if variable is None:
            continue
        info, copies = variable.type, 1
        if isinstance(info, Array):
            info, copies = info.element, PES
        found[name] = places = {}
        for path, register in cpuinfo.items():
            with suppress(TreeError):  # an old version keeps fewer registers
                first = offset_of(info, path).offset
                for copy in range(copies):
                    places[first + copy * size_of(info)] = register
    return found
