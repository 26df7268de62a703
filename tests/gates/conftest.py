from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gates.helpers import Bench
from tests.gates.shop import Court


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    made = Court(tmp_path_factory.mktemp("court"))
    yield made
    made.bench.close()
