"""Read a patch out of a review: quoted, commented, wrapped, with blanks lost."""

from harness.series.recovery.recover import recover

__all__ = ["recover"]
