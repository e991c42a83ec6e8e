"""The patches with known verdicts that come with a source checkout."""

from __future__ import annotations

from harness.errors import UsageError
from harness.series.base import EMBEDDED

__all__ = ["example", "example_names"]

PATCHES = EMBEDDED.parent


def example_names() -> list[str]:
    """List the examples."""
    return sorted(path.stem for path in PATCHES.glob("*.patch"))


def example(name: str) -> tuple[bytes, str]:
    """Return the patch of an example, and its name."""
    names = example_names()
    if not names:
        raise UsageError(
            f"no examples in '{PATCHES}': they come with a source checkout"
        )
    if name not in names:
        raise UsageError(f"no example '{name}': there are {', '.join(names)}")
    return (PATCHES / f"{name}.patch").read_bytes(), f"patches/{name}.patch"
