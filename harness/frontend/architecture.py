"""The architectures that C is read for: sizes, macros, configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.frontend.builtin_macros import (
    BUILTIN_MACROS,
    BUILTIN_MACROS_ARM32,
    macros_header,
)
from harness.frontend.kconfig import (
    ENABLED,
    ENABLED_ARM32,
    VALUES,
    VALUES_ARM32,
    autoconf_header,
)
from harness.ir.data_model import ILP32, LP64, DataModel

__all__ = ["ARM32", "ARM64", "Architecture"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """One architecture that a source tree can be built for."""

    name: str
    model: DataModel
    macros: str
    enabled: tuple[str, ...]
    values: Mapping[str, str]

    def builtin_macros_header(self) -> str:
        """Return the predefined macros as a header to be included first."""
        return macros_header(self.macros)

    def autoconf_header(self) -> str:
        """Return what Kconfig would write to ``generated/autoconf.h``."""
        return autoconf_header(self.enabled, self.values)


ARM64 = Architecture("arm64", LP64, BUILTIN_MACROS, ENABLED, VALUES)
ARM32 = Architecture("arm32", ILP32, BUILTIN_MACROS_ARM32, ENABLED_ARM32, VALUES_ARM32)
