"""Repairs as changes of the source: proposed from trace repairs, tried, then shown."""
