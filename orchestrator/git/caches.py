"""What programs leave beside work without being asked: caches and bytecode. Pure.

Owns which names these are. Nobody means them as work, so a capture leaves out those that the base
does not track: they neither land nor count as a change out of scope.
"""

from __future__ import annotations

import re

_CACHE = re.compile(
    rb"(?:^|(?<=/))(?:"
    rb"(?:__pycache__|\.pytest_cache|\.mypy_cache|\.ruff_cache|\.hypothesis|node_modules/\.cache"
    rb"|[^/]+\.egg-info)(?=/|$)"
    rb"|\.coverage(?:\.[^/]*)?$"
    rb"|[^/]+\.py[co]$"
    rb")"
)


def cache_of(path: bytes) -> bytes | None:
    """The cache that `path` is or lies in: a folder, or a file; None where it is in none."""
    found = _CACHE.search(path)
    return path[: found.end()] if found else None
