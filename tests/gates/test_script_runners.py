"""Real jest and vitest under the judge: what they say yes to, and honest work beside it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.journal.facts import CheckResult, Decision, Reason
from tests.gates.shop import Court

pytestmark = pytest.mark.slow

PACKAGES = ("vitest@2", "jest@29", "jest-junit@16")
WRONG = "const total = (prices) => prices.reduce((a, b) => a + b, 1);\n"
RIGHT = WRONG.replace(", 1)", ", 0)")
EXPORT = "const first = (prices) => prices[0];\nmodule.exports = { total, first };\n"
SUITE = """
    describe("total", () => {
      test("adds up", () => { expect(total([1, 2])).toBe(3); });
      test("the first", () => { expect(first([4, 5])).toBe(4); });
    });
"""
CASE = '      test("adds up", () => { expect(total([1, 2])).toBe(3); });\n'


@dataclass(frozen=True)
class Runner:
    """One runner over a project with a fault: how it is run, and how its files are called."""

    court: Court
    check: dict[str, Any]
    fixed: str
    named: str
    """Of what is to turn green."""
    product: str
    suite: str
    config: str

    def judged(
        self, files: dict[str, str], remove: tuple[str, ...] = (), **more: Any
    ) -> CheckResult:
        self.court.bench.go_to(self.court.base)
        commit = self.court.bench.commit(files, remove)
        return self.court.judge(commit, {**self.check, **more}).checks[0]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runners")
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("needs node and npm")
    (folder / "package.json").write_text('{"name": "runners", "private": true}')
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"npm brings nothing here: {done.stderr[-200:]}")
    return folder / "node_modules"


@pytest.fixture(scope="module", params=["jest", "vitest"])
def runner(
    request: pytest.FixtureRequest, installed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runner]:
    if request.param == "jest":
        suite = f'const {{ total, first }} = require("../src/total");\n{SUITE}'
        files = {"src/total.js": WRONG + EXPORT, "test/total.test.js": suite}
        reporter = f"--reporters={installed / 'jest-junit'}"
        command = [
            "node",
            str(installed / "jest/bin/jest.js"),
            "--ci",
            "--passWithNoTests",
            reporter,
        ]
        check = {"command": command, "env": {"JEST_JUNIT_OUTPUT_FILE": "out.xml"}}
        named, config = "total adds up::total adds up", "jest.config.js"
    else:
        suite = f'import {{ total, first }} from "../src/total.mjs";\n{SUITE}'
        export = EXPORT.replace("module.exports =", "export")
        files = {"src/total.mjs": WRONG + export, "test/total.test.mjs": suite}
        flags = ["--globals", "--passWithNoTests", "--reporter=junit", "--outputFile=out.xml"]
        check = {"command": ["node", str(installed / "vitest/vitest.mjs"), "run", *flags]}
        named, config = "test/total.test.mjs::total > adds up", "vitest.config.mjs"
    product, test = files
    court = Court(tmp_path_factory.mktemp(request.param), {**files, "package.json": "{}\n"})
    check |= {"report": "out.xml", "must_turn_green": [named]}
    yield Runner(court, check, files[product].replace(", 1)", ", 0)"), named, product, test, config)
    court.bench.close()


def test_a_fix_is_accepted_with_new_tests_and_dependencies(runner: Runner) -> None:
    fix = {runner.product: runner.fixed}
    result = runner.judged(fix)
    assert (result.decision, result.turned_green) == (Decision.PASSED, (runner.named,)), result.text
    runner.court.bench.go_to(runner.court.base)
    source = (runner.court.bench.source / runner.suite).read_text()
    new = {runner.suite.replace("total.test", "more.test"): source}
    result = runner.judged({**fix, **new, "package.json": '{"dependencies": {"left-pad": "1"}}\n'})
    assert result.decision is Decision.PASSED, result.text


def test_green_without_the_fix_is_refused(runner: Runner) -> None:
    source = (runner.court.bench.source / runner.suite).read_text()
    emptied = source.replace("expect(total([1, 2])).toBe(3);", "")
    export = "module.exports =" if runner.config.endswith(".js") else "export default"
    none = (
        "testMatch: ['**/none/**']"
        if runner.config.startswith("jest")
        else "test: {include: ['none/**']}"
    )
    cheats: list[tuple[dict[str, str], tuple[str, ...]]] = [
        ({runner.suite: emptied}, ()),
        ({runner.config: f"{export} {{ {none} }};\n"}, ()),
        ({}, (runner.suite,)),
        ({runner.suite: source.replace("toBe(3)", "toBe(4)")}, ()),
        ({runner.suite: source.replace('test("adds', 'test.skip("adds')}, ()),
    ]
    for files, removed in cheats:
        result = runner.judged(files, removed)
        assert (result.decision, result.reason) == (Decision.FAILED, Reason.TEST_SIDE_CHANGED)
        assert "may_change" in result.text
        if not files or runner.suite in files:
            assert f"{runner.named} did not turn green" in result.text


def test_an_allowed_edit_that_empties_a_test_is_named(runner: Runner) -> None:
    runner.court.bench.go_to(runner.court.base)
    source = (runner.court.bench.source / runner.suite).read_text()
    emptied = source.replace("expect(first([4, 5])).toBe(4);", "")
    fix = {runner.product: runner.fixed}
    leave = {"may_change": [runner.suite]}
    result = runner.judged({**fix, runner.suite: emptied}, **leave)
    assert result.reason is Reason.EMPTIED, result.text
    assert "the first" in result.text
    renamed = source.replace("[4, 5]", "[4, 5, 6]")
    assert runner.judged({**fix, runner.suite: renamed}, **leave).decision is Decision.PASSED


def test_nothing_is_no_report(runner: Runner) -> None:
    """Without a report, what they say counts: exit 0 of a runner that found nothing is red."""
    check = {key: runner.check[key] for key in ("command", "env") if key in runner.check}
    command = [part for part in check["command"] if "report" not in part and "output" not in part]
    runner.court.bench.go_to(runner.court.base)
    commit = runner.court.bench.commit({runner.product: runner.fixed})
    result = runner.court.judge(commit, {**check, "command": [*command, "no-such-test"]}).checks[0]
    assert result.reason is Reason.NO_TESTS_EXECUTED, result.text
    result = runner.court.judge(commit, {**check, "command": command}).checks[0]
    assert (result.decision, result.text) == (Decision.PASSED, "exit code only: 0")
