"""What a second attempt knows of the first: its changes as a diff, or its work in the folder; and
of a flood its beginning, its size and the file in which all of it is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, make_repository

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: again
objective: It takes two.
repository: {{path: {repo}}}
defaults: {{isolation: worktree, backend: sh, attempts: 2, timeout: {timeout}}}
backends: {{sh: {{command: [sh, "{script}"]{more}}}}}
gates: {{t: {{checks: [{{command: grep -q done one.txt}}]}}}}
batches:
  - id: b
    gate: t
    agents:
      - {{id: a, name: A, mission: Do it., tasks: [Do it.], files: [one.txt], deliverables: [It]}}
"""
FIRST = 'case $ORCHESTRATE_BRIEF in *-1.md) is_first=1;; esac\ncat one.txt > "$HOME/saw"\n'


def _run(folder: Path, script: str, *, code: int, more: str = "", timeout: str = "60s") -> Bench:
    make_repository(folder / "repo", {"one.txt": "nothing\n"})
    (folder / "agent.sh").write_text(FIRST + script)
    mission = folder / "mission.yaml"
    told = MISSION.format(
        repo=folder / "repo", script=folder / "agent.sh", more=more, timeout=timeout
    )
    mission.write_text(told)
    bench = Bench(folder / "root")
    bench.run("run", mission, "--plain", code=code)
    return bench


@pytest.mark.parametrize(
    ("script", "outcome", "timeout"),
    [
        (
            "echo half > one.txt; [ -z $is_first ] || sleep 60\necho done > one.txt",
            "timed_out",
            "3s",
        ),
        ("echo half > one.txt; [ -z $is_first ] || exit 3\necho done > one.txt", "failed", "60s"),
        (
            "echo half > one.txt; [ -z $is_first ] || { touch other; exit; }\necho done > one.txt",
            "out_of_scope",
            "60s",
        ),
    ],
)
def test_the_next_brief_has_the_diff(
    tmp_path: Path, script: str, outcome: str, timeout: str
) -> None:
    bench = _run(tmp_path, script, code=0, timeout=timeout)
    first, second = bench.events("attempt_ended")
    assert (first["outcome"], second["outcome"]) == (outcome, None)
    brief = (bench.report / "briefs" / "a-2.md").read_text()
    assert f"Attempt 1 ended as {outcome}" in brief
    assert "-nothing\n+half\n" in brief
    assert "which is not in the current folder" in brief


def test_work_can_be_gone_on_from_without_what_was_refused(tmp_path: Path) -> None:
    script = (
        "if [ $is_first ]; then echo half > one.txt; touch other; else\n"
        "[ ! -e other ] && grep -q half one.txt && echo done >> one.txt; fi"
    )
    bench = _run(tmp_path, script, code=0, more=", resume_work: true")
    assert bench.store("show", f"{bench.tip}:one.txt") == "half\ndone"
    assert "go on from it" in (bench.report / "briefs" / "a-2.md").read_text()


def test_a_flood_is_told_by_its_beginning_and_kept_whole(tmp_path: Path) -> None:
    script = "for n in $(seq 1 1500); do echo x > stray-$n; done"
    bench = _run(tmp_path, script, code=1)
    brief = (bench.report / "briefs" / "a-2.md").read_text()
    assert len(brief) < 30_000
    assert "and 1,460 more, all in evidence/changes/a-1.txt" in brief
    assert "all in evidence/diffs/a-1.diff" in brief
    whole = (bench.report / "evidence" / "changes" / "a-1.txt").read_text()
    assert sum(line.startswith("refused stray-") for line in whole.splitlines()) == 1500
    assert (bench.report / "evidence" / "diffs" / "a-1.diff").read_text().count("+++ b/") == 1500
    first, _ = bench.events("attempt_ended")
    assert (len(first["breaches"]), first["breaches_left_out"]) == (100, 1400)
    assert (len(first["changes"]), first["changes_left_out"]) == (1000, 500)
    assert "1450 more refused, all in" in (bench.report / "report.md").read_text()
