"""What the embedded base is lowered to, for people who read or change the front end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.ir.printer import print_unit
from harness.series.base import EMBEDDED
from harness.targets import TARGETS

__all__ = ["ir_listings"]


class _Untouched:
    """The embedded base without a patch."""

    root = EMBEDDED
    roots = (EMBEDDED,)

    def touched(self, file: str, line: int) -> bool:
        """Say that no line is touched."""
        del file, line
        return False


def ir_listings() -> dict[str, str]:
    """Return the IR of each architecture's code, by the name of the architecture."""
    listings = {}
    for target in TARGETS.values():
        with tempfile.TemporaryDirectory(prefix="harness-") as work:
            unit = target.load(_Untouched(), Path(work)).unit
        listings[target.platform.architecture.name] = print_unit(unit)
    return listings
