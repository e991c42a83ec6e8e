"""Findings and traces that are kept, and shown again."""
