"""The simulated PEs: their system registers and the profile behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Cpu", "Features", "NoFeatures"]


class Features(Protocol):
    """What a profile answers."""

    def alternative(self, feature: int) -> bool:
        """Tell whether the ALTERNATIVE of this capability is patched in."""

    def register(self, pe: int, name: str) -> int | None:
        """Return the value of an identification register, or None."""


class NoFeatures:
    """A machine with no capability and no known register."""

    def alternative(self, feature: int) -> bool:  # noqa: ARG002 - protocol
        """Answer no."""
        return False

    def register(self, pe: int, name: str) -> int | None:  # noqa: ARG002 - protocol
        """Know nothing."""
        return None


class Cpu:
    """The PEs of one run.

    ``pe`` is the one that executes; ``registers`` holds the system registers
    in program order, as MRS would read them.  ``translate`` answers an AT
    instruction (op, address) with a value for PAR_EL1.
    """

    def __init__(self, features: Features | None = None, pe: int = 0) -> None:
        self.features: Features = NoFeatures() if features is None else features
        self.pe = pe
        self.registers: dict[tuple[int, str], int] = {}
        self.translate: Callable[[str, int], int | None] | None = None
        self.monitors: dict[int, int] = {}  # pe -> address of its exclusive load
