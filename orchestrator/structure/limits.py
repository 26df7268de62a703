"""How large a file may be to be looked into."""

from __future__ import annotations

LARGEST = 1_000_000
"""Bytes from which nobody looks into a file but git: it was most likely generated, and parsing it
takes seconds.
"""
