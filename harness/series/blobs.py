"""Where the pre-images of a patch may be found."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Blobs"]


class Blobs(Protocol):
    """Contents of files by the id that git gives them, or by their name."""

    def by_id(self, prefix: str) -> bytes | None:
        """Return the blob whose id starts so; None if there is none, or several."""
        ...

    def by_path(self, path: str) -> bytes | None:
        """Return a file of the tree that the patch is most likely made for."""
        ...
