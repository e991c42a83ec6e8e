"""The error for an exploration that met its bound."""

__all__ = ["Unexhausted"]


class Unexhausted(Exception):
    """Not every execution was looked at, so nothing is known about the rest."""
