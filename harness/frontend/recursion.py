"""Room for recursion, whatever the depth of the caller."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["recursion_room"]

_ROOM = 1000  # real code takes 200


@contextmanager
def recursion_room() -> Iterator[None]:
    """Allow a bounded depth more: a function is lowered amid deep calls too."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + _ROOM)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
