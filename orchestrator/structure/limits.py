"""How large a file may be to be looked into."""

from __future__ import annotations

LARGEST = 1_000_000
"""Bytes from which nobody looks into a file but git: it was most likely generated, and parsing it
takes seconds.
"""
LARGEST_CUT = 16_000_000
"""The same of JSON, of which only what both sides changed at one point is looked at closely."""


def largest(path: str) -> int:
    """Bytes from which nobody looks into the file at `path`."""
    return LARGEST_CUT if path.lower().endswith(".json") else LARGEST
