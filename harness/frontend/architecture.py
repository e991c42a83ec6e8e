"""The architectures that C is read for: sizes and macros."""

from __future__ import annotations

from dataclasses import dataclass

from harness.frontend.builtin_macros import (
    BUILTIN_MACROS,
    BUILTIN_MACROS_ARM32,
    macros_header,
)
from harness.ir.data_model import ILP32, LP64, DataModel

__all__ = ["ARM32", "ARM64", "Architecture"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture that a source tree can be built for."""

    name: str
    model: DataModel
    macros: str

    def builtin_macros_header(self) -> str:
        """Return the predefined macros as a header to be included first."""
        return macros_header(self.macros)


ARM64 = Architecture("arm64", LP64, BUILTIN_MACROS)
ARM32 = Architecture("arm32", ILP32, BUILTIN_MACROS_ARM32)
