"""Findings that the tree says are known."""
