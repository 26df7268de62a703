"""A project whose tests rest on much that surrounds them, and is at fault."""

from __future__ import annotations

COUNTER = """
    def total(prices):
        return sum(prices) + 1

    def rate(price):
        return price * 9 // 10
"""
RIGHT = COUNTER.replace(" + 1", "")
TESTS = """
    import json
    from pathlib import Path

    import counter
    import pytest
    from helpers import check_total

    HERE = Path(__file__).parent
    EXPECTED = 3

    def setup_function():
        counter.seen = []

    def test_total(prices):
        assert counter.total(prices) == EXPECTED

    def test_helped():
        check_total(counter.total)

    def test_golden():
        assert counter.total([1, 2]) == json.loads((HERE / "golden.json").read_text())

    @pytest.mark.parametrize("expected", [pytest.param(3, id="three")])
    def test_each(expected):
        assert counter.total([1, 2]) == expected

    def test_rate():
        assert counter.rate(10) == 9
"""
HELPERS = """
    def check_total(total):
        assert total([1, 2]) == 3
"""
CONFTEST = """
    import pytest
    from support import given

    pytest_plugins = ["extras"]

    @pytest.fixture
    def prices():
        return given()
"""
SUPPORT = """
    import pytest

    def given():
        return [1, 2]

    @pytest.fixture
    def more():
        return 1
"""
EXTRAS = """
    import pytest

    @pytest.fixture
    def less():
        return 0
"""
BASE = {
    "counter.py": COUNTER,
    "support.py": SUPPORT,
    "extras.py": EXTRAS,
    "conftest.py": CONFTEST,
    "tests/test_counter.py": TESTS,
    "tests/helpers.py": HELPERS,
    "tests/golden.json": "3",
    "tests/test_rate.py": "import counter\ndef test_none(): assert counter.rate(0) == 0\n",
}
FIX = {"counter.py": RIGHT}
TEST = "tests/test_counter.py"
RED = [f"{TEST}::{name}" for name in ("test_total", "test_helped", "test_golden", "test_each")]
CHECK = {"pytest": "tests", "must_turn_green": RED}
