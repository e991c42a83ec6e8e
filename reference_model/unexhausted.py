"""The error for an exploration that met its bound."""

__all__ = ["Unexhausted"]


class Unexhausted(Exception):  # noqa: N818 - an outcome of its own, not an error
    """Not every execution was looked at, so nothing is known about the rest."""
