"""What people read, kept as files beside the tests; `UPDATE_SNAPSHOTS=1` writes them anew, to be
reviewed.
"""

from __future__ import annotations

import os
from pathlib import Path


def assert_matches(text: str, path: Path) -> None:
    """`text` is what the file holds."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.exists(), (
        f"no snapshot {path.name}: look at the text, then run with UPDATE_SNAPSHOTS=1"
    )
    assert text == path.read_text()
