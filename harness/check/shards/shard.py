"""A part of a check, as it is named on the command line."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MOST", "Shard"]

MOST = 1024  # parts


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of several; ``number`` counts from 1."""

    number: int
    count: int
