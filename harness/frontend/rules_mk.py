"""What the build defines by hand in a tree from before Kconfig (up to 4.6).

The makefiles say ``HAS_PDX := y`` and give the compiler ``-DHAS_PDX``.  They
are read, not run.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import PreprocessError
from harness.frontend.kconfig.language import TOP

__all__ = ["rules_macros"]

_RULES = "xen/arch/arm/Rules.mk"
_CONFIG = "config/{}.mk"
_HAS = re.compile(r"^(HAS_\w+)\s*:=\s*y\s*$", re.MULTILINE)
_LIMIT = 1 << 20


def rules_macros(source_root: Path, architecture: str) -> list[str]:
    """Return the options that define macros; none in a tree with Kconfig."""
    if (source_root / TOP).is_file() or not (source_root / _RULES).is_file():
        return []
    found: list[str] = []
    for name in (_RULES, _CONFIG.format(architecture)):
        try:
            with (source_root / name).open(encoding="utf-8", errors="replace") as file:
                found += _HAS.findall(file.read(_LIMIT))
        except OSError as error:
            raise PreprocessError(
                f"cannot read '{name}', which says what to compile: {error.strerror}"
            ) from error
    return [f"-D{name}" for name in dict.fromkeys(found)]
