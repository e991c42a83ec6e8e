"""A quantity known between bounds, with the value it was calibrated at."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Span"]


class Span(NamedTuple):
    """The least, the calibrated and the greatest value of a quantity."""

    low: float
    typical: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Span:
        """Return a quantity without uncertainty."""
        return cls(value, value, value)

    def plus(self, other: Span) -> Span:
        """Add a quantity: both at their least, calibrated and greatest."""
        return Span(
            self.low + other.low, self.typical + other.typical, self.high + other.high
        )

    def times(self, factor: float) -> Span:
        """Multiply by a number that is not negative."""
        return Span(self.low * factor, self.typical * factor, self.high * factor)

    def over(self, other: Span) -> Span:
        """Divide by a positive quantity of another kind.

        The bounds are those of independent quantities: least by greatest.
        """
        return Span(
            self.low / other.high, self.typical / other.typical, self.high / other.low
        )
