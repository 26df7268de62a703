"""What a judgement costs in processor time, held against plain pytest on the same tests.

Four figures of each suite: plain pytest, once; a judgement from nothing (base, candidate, and the
exercise of what was changed); one whose base is known; one that is known altogether. Everything is
real: a repository, its store, work trees, the judge as a run has it. See README.md.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

import anyio

HERE = Path(__file__).resolve().parent
PR_SET_CHILD_SUBREAPER = 36
PRODUCT = "def add(a, b):\n    return a SIGN b\n\n\ndef work(n):\n    return sum(range(n))\n"
TESTS = """\
import pytest
import sums


def test_add():
    assert sums.add(1, 2) == 3


@pytest.mark.parametrize("n", range(NUMBER))
def test_work(n):
    assert sums.work(ROUNDS) == ROUNDS * (ROUNDS - 1) // 2
"""
PLAIN = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")


@dataclass(frozen=True)
class Suite:
    """So many tests, each of which adds up so many numbers."""

    number: int
    rounds: int


SUITES = {
    "tiny": Suite(5, 10),
    "quick": Suite(2_000, 10),
    "many": Suite(20_000, 10),
    "long": Suite(200, 1_500_000),
}


def main() -> None:
    """Measure, print a table, write `results.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", default="tiny,quick,long")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    parser.add_argument("--judge", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.judge:
        anyio.run(_judge, *asked.judge)
        return
    # What a judge's programs leave behind is ours to wait for, and so counted.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    found = {}
    for name in asked.suites.split(","):
        runs = [_measure(SUITES[name]) for _ in range(asked.runs)]
        found[name] = {key: [round(run[key], 2) for run in runs] for key in runs[0]}
        print(_row(name, found[name]), flush=True)
    facts = {
        "python": platform.python_version(),
        "pytest": metadata.version("pytest"),
        "processors": os.cpu_count(),
        "load": os.getloadavg(),
        "seconds of processor time": found,
    }
    asked.output.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _row(name: str, figures: dict[str, list[float]]) -> str:
    middle = {key: statistics.median(values) for key, values in figures.items()}
    parts = [
        f"{key} {value:.2f} s ({value / middle['plain']:.2f})" for key, value in middle.items()
    ]
    return f"{name}: {', '.join(parts)}"


def _measure(suite: Suite) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="judge-") as folder:
        place = Path(folder)
        base, candidate = _project(place / "source", suite)
        both = [_cpu(partial(_plain, place / "source", commit)) for commit in (base, candidate)]
        seconds = {"plain": sum(both) / 2}
        for name in ("from nothing", "known"):
            seconds[name] = _cpu(lambda: _start(place, base, candidate))
        tree = _git(place / "source", "rev-parse", f"{base}^{{tree}}")
        for kept in (place / "reports" / "evidence").rglob("*.sealed"):
            if f"-{tree[:12]}-" not in kept.name:
                kept.unlink()
        seconds["known base"] = _cpu(lambda: _start(place, base, candidate))
        return seconds


def _project(source: Path, suite: Suite) -> tuple[str, str]:
    (source / "tests").mkdir(parents=True)
    tests = TESTS.replace("NUMBER", str(suite.number)).replace("ROUNDS", str(suite.rounds))
    (source / "tests" / "test_sums.py").write_text(tests)
    (source / "conftest.py").write_text("")
    commits = []
    _git(source, "init", "-q", "-b", "main")
    for sign in "-+":
        (source / "sums.py").write_text(PRODUCT.replace("SIGN", sign))
        _git(source, "add", "-A")
        who = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        _git(source, *who, "commit", "-q", "-m", "work")
        commits.append(_git(source, "rev-parse", "HEAD"))
    return commits[0], commits[1]


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _plain(source: Path, commit: str) -> None:
    _git(source, "checkout", "-q", commit)
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *PLAIN]
    subprocess.run(command, cwd=source, env=env, check=False, stdout=subprocess.DEVNULL)


def _start(place: Path, base: str, candidate: str) -> None:
    command = [sys.executable, __file__, "--judge", str(place), base, candidate]
    subprocess.run(command, check=True)


def _cpu(act: Callable[[], None]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
        except ChildProcessError:
            break
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def _judge(folder: str, base: str, candidate: str) -> None:
    from orchestrator.gates.judge import Judge
    from orchestrator.gates.subject import Subject
    from orchestrator.git.repository import Repository
    from orchestrator.git.store import Store
    from orchestrator.git.workspace import Workspaces
    from orchestrator.isolation.seal import Seal
    from orchestrator.mission.model import PytestCheck

    place = Path(folder)
    repository = Repository.discover(place / "source")
    run = place / f"run-{time.monotonic_ns()}"
    store = Store.create(run / "store.git", repository, base, "r1")
    judge = Judge(
        checkouts=Workspaces(store, run),
        commits=store,
        reports=place / "reports",
        home=place / "homes",
        tag=str(run),
        seal=Seal.kept_in(place / "seal"),
    )
    check = PytestCheck(pytest=("tests",), must_turn_green=("tests/test_sums.py::test_add",))
    verdict = await judge.judge(Subject(checks=(check,)), candidate=candidate, base=base)
    await judge.aclose()
    store.close()
    if not verdict.is_passed:
        sys.exit(f"not passed: {verdict.reasons()}")


if __name__ == "__main__":
    main()
