"""An agent and a test that print all they are given, and fail: no secret is left anywhere."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, make_repository

pytestmark = pytest.mark.integration

SECRET = "sk-live/5ae1c0ffee"
MISSION = """\
version: 1
name: leaky
objective: It prints its key.
repository: {{path: {repo}}}
defaults: {{isolation: worktree, backend: sh, attempts: 2, timeout: 30s}}
backends: {{sh: {{command: [sh, "{script}"], env: [SHOP_KEY]}}}}
gates: {{shop: {{checks: [{{pytest: tests}}]}}}}
batches:
  - id: b
    gate: shop
    agents:
      - {{id: a, name: A, mission: Do it., tasks: [Do it.], files: [shop.py], deliverables: [It]}}
"""
SCRIPT = """\
env; printf "%s" "user:$SHOP_KEY" | base64; printf "%s" "${SHOP_KEY%ee}"; sleep 0.2; echo ee
echo "KEY = '$SHOP_KEY'" > shop.py
case $ORCHESTRATE_BRIEF in *-1.md) exit 3;; esac
"""
TESTS = "import shop\ndef test_key(): assert shop.KEY == 0, shop.KEY\n"


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("leaky")
    make_repository(folder / "repo", {"shop.py": "KEY = 0\n", "tests/test_shop.py": TESTS})
    (folder / "agent.sh").write_text(SCRIPT)
    mission = folder / "mission.yaml"
    mission.write_text(MISSION.format(repo=folder / "repo", script=folder / "agent.sh"))
    bench = Bench(folder / "root")
    os.environ["SHOP_KEY"] = SECRET
    try:
        bench.run("run", mission, "--plain", code=1)
    finally:
        del os.environ["SHOP_KEY"]
    yield bench
    bench.require_no_leftovers()


def test_nothing_that_is_kept_or_shown_holds_the_secret(leaky: Bench) -> None:
    outputs = leaky.root.with_name("root-output")
    files = [p for top in (leaky.report, outputs) for p in top.rglob("*") if p.is_file()]
    forms = [SECRET[3:], SECRET.replace("/", "\\/")[3:], SECRET.replace("/", "%2F")[3:]]
    forms += [base64.b64encode(f"user:{SECRET}".encode()).decode()[8:-4]]
    kept = [p for p in files if p.suffix not in (".diff", ".patch", ".pack", ".bundle")]
    found = [p for p in kept if any(form.encode() in p.read_bytes() for form in forms)]
    assert found == []
    assert "[redacted]" in (leaky.report / "logs" / "a-1.log").read_text()
    assert "SHOP_KEY=[redacted]" in (leaky.report / "briefs" / "a-2.md").read_text()


def test_work_is_not_altered_and_said_to_hold_it(leaky: Bench) -> None:
    (agent,) = leaky.summary()["batches"][0]["agents"]
    assert agent["notes"] == ["shop.py holds the value of SHOP_KEY, which is a secret"]
    work = leaky.store("show", f"refs/orchestrate/{leaky.run_id}/a/2:shop.py")
    assert work == f"KEY = '{SECRET}'"


def test_only_their_user_reads_what_is_kept(leaky: Bench) -> None:
    def open_to_others(path: Path) -> bool:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)

    store = leaky.root / "workspaces" / leaky.run_id
    assert not open_to_others(leaky.report)
    assert not open_to_others(store.resolve())
    private = [leaky.report / name for name in ("journal.jsonl", "report.md", "report.json")]
    private += [*(leaky.report / "logs").rglob("*.log"), *(leaky.report / "briefs").iterdir()]
    assert [path for path in private if open_to_others(path)] == []
