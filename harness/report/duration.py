"""Write times and counts the way people say them."""

from __future__ import annotations

from harness.cost.span import Span

__all__ = ["duration", "number", "size", "spread"]

# From how many seconds on which unit is used: people say "182 min".
_UNITS = ((36_000.0, 3600.0, "h"), (120.0, 60.0, "min"), (1.0, 1.0, "s"))
_SMALL = ((1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """Return a time with about three digits, as "1.46 s" or "182 min"."""
    if seconds == 0:
        return "0"
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{_digits(seconds / unit)} {name}"
    for unit, name in _SMALL:
        if seconds >= unit:
            return f"{_digits(seconds / unit)} {name}"
    return f"{seconds / 1e-9:.2g} ns"


def spread(span: Span) -> str:
    """Return the calibrated value, and its bounds where they differ."""
    if span.low == span.high:
        return duration(span.typical)
    return f"{duration(span.typical)} ({duration(span.low)} to {duration(span.high)})"


def number(span: Span) -> str:
    """Return a count with its bounds, rounded to two digits."""
    low, typical, high = (f"{_rounded(value):,}" for value in span)
    return typical if low == high else f"{typical} ({low} to {high})"


def size(nbytes: int) -> str:
    """Return a power-of-two size, as "4K" or "2M"."""
    for shift, name in ((30, "G"), (20, "M"), (10, "K")):
        if nbytes >= 1 << shift:
            return f"{nbytes >> shift}{name}"
    return str(nbytes)


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _rounded(value: float) -> int:
    places = max(0, len(str(int(value))) - 2)
    return int(round(value / 10**places) * 10**places)
