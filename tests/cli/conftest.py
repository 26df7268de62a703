from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import MISSIONS, make_mission, orchestrate


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a run of `failing` and then one of `hello`, only to be looked at."""
    root = tmp_path_factory.mktemp("looked-at")
    orchestrate(root, "run", MISSIONS / "failing.yaml", code=1)
    orchestrate(root, "run", MISSIONS / "hello.yaml", code=0)
    return root


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    """A root with a small run over a user's repository; everything landed in the run."""
    orchestrate(tmp_path, "run", make_mission(tmp_path))
    return tmp_path
