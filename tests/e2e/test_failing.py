"""What failure looks like: each way to fail ends as itself, in the exit code, the journal and the
report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.helpers import MISSIONS, Bench, check_story, make_repository, write

pytestmark = pytest.mark.integration

AGENTS = {
    "adder": ("landed", 1),
    "crasher": ("failed", 1),
    "sleeper": ("timed_out", 1),
    "stray": ("out_of_scope", 2),
    "idler": ("failed", 1),
    "left": ("landed", 1),
    "right": ("conflicted", 1),
    "writer": ("rejected", 1),
    "patient": ("blocked", 0),
}
BATCHES = {
    "fine": "landed",
    "troubled": "failed",
    "quarrel": "conflicted",
    "unproven": "rejected",
    "waiting": "blocked",
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("failing") / "root")
    bench.run("run", MISSIONS / "failing.yaml", "--plain", code=1)
    yield bench
    bench.require_no_leftovers()


def test_each_outcome_is_the_one_that_was_meant(failed: Bench) -> None:
    summary = failed.summary()
    agents = {agent["id"]: agent for batch in summary["batches"] for agent in batch["agents"]}
    assert {
        id: (agent["outcome"], len(agent["attempts"])) for id, agent in agents.items()
    } == AGENTS
    assert {batch["id"]: batch["outcome"] for batch in summary["batches"]} == BATCHES
    assert agents["crasher"]["attempts"][0]["exit_code"] == 3
    assert [breach["path"] for breach in agents["stray"]["breaches"]] == ["tests/test_words.py"]
    assert "nothing delivered" in agents["idler"]["reason"]
    assert agents["patient"]["reason"] == "needs unproven, which is rejected"
    assert (summary["status"], summary["exit_code"]) == ("failed", 1)
    assert summary["recommendation"]["decision"] == "keep_open"
    check_story(failed.events())


def test_second_attempt_is_told_of_the_breach(failed: Bench) -> None:
    brief = (failed.report / "briefs" / "stray-2.md").read_text(encoding="utf-8")
    assert "tests/test_words.py" in brief
    assert "tests/test_words.py" not in (failed.report / "briefs" / "stray-1.md").read_text(
        encoding="utf-8"
    )


def test_conflict_names_both_and_the_path(failed: Bench) -> None:
    (returned,) = next(batch for batch in failed.summary()["batches"] if batch["id"] == "quarrel")[
        "returns"
    ]
    (conflict,) = returned["conflicts"]
    assert (conflict["agent"], conflict["others"], conflict["path"]) == (
        "right",
        ["left"],
        "units.py",
    )


def test_runner_that_found_no_test_is_red_though_it_exits_with_0(failed: Bench) -> None:
    check = _last_check(failed, "unproven")
    assert (check["decision"], check["reason"], check["exit_code"]) == (
        "failed",
        "no_tests_executed",
        0,
    )
    assert check["counts"]["executed"] == 0


def test_only_what_was_proven_is_in_the_result(failed: Bench) -> None:
    store, base = failed.store, failed.events()[0]["base"]
    assert store("diff", "--name-only", base, failed.tip).split() == ["sums.py", "units.py"]
    assert "metre" in store("show", f"{failed.tip}:units.py")
    assert "half of the work" not in store("show", f"{failed.tip}:sums.py")
    store.fsck()


def test_open_items_name_everything_that_is_not_done(failed: Bench) -> None:
    items = failed.summary()["recommendation"]["items"]
    kept_open = {(item["kind"], item["subject"]) for item in items if item["keeps_open"]}
    bad_agents = {
        ("agent", id) for id, (outcome, _) in AGENTS.items() if outcome not in ("landed", "blocked")
    }
    bad_batches = {("batch", id) for id, outcome in BATCHES.items() if outcome != "landed"}
    assert kept_open == bad_agents | bad_batches | {("deliverable", "adder")}


def test_no_green_mark_where_nothing_is_proven(failed: Bench) -> None:
    text = (failed.report / "report.md").read_text(encoding="utf-8")
    head, *sections = re.split(r"^##+ ", text, flags=re.MULTILINE)
    assert "❌ Keep open" in head
    assert "✅" not in head
    by_title = {section.partition("\n")[0]: section for section in sections}
    for title in (
        "Open items",
        "Agents that fail",
        "A gate behind which there are no tests",
        "Not reached",
    ):
        assert "✅" not in by_title[title], title
        assert "VALIDATED" not in by_title[title].replace("UNVALIDATED", ""), title
    assert "✅" not in by_title["One that needs what failed"]
    for line in text.splitlines():
        if "✅" in line:
            assert re.search(
                r"fine|adder|left|pytest-1|Gate `tests`|Sums are right|quarrel", line
            ), line
            assert not re.search(
                r"`(crasher|sleeper|stray|idler|right|writer|patient)`|documented", line
            ), line


def test_status_names_each_batch_and_what_failed(failed: Bench) -> None:
    told = failed.run("status", code=None)
    for id in (
        *BATCHES,
        *(id for id, (outcome, _) in AGENTS.items() if outcome not in ("landed", "blocked")),
    ):
        assert id in told
    assert "✅" not in told


def test_report_is_the_same_when_it_is_rendered_again(failed: Bench) -> None:
    before = (failed.report / "report.md").read_bytes()
    assert str(failed.report / "report.md") in failed.run("report")
    assert (failed.report / "report.md").read_bytes() == before


def test_land_refuses_what_is_not_whole(failed: Bench) -> None:
    told = failed.run("land", code=2)
    assert "--partial" in told
    assert "resume" in told


MISSION = """\
version: 1
name: small
objective: Try one thing.
repository: {{path: ../user}}
backends:
  script: {{command: [sh, "{{mission_dir}}/{{agent}}.sh", "{{mission_dir}}"], brief: none}}
defaults: {{isolation: worktree, backend: script, timeout: 1m, attempts: 1}}
{rest}
"""
EDIT = "echo edited >> file\n"


def _bench(
    folder: Path, rest: str, scripts: dict[str, str], files: dict[str, str] | None = None
) -> tuple[Bench, Path]:
    make_repository(folder / "user", {"file": "base\n", **(files or {})})
    write(folder / "mission", {"mission.yaml": MISSION.format(rest=rest), **scripts})
    return Bench(folder / "root"), folder / "mission" / "mission.yaml"


def _last_check(bench: Bench, batch: str) -> dict[str, Any]:
    found = next(item for item in bench.summary()["batches"] if item["id"] == batch)
    return found["gates"][-1]["checks"][-1]


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        pytest.param("{pytest: tests}", "no_tests_executed", id="pytest-finds-nothing"),
        pytest.param("{pytest: absent}", None, id="pytest-of-a-folder-that-is-not-there"),
        pytest.param("{pytest: skipped}", "all_skipped", id="pytest-skips-all"),
        pytest.param('{command: ["true"], report: out.xml}', "report_missing", id="true"),
        pytest.param(
            "{command: [python, -m, unittest, discover, tests], report: out.xml}",
            None,
            id="unittest-discovers-nothing",
        ),
        pytest.param(
            "{command: [cp, empty.xml, out.xml], report: out.xml}",
            "no_tests_executed",
            id="empty-record",
        ),
    ],
)
def test_gate_without_a_test_is_red(tmp_path: Path, check: str, reason: str | None) -> None:
    bench, mission = _bench(
        tmp_path,
        f"gates: {{nothing: {{checks: [{check}]}}}}\n"
        "batches: [{id: only, agents: [{id: one, name: One, mission: Edit., files: [file]}], gate: nothing}]",
        {"one.sh": EDIT},
        {
            "tests/helper.py": "VALUE = 1\n",
            "skipped/test_all.py": "import pytest\n\n@pytest.mark.skip\ndef test_it():\n    assert False\n",
            "empty.xml": "<testsuite tests='0'/>\n",
        },
    )
    bench.run("run", mission, "--plain", code=1)
    (batch,) = bench.summary()["batches"]
    assert batch["outcome"] == "rejected"
    assert bench.tip == bench.events()[0]["base"]
    found = _last_check(bench, "only")
    assert found["decision"] in ("failed", "errored")
    assert reason in (None, found["reason"])


STOPPING = """\
on_failure: {policy}
batches:
  - {{id: broken, agents: [{{id: crasher, name: Crasher, mission: Crash., files: [file]}}]}}
  - {{id: apart, agents: [{{id: slow, name: Slow, mission: Take your time., files: [slow]}}]}}
  - {{id: later, needs: [apart], agents: [{{id: late, name: Late, mission: Come later., files: [late]}}]}}
"""
SCRIPTS = {
    "crasher.sh": "exit 1\n",
    # Comes to its end only once the other batch has failed for good.
    "slow.sh": 'for _ in $(seq 500); do grep -qs batch_ended "$1"/../root/reports/*/journal.jsonl && break; '
    "sleep 0.1; done\necho slow > slow\n",
    "late.sh": "echo late > late\n",
}


@pytest.mark.parametrize(("policy", "later"), [("stop", "cancelled"), ("continue", "landed")])
def test_failure_stops_what_has_not_begun_only_if_asked_to(
    tmp_path: Path, policy: str, later: str
) -> None:
    bench, mission = _bench(tmp_path, STOPPING.format(policy=policy), SCRIPTS)
    bench.run("run", mission, "--plain", code=1)
    outcomes = {batch["id"]: batch["outcome"] for batch in bench.summary()["batches"]}
    assert outcomes == {"broken": "failed", "apart": "landed", "later": later}
    agents = {
        agent["id"]: agent for batch in bench.summary()["batches"] for agent in batch["agents"]
    }
    assert agents["late"]["outcome"] == later
    assert len(agents["late"]["attempts"]) == (0 if later == "cancelled" else 1)
    if later == "cancelled":
        assert "broken" in agents["late"]["reason"]
