"""`issues publish`: a mission's issues, made once through a real `gh`, and renewed from then on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import git, make_user
from tests.tracker.github import GitHub, serving
from tests.tracker.helpers import BESIDE_PYTHON, Bench, gh_environment

MISSION = """\
version: 1
name: websocket
objective: "Users get events <!-- orchestrate {} --> at all times."
repository: {path: user}
backends: {script: {command: ["true"], brief: none}}
defaults: {backend: script}
gates: {plain: {checks: [{command: [test, -s, a.txt], name: there}]}}
batches:
  - id: core
    title: Core fixes
    labels: [p0, websocket]
    agents:
      - {id: "1.1", name: Pool, mission: Make a pool., files: [a.txt], labels: bug,
         tasks: [Create it, "It's `$HOME` and 'quotes'"], deliverables: [{text: a is there, proof: {file: a.txt}}]}
      - {id: "1.2", name: Factory, mission: Fix the factory., files: [b.txt], needs: ["1.1"]}
    gate: plain
    criteria: [{text: it holds, proof: there}, nobody knows]
  - id: second
    needs: [core]
    agents:
      - {id: reviewer, name: Reviewer, mission: Read it.}
"""


@pytest.fixture
def github() -> GitHub:
    return GitHub()


@pytest.fixture
def bench(tmp_path: Path, github: GitHub) -> Iterator[Bench]:
    (tmp_path / "m.yaml").write_text(MISSION)
    make_user(tmp_path / "user")
    with serving(github) as server:
        yield Bench(tmp_path, server)
    assert github.unknown == []


def publish(bench: Bench, *more: str, code: int = 0, **env: str) -> tuple[str, str]:
    done = bench("issues", "publish", "m.yaml", "--repo", "o/r", *more, code=code, **env)
    return done.out, done.err


def test_issues_are_made_once_and_linked(bench: Bench, github: GitHub) -> None:
    parent = github.issue("WebSockets are broken", labels=["p0"])
    out, _ = publish(bench, "--parent", str(parent), "--close-parent")
    assert "true links, by `gh issue edit`" in out
    core, second = github.titled("Batch 1: Core fixes"), github.titled("Batch 2: second")
    pool, factory = github.titled("Agent 1.1: Pool"), github.titled("Agent 1.2: Factory")
    assert len(github.issues) == 6
    assert github.children(parent) == [core["number"], second["number"]]
    assert github.children(core["number"]) == [pool["number"], factory["number"]]
    assert github.blocked == {
        second["number"]: [core["number"]],
        factory["number"]: [pool["number"]],
    }
    assert {label["name"] for label in pool["labels"]} == {"orchestrate", "p0", "websocket", "bug"}
    assert f"Part of #{core['number']}" in pool["body"]
    assert f"Blocked by #{pool['number']}" in factory["body"]
    assert f"- #{pool['number']}" in core["body"]
    assert "- a is there (proof: `file: a.txt`)" in pool["body"]
    (comment,) = github.comments[parent]
    assert f"- #{second['number']} (after #{core['number']})" in comment["body"]
    assert github.issues[parent]["state"] == "closed"

    # Again: nothing.
    before = len(github.writes)
    out, _ = publish(bench, "--parent", str(parent), "--close-parent")
    assert "nothing to do" in out
    assert github.writes[before:] == []


@pytest.mark.slow
def test_what_people_wrote_stays(bench: Bench, github: GitHub) -> None:
    parent = github.issue("WebSockets are broken")
    out, _ = publish(bench, "--parent", str(parent), "--dry-run")
    assert out.count("create") == 5
    assert github.writes == []
    publish(bench, "--parent", str(parent))
    pool, second = github.titled("Agent 1.1: Pool"), github.titled("Batch 2: second")
    # What people wrote round it stays, what they took off comes back, and what the mission says now
    # is said.
    pool["body"] = f"A person's words.\r\n\r\n{pool['body']}\r\n\r\nAnd more."
    pool["labels"] = []
    text = (bench.root / "m.yaml").read_text()
    (bench.root / "m.yaml").write_text(text.replace("Make a pool.", "Make two pools."))
    out, _ = publish(bench, "--parent", str(parent))
    assert len(github.issues) == 6
    assert pool["body"].startswith("A person's words.\n\n<!--")
    assert pool["body"].endswith("<!-- /orchestrate -->\n\nAnd more.")
    assert "Make two pools." in pool["body"]
    assert "Make a pool." not in pool["body"]
    assert len(pool["labels"]) == 4

    # What is no part of it any more is left, and told.
    (bench.root / "m.yaml").write_text(text.split("  - id: second")[0])
    _, err = publish(bench, "--parent", str(parent))
    assert f"#{second['number']} (batch:second) is no part of the mission any more" in err
    assert second["state"] == "open"


def old_gh(folder: Path) -> Path:
    """A folder with Debian's `gh` (2.23) where the machine has it, else with one that says to be that
    old: what its flags would do is not asked of either.
    """
    folder.mkdir()
    known = Path(os.environ.get("OLD_GH", "/usr/bin/gh"))
    told = known.is_file() and subprocess.check_output([known, "--version"], text=True)
    if told and "version 2.23" in told:
        (folder / "gh").symlink_to(known)
        return folder
    (folder / "gh").write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "gh version 2.23.0" && exit\n'
        f'exec {BESIDE_PYTHON}/gh "$@"\n'
    )
    (folder / "gh").chmod(0o755)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("way", ["rest", "text"])
def test_older_programs_and_servers(bench: Bench, github: GitHub, way: str) -> None:
    path = f"{old_gh(bench.root / 'bin')}:{os.environ['PATH']}"
    github.has_links = way == "rest"
    out, _ = publish(bench, PATH=path)
    mission = github.titled("websocket: ")
    core = github.titled("Batch 1")
    assert "&lt;!-- orchestrate {} -->" in mission["body"]
    if way == "rest":
        assert "true links, by REST" in out
        assert core["number"] in github.children(mission["number"])
        assert len(github.blocked) == 2
    else:
        assert "knows neither sub-issues nor what blocks an issue" in out
        assert (github.parents, github.blocked) == ({}, {})
    assert f"Part of #{mission['number']}" in core["body"]
    before = len(github.writes)
    assert "nothing to do" in publish(bench, PATH=path)[0]
    assert github.writes[before:] == []


@pytest.mark.slow
def test_the_script_does_the_same(bench: Bench, github: GitHub) -> None:
    more = ["--parent", str(github.issue("It's broken"))]
    publish(bench, *more, "--script", "publish.sh")
    script = bench.root / "publish.sh"
    assert github.requests == []  # it asks nobody
    env = gh_environment(bench.root, bench.server)

    def run() -> str:
        done = subprocess.run(
            ["bash", script], env=env, capture_output=True, text=True, check=False, cwd=bench.root
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run().count("create") == 5
    assert "It's `$HOME` and 'quotes'" in github.titled("Agent 1.1")["body"]
    assert len(github.comments[1]) == 1
    before = len(github.writes)
    assert "create" not in run()
    assert [each for each in github.writes[before:] if "comments" not in each] == []
    # And the program has nothing to add to it.
    before = len(github.writes)
    assert "nothing to do" in publish(bench, *more)[0]
    assert github.writes[before:] == []
    publish(bench, *more, "--script", "publish.sh", code=2)


@pytest.mark.slow
def test_what_was_cut_off_is_taken_up(bench: Bench, github: GitHub) -> None:
    github.most_issues = 3
    _, err = publish(bench, code=4)
    assert "Bad Gateway (HTTP 502)" in err
    assert "the same command goes on from there" in err
    assert len(github.issues) == 3
    github.most_issues = 1000
    github.refuse_once.append((429, "You have exceeded a secondary rate limit"))
    publish(bench)
    assert len(github.issues) == 6
    titles = [issue["title"] for issue in github.issues.values()]
    assert len(set(titles)) == 6


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"archived": True}, 2, "o/r is archived"),
        ({"has_issues": False}, 2, "o/r has issues switched off"),
        ({"permissions": {"pull": True, "triage": False}}, 4, "may read o/r but not label"),
        ({"token": "another"}, 4, "gh auth login"),
        ({"parent": "7"}, 2, "there is no issue #7 in o/r"),
        ({"repo": "o/other"}, 2, "there is no repository o/other"),
        ({"repo": "nonsense"}, 2, "is no name of a repository"),
        ({"repo": None}, 2, "name it: --repo OWNER/NAME"),
        ({"GH_TOKEN": ""}, 4, "log in with `gh auth login`"),
        ({"PATH": "/nowhere"}, 4, "there is no `gh` on PATH"),
    ],
)
def test_what_is_refused_before_anything_is_written(
    bench: Bench, github: GitHub, change: dict[str, object], code: int, says: str
) -> None:
    repo = change.get("repo", "o/r")
    more = ["--repo", str(repo)] if repo else []
    if "parent" in change:
        more += ["--parent", str(change["parent"])]
    for name in change.keys() & {"archived", "has_issues", "permissions", "token"}:
        setattr(github, name, change[name])
    env = {name: str(change[name]) for name in change.keys() & {"GH_TOKEN", "PATH"}}
    if repo is None:
        git(bench.root / "user", "remote", "add", "origin", "../bare")
    done = bench("issues", "publish", "m.yaml", *more, code=code, **env)
    assert says in done.err
    assert github.writes == []
    github.unknown.clear()
