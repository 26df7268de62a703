"""The project's own environment: made once for each distinct input, copied into every tree, and
what runs the tests.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.executors.furnish import Furnished, Furnishing
from orchestrator.executors.setup import Setup
from orchestrator.gates.judge import Judge
from orchestrator.gates.subject import Subject
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
from orchestrator.journal.facts import CheckResult, Decision
from orchestrator.mission.model import Gate, Workspace
from tests.gates.helpers import Bench

INSTALL = f"""
    import pathlib, sys, sysconfig
    root, site = pathlib.Path.cwd(), pathlib.Path(sysconfig.get_path("purelib"))
    rate = pathlib.Path("requirements.txt").read_text()
    with open(pathlib.Path(__file__).with_name("counter").read_text().strip(), "a") as counter:
        counter.write("x")
    if not rate.strip().isdigit():
        sys.exit(f"no such rate: {{rate}}")
    (site / "rates.py").write_text(f"RATE = {{rate}}")
    (site / "project.pth").write_text(str(root / "src"))
    (site / "runner.pth").write_text({sysconfig.get_path("purelib")!r})
    script = root / ".venv" / "bin" / "shop"
    script.write_text(f"#!{{sys.executable}}\\nimport shop, rates\\nprint(shop.__file__, rates.RATE)\\n")
    script.chmod(0o755)
    pathlib.Path("build").mkdir(exist_ok=True)
    pathlib.Path("build/made.txt").write_text("made")
"""
TESTS = """
    import os, subprocess, sys
    import rates, shop

    def test_rate():
        assert rates.RATE == 90

    def test_project():
        assert shop.__file__ == os.path.join(os.getcwd(), "src", "shop.py")

    def test_environment():
        assert sys.prefix == os.environ["VIRTUAL_ENV"] == os.path.join(os.getcwd(), ".venv")
        assert open("build/made.txt").read() == "made"

    def test_script():
        assert subprocess.run(["shop"], capture_output=True, text=True).stdout == f"{shop.__file__} {rates.RATE}\\n"
"""
WANTED = Workspace.model_validate(
    {
        "setup": ["python -m venv --without-pip .venv", ".venv/bin/python tools/install.py"],
        "setup_inputs": ["requirements.txt", "tools/**"],
    }
)
CHECK = {"pytest": "tests", "must_turn_green": "tests/test_it.py::test_rate"}


class Site:
    """A project whose tests need what its set-up makes."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.counter = bench.folder / "counter"
        self.base = bench.commit(
            {
                "requirements.txt": "91",
                "tools/install.py": INSTALL,
                "tools/counter": str(self.counter),
                "src/shop.py": "NAME = 1\n",
                "tests/test_it.py": TESTS,
            }
        )
        self._runs = 0

    @property
    def count(self) -> int:
        """How often the set-up was carried out."""
        return len(self.counter.read_text()) if self.counter.exists() else 0

    def run(self) -> tuple[Judge, Setup, Store]:
        """A judge of a run of its own; what was set up is kept for the next."""
        self._runs += 1
        folder = self.bench.folder / f"run{self._runs}"
        repository = Repository.discover(self.bench.source)
        store = Store.create(folder / "store.git", repository, self.base, folder.name)
        trees = Workspaces(store, folder)
        ground = Furnished(trees, Furnishing(repository, self.base, WANTED))
        setup = Setup(
            WANTED,
            store,
            ground,
            cache=self.bench.folder / "setup",
            logs=folder / "logs",
            home=folder / "homes",
            tag=self.bench.tag,
            timeout=60,
        )
        judge = Judge(
            checkouts=ground,
            commits=store,
            reports=folder / "reports",
            home=folder / "homes",
            tag=self.bench.tag,
            ground=setup,
        )
        return judge, setup, store

    def judge(self, candidate: str, check: Mapping[str, Any] = CHECK) -> CheckResult:
        """What a new run says of a candidate."""
        judge, _, store = self.run()
        subject = Subject(checks=Gate.model_validate({"checks": [check]}).checks)

        async def run() -> CheckResult:
            verdict = await judge.judge(subject, candidate=candidate, base=self.base)
            again = await judge.judge(subject, candidate=candidate, base=self.base)
            assert again.decision is verdict.decision
            return verdict.checks[0]

        try:
            return anyio.run(run)
        finally:
            store.close()


@pytest.fixture
def site(bench: Bench) -> Iterator[Site]:
    return Site(bench)


def test_it_is_made_once_for_each_distinct_input(site: Site) -> None:
    mended = site.bench.commit({"requirements.txt": "90"})
    result = site.judge(mended)
    assert (result.decision, result.turned_green) == (
        Decision.PASSED,
        ("tests/test_it.py::test_rate",),
    ), result.text
    assert result.text == "4 tests passed, 1 turned green"
    assert site.count == 2
    other = site.bench.commit({"src/shop.py": "NAME = 2\n"})
    assert site.judge(other).decision is Decision.PASSED
    assert site.count == 2


def test_what_is_not_what_it_was_is_made_again(site: Site) -> None:
    mended = site.bench.commit({"requirements.txt": "90"})
    assert site.judge(mended).decision is Decision.PASSED
    [kept] = [
        path
        for path in (site.bench.folder / "setup").glob("*/files/.venv/lib/*/*/rates.py")
        if "90" in path.read_text()
    ]
    kept.write_text("RATE = 80\n")
    assert site.judge(mended).decision is Decision.PASSED
    assert site.count == 3


def test_a_setup_that_fails_is_named_with_its_log(site: Site) -> None:
    result = site.judge(site.bench.commit({"requirements.txt": "none"}))
    assert (result.decision, result.reason) == (Decision.ERRORED, "setup_failed")
    assert (
        "workspace.setup: `.venv/bin/python tools/install.py` ended with exit 1: no such rate: none"
        in result.text
    )
    [log] = [
        path
        for path in site.bench.folder.glob("run*/logs/setup-*.log")
        if "no such rate" in path.read_text()
    ]
    assert str(log) in result.text
    assert site.count == 2


def test_a_base_that_cannot_be_set_up_is_nothing_to_compare_with(site: Site) -> None:
    site.base = site.bench.commit({"requirements.txt": "none"})
    result = site.judge(site.bench.commit({"requirements.txt": "90"}))
    assert (result.decision, result.reason) == (Decision.ERRORED, "base_unknown")


def test_an_environment_of_the_candidate_is_not_used(site: Site) -> None:
    fake = {
        ".venv/bin/python": "#!/bin/sh\nexit 0\n",
        ".venv/lib/python3/site-packages/rates.py": "RATE = 90\n",
    }
    result = site.judge(site.bench.commit(fake))
    assert result.reason == "did_not_turn_green"
    assert "4 tests" not in result.text


def test_each_tree_has_a_copy_that_speaks_of_itself(site: Site, tmp_path: Path) -> None:
    _, setup, store = site.run()
    tree, other = tmp_path / "tree", tmp_path / "tree-of-another"
    tree.mkdir()
    other.mkdir()

    async def run() -> tuple[Path, Path]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(setup.put_into, site.base, tree)
            tasks.start_soon(setup.put_into, site.base, other)
        return (
            (await setup.put_into(site.base, tree)).path,
            (await setup.give(site.base, other)).path,
        )

    mine, theirs = anyio.run(run)
    store.close()
    assert (mine, theirs) == (tree / ".venv/bin/python", other / ".venv/bin/python")
    assert setup.paths(site.base) == (".venv", "build")
    assert (tree / ".venv/bin/shop").read_text().startswith(f"#!{tree}/.venv/bin/python")
    assert (tree / ".venv/bin/shop").stat().st_mode & 0o111
    next(tree.glob(".venv/lib/*/site-packages/rates.py")).write_text("RATE = 1\n")
    assert next(other.glob(".venv/lib/*/site-packages/rates.py")).read_text() == "RATE = 91"
    assert site.count == 1


def test_what_was_put_there_is_known_after_a_crash(site: Site, tmp_path: Path) -> None:
    _, setup, store = site.run()
    anyio.run(setup.put_into, site.base, tmp_path / "tree")
    store.close()
    _, later, store = site.run()
    assert later.paths(site.base) == (".venv", "build")
    store.close()
