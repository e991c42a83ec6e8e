"""The emulator's names of the general registers."""

from unicorn.arm64_const import (
    UC_ARM64_REG_X0,
    UC_ARM64_REG_X29,
    UC_ARM64_REG_X30,
)

from reference_model.coordinates import Coord

__all__ = ["NOWHERE", "X"]

NOWHERE = Coord("<machine>", 0)  # where compiled code is, as far as is known
X = [UC_ARM64_REG_X0 + n for n in range(29)] + [UC_ARM64_REG_X29, UC_ARM64_REG_X30]
