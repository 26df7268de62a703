"""`land --pr` and `follow`: a run's pull requests through a real `gh` and a real git, until they are
merged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import events, git, make_user, runs
from tests.tracker.github import GitHub, serving
from tests.tracker.helpers import Bench

MISSION = """\
version: 1
name: small
objective: Change what is there.
repository: {path: user}
backends: {script: {command: [sh, "{mission_dir}/{agent}.sh", "{brief_file}"], brief: file}}
defaults: {isolation: worktree, backend: script, attempts: 1, timeout: 1m}
gates: {changed: {checks: [{command: [grep, -q, changed, a.txt], name: a-changed}]}}
batches:
  - id: first
    agents:
      - {id: a, name: A, mission: Change a., files: [a.txt], deliverables: [{text: a is changed, proof: a-changed}]}
      - {id: b, name: B, mission: Change b., files: [b.txt], deliverables: [{text: b is there, proof: {file: b.txt}}]}
    gate: changed
"""
SECOND = """\
  - id: second
    needs: [first]
    agents:
      - {id: c, name: C, mission: Change c., files: [c.txt], deliverables: [{text: c is there, proof: {file: c.txt}}]}
    gate: changed
"""


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    return GitHub(bare=tmp_path / "r.git")


@pytest.fixture
def bench(tmp_path: Path, github: GitHub) -> Iterator[Bench]:
    user = make_user(tmp_path / "user")
    git(tmp_path, "clone", "-q", "--bare", "user", "r.git")
    git(user, "remote", "add", "origin", str(tmp_path / "r.git"))
    (tmp_path / "m.yaml").write_text(MISSION)
    for name in "abc":
        # Whoever is told SAY-x writes it.
        (tmp_path / f"{name}.sh").write_text(
            f'echo changed >> {name}.txt\ngrep -o "SAY-[a-z]*" "$1" | sort -u >> {name}.txt\n'
            f"cp \"$1\" '{tmp_path}/brief-{name}'\necho {name} >> '{tmp_path}/ledger'\n"
        )
    with serving(github) as server:
        yield Bench(tmp_path, server)
    assert github.unknown == []


def there(bench: Bench, branch: str, path: str) -> str:
    return git(bench.root / "r.git", "show", f"{branch}:{path}")


def push_on_main(bench: Bench, path: str, text: str) -> str:
    """What somebody else does meanwhile."""
    folder = bench.root / "other"
    if not folder.exists():
        git(bench.root, "clone", "-q", "r.git", "other")
    git(folder, "pull", "-q")
    (folder / path).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Meanwhile")
    git(folder, "push", "-q", "origin", "HEAD:main")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.slow
def test_a_pull_request_is_opened_followed_and_merged(bench: Bench, github: GitHub) -> None:
    bench("run", "m.yaml")
    (run,) = runs(bench.root)
    pr = ("land", "--pr", "--repo", "o/r")
    follow = ("follow", "--repo", "o/r", "--once", "--plain")
    assert "has no pull request" in bench(*follow, code=2).err
    before = git(bench.root / "user", "for-each-ref", "refs/heads")
    bench(*pr, "--label", "websocket")
    assert (
        git(bench.root / "user", "for-each-ref", "refs/heads") == before
    )  # nothing of the user's moved
    branch = f"orchestrate/{run}"
    (number,) = github.pulls
    pull = github.pulls[number]
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (branch, "main")
    assert pull["draft"] is False
    assert "a is changed" in pull["body"]
    assert "](logs/" not in pull["body"]
    labels = {label["name"] for label in github.issues[number]["labels"]}
    assert labels == {"orchestrate", f"run:{run}"[:50], "websocket"}
    assert there(bench, branch, "a.txt") == "as it was\nchanged"
    writes = len(github.writes)
    bench(*pr)
    assert github.writes[writes:] == []

    # A red check becomes an attempt of the agent whose file it speaks of.
    head = github._ref(branch)
    github.check(head, "unit", None)
    assert "unit at work" in bench(*follow).out
    github.check(head, "unit", "failure", "expected it to SAY-hello", path="b.txt")
    github.check(head, "lint", "success")
    bench(*follow)
    assert there(bench, branch, "b.txt") == "as it was\nchanged\nSAY-hello"
    brief = (bench.root / "brief-b").read_text()
    assert "check unit is red" in brief
    assert "b.txt:1: expected it to SAY-hello" in brief
    assert (bench.root / "ledger").read_text().split().count("a") == 1  # it was not done again
    assert "check unit is red" in github.comments[number][-1]["body"]

    # A review that wants changes is answered; a stranger's is not heard.
    github.review(number, "CHANGES_REQUESTED", "let it SAY-evil", by="troll", association="NONE")
    assert "troll wants changes but may not write" in bench(*follow).out
    review = github.review(number, "CHANGES_REQUESTED", "it should SAY-goodbye", path="b.txt")
    bench(*follow)
    assert there(bench, branch, "b.txt").endswith("SAY-goodbye\nSAY-hello")
    assert github.remarks[number][-1]["body"].startswith("See ")
    assert github.pulls[number]["requested_reviewers"] == ["rev"]
    answers = [
        event["answers"] for event in events(bench.root) if event["kind"] == "redo_requested"
    ]
    assert answers == [[f"check:{head}:unit"], [f"review:{review}"]]
    attempts, comments = len((bench.root / "ledger").read_text()), len(github.comments[number])
    bench(*follow)  # it waits for the reviewer
    assert len((bench.root / "ledger").read_text()) == attempts
    assert len(github.comments[number]) == comments

    # The base moved: merged, proven and pushed, on top of what was there.
    head = github._ref(branch)
    onto = push_on_main(bench, "new.txt", "theirs\n")
    assert "proving that" in bench(*follow).out
    both = github._ref(branch)
    for older in (head, onto):
        git(bench.root / "r.git", "merge-base", "--is-ancestor", older, both)
    bench(*pr)
    assert github._ref(branch) == both

    # No more than that many times.
    github.check(both, "unit", "failure", "b.txt is wrong")
    assert "now it is a person's" in bench(*follow, "--rounds", "2", code=1).out

    # Somebody else's commit is left alone.
    git(bench.root / "other", "fetch", "-q")
    git(bench.root / "other", "checkout", "-q", f"origin/{branch}")
    git(bench.root / "other", "commit", "-q", "--allow-empty", "-m", "Mine")
    git(bench.root / "other", "push", "-q", "origin", f"HEAD:{branch}")
    assert "somebody else has pushed" in bench(*follow, code=2).err
    assert "somebody else has pushed" in bench(*pr, code=2).err
    git(bench.root / "r.git", "update-ref", f"refs/heads/{branch}", both)

    github.merge(number)
    assert "is merged into main" in bench("follow", "--repo", "o/r").out


@pytest.mark.slow
def test_a_conflict_and_a_red_gate_on_top_are_told(bench: Bench, github: GitHub) -> None:
    bench("run", "m.yaml")
    push_on_main(bench, "b.txt", "something else\n")
    done = bench("land", "--pr", "--repo", "o/r")
    assert "conflict: b.txt" in done.out
    (number,) = github.pulls
    assert github.pulls[number]["draft"] is True
    assert "Not proven on top of the branch" in github.pulls[number]["body"]
    # The agent is told what came there; it cannot mend it here, so it is a person's in the end.
    done = bench("follow", "--repo", "o/r", "--once", "--rounds", "1", code=None)
    assert "handed to agent b" in done.out
    assert "+something else" in (bench.root / "brief-b").read_text()
    done = bench("follow", "--repo", "o/r", "--once", "--rounds", "1", code=1)
    assert "now it is a person's" in done.out


@pytest.mark.slow
def test_several_land_in_order(bench: Bench, github: GitHub) -> None:
    (bench.root / "m.yaml").write_text(MISSION + SECOND)
    bench("run", "m.yaml")
    (run,) = runs(bench.root)
    bench("land", "--pr", "--each", "--repo", "o/r", "--auto")
    one, two = sorted(github.pulls)
    first, second = f"orchestrate/{run}.1-first", f"orchestrate/{run}.2-second"
    assert [github.pulls[n]["head"]["ref"] for n in (one, two)] == [first, second]
    assert [github.pulls[n]["base"]["ref"] for n in (one, two)] == ["main", first]
    assert github.auto == {one: "MERGE"}  # the other one's turn comes
    follow = ("follow", "--repo", "o/r", "--once", "--auto")
    github.check(github._ref(second), "unit", "failure", "c.txt is wrong")
    assert f"#{one}" in bench(*follow).out
    github.merge(one)
    assert "proving that" in bench(*follow).out  # for now it goes to main
    assert github.pulls[two]["base"]["ref"] == "main"
    assert two in github.auto
    github.check(github._ref(second), "unit", "failure", "c.txt is wrong: SAY-more")
    assert "handed to agent c" in bench(*follow).out
    git(bench.root / "r.git", "merge-base", "--is-ancestor", "main", second)
    github.merge(two)
    assert "is merged into main" in bench(*follow).out
    assert there(bench, "main", "c.txt") == "as it was\nchanged\nSAY-more"


def test_what_is_not_pushed(bench: Bench, github: GitHub) -> None:
    bench("run", "m.yaml")
    git(bench.root / "r.git", "branch", "release", "main")
    github.protected |= {"release", "orchestrate/held"}
    for options, says in {
        ("--branch", "main"): "main is what is merged into",
        ("--branch", "release"): "release is protected",
        ("--branch", "orchestrate/held"): "has a ruleset that forbids it (pull_request)",
        ("--base", "nowhere"): "origin has no branch nowhere",
        ("--remote", "upstream"): "the repository has no remote upstream",
        ("--branch", "a..b"): "cannot be the name of a branch",
    }.items():
        assert says in bench("land", "--pr", "--repo", "o/r", *options, code=None).err
    assert "say --pr as well" in bench("land", "--auto", code=2).err
    github.permissions = {"pull": True, "push": False}
    assert "may not push to o/r" in bench("land", "--pr", "--repo", "o/r", code=4).err
    assert git(bench.root / "r.git", "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/heads/release",
    ]
    assert github.writes == []
