"""Acceptance of batch 3, testing: the runner tells the truth and the report says what the runner found."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "tests" / "unified_test_runner.py"
REPORT = ROOT / "tests" / "websocket_test_report.md"
SUITES = (
    "tests/websocket",
    "tests/integration",
    "tests/e2e",
    "tests/mission_critical",
    "tests/performance",
    "tests/acceptance/test_core.py",
    "tests/acceptance/test_integration.py",
    "tests/regression",
)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the target's folder, without the pytest plug-ins that this machine happens to have."""
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class TestRunner:
    """Agent 3.5: `python tests/unified_test_runner.py [PATH ...]`"""

    def test_no_tests_is_not_success(self, tmp_path):
        assert python(str(RUNNER), str(tmp_path)).returncode != 0

    def test_skipped_tests_alone_are_not_success(self, tmp_path):
        (tmp_path / "test_later.py").write_text(
            "import pytest\n\n@pytest.mark.skip\ndef test_later(): pass\n"
        )
        assert python(str(RUNNER), str(tmp_path)).returncode != 0

    @pytest.mark.parametrize(
        "content",
        ["def test_no(): assert False\n", "import no_such_module\n"],
        ids=["failing", "not importable"],
    )
    def test_red_is_not_success(self, tmp_path, content):
        (tmp_path / "test_green.py").write_text("def test_yes(): pass\n")
        (tmp_path / "test_red.py").write_text(content)
        assert python(str(RUNNER), str(tmp_path)).returncode != 0

    def test_green_is_success_and_is_counted(self, tmp_path):
        (tmp_path / "test_green.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
        finished = python(str(RUNNER), str(tmp_path))
        assert finished.returncode == 0, finished.stdout
        assert "2 passed" in finished.stdout


class TestReport:
    """Agent 3.5: `tests/websocket_test_report.md`"""

    def test_report_covers_every_test_there_is(self):
        collected = python("-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *SUITES)
        assert collected.returncode == 0, collected.stdout
        total = len([line for line in collected.stdout.splitlines() if "::" in line])
        match = re.search(r"(\d+) executed, (\d+) passed, (\d+) failed", REPORT.read_text(encoding="utf-8"))
        assert match is not None
        assert [int(number) for number in match.groups()] == [total, total, 0]

    def test_report_documents_coverage_and_has_no_open_item(self):
        report = REPORT.read_text(encoding="utf-8")
        assert re.search(r"Coverage of the fixes: 100(\.0+)?%", report)
        assert report.count("- [x]") >= 10
        assert "- [ ]" not in report
