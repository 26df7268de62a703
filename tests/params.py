"""Parameters of tests of which a person waits for a few, and CI for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def few(values: Iterable[Any], most: int = 1) -> list[Any]:
    """The values, all but the first ones marked as slow."""
    return [
        value if number < most else pytest.param(value, marks=pytest.mark.slow)
        for number, value in enumerate(values)
    ]
