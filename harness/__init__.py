"""Check arm64 stage-2 and TLB-maintenance patches by running them."""

__version__ = "0.1.0"
