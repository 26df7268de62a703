"""The project's own environment: made once for each distinct input, copied into every tree, and
what runs the tests.
"""

from __future__ import annotations

import json
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
from orchestrator.isolation.seal import Seal
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

    def __init__(self, bench: Bench, wanted: Workspace = WANTED) -> None:
        self.bench = bench
        self.wanted = wanted
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

    def run(self, reports: Path | None = None) -> tuple[Judge, Setup, Store]:
        """A judge of a run of its own; what was set up is kept for the next. `reports` are those of
        an earlier one.
        """
        self._runs += 1
        folder = self.bench.folder / f"run{self._runs}"
        repository = Repository.discover(self.bench.source)
        store = Store.create(folder / "store.git", repository, self.base, folder.name)
        trees = Workspaces(store, folder)
        ground = Furnished(trees, Furnishing(repository, self.base, self.wanted))
        setup = Setup(
            self.wanted,
            store,
            ground,
            cache=self.bench.folder / "setup",
            logs=folder / "logs",
            home=folder / "homes",
            tag=self.bench.tag,
            timeout=60,
            seal=Seal.kept_in(self.bench.folder / "seal"),
        )
        judge = Judge(
            checkouts=ground,
            commits=store,
            reports=reports or folder / "reports",
            home=folder / "homes",
            tag=self.bench.tag,
            ground=setup,
            seal=Seal.kept_in(self.bench.folder / "seal"),
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


class Again(Site):
    """The same project, judged by one process after another that know what the last one saw."""

    def again(self, candidate: str) -> tuple[CheckResult, bool]:
        """What the next process says, and whether it knew."""
        judge, _, store = self.run(self.bench.folder / "reports")
        subject = Subject(checks=Gate.model_validate({"checks": [CHECK]}).checks)

        async def run() -> tuple[CheckResult, bool]:
            verdict = await judge.judge(subject, candidate=candidate, base=self.base)
            return verdict.checks[0], verdict.cached

        try:
            return anyio.run(run)
        finally:
            store.close()


@pytest.mark.slow
def test_a_pass_is_known_as_long_as_all_that_trees_are_given_is_the_same(bench: Bench) -> None:
    bench.commit({".gitignore": "local.txt\nmodules\n"})
    (bench.source / "local.txt").write_text("1")
    (bench.source / "modules").mkdir()
    (bench.source / "modules" / "one.js").write_text("1")
    copied = {"copy": ["local.txt"], "link": ["modules"]}
    site = Again(bench, WANTED.model_validate({**WANTED.model_dump(by_alias=True), **copied}))
    mended = bench.commit({"requirements.txt": "90"})
    first, was_known = site.again(mended)
    assert (first.decision, was_known) == (Decision.PASSED, False), first.text
    again, was_known = site.again(mended)
    assert (again.text, again.seconds, was_known) == (first.text, first.seconds, True)
    made = site.count
    for change in (
        lambda: (bench.source / "local.txt").write_text("2"),
        lambda: (bench.source / "modules" / "one.js").write_text("2"),
        lambda: (bench.source / "modules" / "two.js").write_text(""),
    ):
        change()
        result, was_known = site.again(mended)
        assert (result.decision, was_known) == (Decision.PASSED, False)
        assert site.again(mended)[1]
    assert site.count == made + 6  # what is copied may be what set-up reads
    (bench.source / "local.txt").write_text("3")
    _, setup, store = site.run()
    assert setup.paths(mended) == (".venv", "build")  # what is in trees already is nobody's work
    store.close()


def test_what_was_set_up_otherwise_is_seen_again(bench: Bench) -> None:
    site = Again(bench)
    mended = bench.commit({"requirements.txt": "90"})
    assert site.again(mended)[0].decision is Decision.PASSED
    for kept in (bench.folder / "setup").glob("*/files/.venv/lib/*/*/rates.py"):
        kept.write_text("RATE = 80\n")
    # It is made anew, and whether it is the same then is not known.
    result, was_known = site.again(mended)
    assert (result.decision, was_known, site.count) == (Decision.PASSED, False, 4)
    assert site.again(mended)[1]
    assert site.count == 4


def test_a_result_that_somebody_else_put_there_is_not_used(bench: Bench) -> None:
    site = Again(bench)
    mended = bench.commit({"requirements.txt": "90"})
    assert site.again(mended)[0].decision is Decision.PASSED
    made = site.count
    for kept in (bench.folder / "setup").glob("*/setup.json"):
        facts = json.loads(kept.read_text())
        kept.write_text(json.dumps({**facts, "texts": []}))
    assert site.again(mended)[0].decision is Decision.PASSED
    assert site.count == made + 2
    (bench.folder / "seal").unlink()
    assert site.again(mended)[0].decision is Decision.PASSED
    assert site.count == made + 4


COPIES = """
    import pathlib, shutil, sysconfig
    site = pathlib.Path(sysconfig.get_path("purelib"))
    shutil.copy("src/shop.py", site)
    (site / "runner.pth").write_text({runner!r})
"""
SHOP_TEST = "import shop\n\ndef test_it():\n    assert shop.NAME == 1\n"


@pytest.mark.parametrize("is_followed", [False, True])
def test_an_installed_copy_is_the_candidate_only_if_set_up_follows_it(
    bench: Bench, is_followed: bool
) -> None:
    inputs = ["tools/**", "src/**"] if is_followed else ["tools/**"]
    update = {"setup_inputs": tuple(inputs)}
    site = Site(bench, WANTED.model_copy(update=update))
    runner = sysconfig.get_path("purelib")
    files = {"tools/install.py": COPIES.format(runner=runner), "tests/test_it.py": SHOP_TEST}
    site.base = bench.commit(files)
    check = {"pytest": "tests"}
    broken = bench.commit({"src/shop.py": "raise ImportError\n"})
    result = site.judge(broken, check)
    harmless = bench.commit({"src/shop.py": "NAME = 1  # still\n"})
    honest = site.judge(harmless, check)
    subject = Subject(checks=Gate.model_validate({"checks": [check]}).checks, gate="core")
    judge, _, store = site.run()
    faults = anyio.run(judge.lacks, subject, site.base)
    store.close()
    if is_followed:
        assert result.reason == "collection_error"
        assert honest.decision is Decision.PASSED, honest.text
        assert faults == ()
        return
    for found in (result, honest):
        assert found.reason == "not_tested", found.text
        assert "site-packages/shop.py, not src/shop.py" in found.text
    (fault,) = faults
    assert fault.gate == "core"
    assert "no change of it would be tested: shop from .venv/lib/" in fault.line
    assert "pip install -e ." in fault.mend


def test_the_interpreter_that_the_mission_names_runs_the_tests(bench: Bench) -> None:
    other = ["python -m venv --without-pip env", "env/bin/python tools/install.py"]
    site = Site(bench, WANTED.model_copy(update={"python": "env/bin/python"}))
    site.wanted = Workspace.model_validate(
        {"setup": other, "setup_inputs": ["**"], "python": "env/bin/python"}
    )
    test = """
        import os, subprocess, sys
        def test_it():
            said = subprocess.check_output(["python", "-c", "import sys; print(sys.prefix)"], text=True)
            assert said.strip() == sys.prefix == os.path.join(os.getcwd(), "env")
    """
    files = {
        "tools/install.py": COPIES.format(runner=sysconfig.get_path("purelib")),
        "tests/test_it.py": test,
    }
    site.base = bench.commit(files)
    result = site.judge(bench.commit({"src/shop.py": "NAME = 2\n"}), {"pytest": "tests"})
    assert result.decision is Decision.PASSED, result.text
    site.wanted = Workspace.model_validate({"python": "env/bin/python"})
    result = site.judge(bench.commit({"env/bin/python": "#!/bin/sh\n"}), {"pytest": "tests"})
    assert result.decision is Decision.ERRORED
    assert "workspace.python: env/bin/python is" in result.text


def test_a_set_up_that_deceives_is_refused(site: Site) -> None:
    evil = "import sysconfig; open(sysconfig.get_path('purelib') + '/x.pth', 'w').write('import os\\n')"
    candidate = site.bench.commit(
        {
            "requirements.txt": "90",
            "tools/more.py": "",
            "tools/install.py": INSTALL + f"    {evil}\n",
        }
    )
    result = site.judge(candidate)
    assert (result.decision, result.reason) == (Decision.FAILED, "runner_changed"), result.text
    assert (
        "site-packages/x.pth (name the inputs of set-up that may in `may_configure`)" in result.text
    )
    allowed = site.judge(candidate, {**CHECK, "may_configure": ["requirements.txt", "tools/**"]})
    assert allowed.decision is Decision.PASSED, allowed.text


def test_an_environment_without_pytest_is_a_fault_of_the_place(bench: Bench) -> None:
    site = Site(bench, Workspace.model_validate({"setup": "python -m venv --without-pip .venv"}))
    subject = Subject(
        checks=Gate.model_validate({"checks": [{"pytest": "tests"}]}).checks, gate="g"
    )
    judge, _, store = site.run()
    (fault,) = anyio.run(judge.lacks, subject, site.base)
    store.close()
    assert "No module named '_pytest" in fault.line
    assert "workspace.setup" in fault.mend
    assert "pip install pytest" in fault.mend
