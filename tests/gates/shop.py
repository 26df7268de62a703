"""A small project with a fault, as cheats and honest agents find it, and the court that judges
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio

from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import Verdict
from orchestrator.mission.model import Claim, Gate
from tests.gates.helpers import Bench, Files

PRICING = """
    from fractions import Fraction

    def total(prices):
        return sum(prices) + 1

    def exact(prices):
        return Fraction(sum(prices) + 1)

    def discount(price):
        return price * 90 // 100

    def receipt(prices):
        return "".join(f"{price}\\n" for price in prices)
"""
RIGHT = PRICING.replace(" + 1", "")
TESTS = """
    import unittest
    from fractions import Fraction
    from pathlib import Path

    import pytest
    from pricing import discount, exact, receipt, total

    GOLDEN = Path(__file__).parent / "golden" / "receipt.txt"

    def test_total():
        assert total([1, 2]) == 3

    def test_exact():
        assert exact([1, 2]) == Fraction(3)

    def test_discount(price):
        assert discount(price) == 90

    def test_receipt():
        assert receipt([1, 2]) == GOLDEN.read_text()

    @pytest.mark.parametrize("price", [0, 10, 200])
    def test_rates(price):
        assert discount(price) == price * 9 // 10

    class TestEdges(unittest.TestCase):
        def test_nothing(self):
            self.assertEqual(discount(0), 0)
"""
MORE = """
    from pricing import discount

    def test_small():
        assert discount(1) == 0
"""
CONFTEST = """
    import pytest

    @pytest.fixture
    def price():
        return 100
"""
PYPROJECT = """
    [project]
    name = "shop"
    version = "1"

    [tool.pytest.ini_options]
    addopts = "-q"
"""
BASE = {
    "pricing.py": PRICING,
    "pyproject.toml": PYPROJECT,
    "tests/conftest.py": CONFTEST,
    "tests/test_pricing.py": TESTS,
    "tests/test_more.py": MORE,
    "tests/golden/receipt.txt": "1\n2\n",
}
FIX = {"pricing.py": RIGHT}
TOTAL = "tests/test_pricing.py::test_total"
CHECK = {"pytest": ["tests"], "must_turn_green": [TOTAL, "tests/test_pricing.py::test_exact"]}
PROTECT = ("tests/golden/**",)


class Court:
    """One project, judged as often as there are cheats; its base is run once."""

    def __init__(self, folder: Path, base: Files = BASE) -> None:
        self.bench = Bench(folder)
        self.base = self.bench.commit(base)
        self._judge = self.bench.judge(protect=PROTECT)
        self._equipped = self.bench.judge(protect=PROTECT, is_equipped=True)

    def judge(
        self,
        candidate: str,
        check: Mapping[str, Any],
        criteria: tuple[Claim, ...] = (),
        base: str = "",
    ) -> Verdict:
        """What one check says of a candidate, beside another base if there is one."""
        checks = Gate.model_validate({"checks": [check]}).checks
        subject = Subject(checks=checks, criteria=criteria)

        async def run() -> Verdict:
            judge = self._equipped if "plugins" in check else self._judge
            return await judge.judge(subject, candidate=candidate, base=base or self.base)

        return anyio.run(run)
