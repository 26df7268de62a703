"""In whose name work lands, and in whose name it never does."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.git.identity import Identity
from tests.cli.helpers import git, orchestrate

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: signed
objective: Be somebody's.
AUTHOR
repository: {path: user}
backends: {worker: {command: [sh, -ec, "SCRIPT"]}}
defaults: {isolation: worktree, backend: worker, attempts: 1}
gates: {g: {checks: [{command: [sh, -ec, "CHECK"]}]}}
batches: [{id: b, gate: g, agents: [{id: a, name: A, mission: Do it., files: ["*.txt"]}]}]
"""


def carried_out(
    root: Path,
    author: str = "",
    script: str = "echo x > x.txt",
    check: str = "true",
    *,
    land: bool = True,
):
    mission = root / "m.yaml"
    text = MISSION.replace("AUTHOR\n", f"author: {author}\n" if author else "")
    mission.write_text(text.replace("SCRIPT", script).replace("CHECK", check))
    orchestrate(root, "run", mission, "--plain", *["--land"] * land)
    fields = git(root / "user", "log", "--format=%an <%ae>|%cn <%ce>", "main~1..main", "--")
    return {person for line in fields.splitlines() for person in line.split("|")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    user = tmp_path / "user"
    user.mkdir()
    git(user, "init", "-q", "-b", "main")
    (user / "a.txt").write_text("a\n")
    git(user, "add", ".")
    git(user, "commit", "-qm", "base")
    return tmp_path


def test_the_missions_author_signs_all_that_lands(root: Path) -> None:
    git(root / "user", "config", "user.name", "Somebody Else")
    git(root / "user", "config", "user.email", "else@example.org")
    assert carried_out(root, author='"Zoë \\"Z\\" # Ümlaut <zoe@example.org>"') == {
        'Zoë "Z" # Ümlaut <zoe@example.org>'
    }
    message = git(root / "user", "log", "-1", "--format=%B")
    assert "Agent: a" in message


def test_without_one_it_is_whom_the_repository_names(root: Path) -> None:
    git(root / "user", "config", "user.name", "A Person")
    git(root / "user", "config", "user.email", "person@example.org")
    assert carried_out(root) == {"A Person <person@example.org>"}


def test_with_nobody_named_it_is_ours(root: Path) -> None:
    assert carried_out(root) == {"orchestrate <orchestrate@localhost>"}


def test_repositories_that_agents_and_tests_make_are_not_ours(root: Path) -> None:
    git(root / "user", "config", "user.name", "A Person")
    git(root / "user", "config", "user.email", "person@example.org")
    make = (
        "mkdir -p $TMPDIR/r && cd $TMPDIR/r && git init -q && "
        "! git commit -q --allow-empty -m x 2>/dev/null && "
        "git config user.name T && git config user.email t@t && "
        "git commit -q --allow-empty -m x && test $(git log --format=%an%cn) = TT"
    )
    script = f"({make}) && git commit -q --allow-empty -m y && git log -1 --format=%an > who.txt"
    carried_out(root, script=script, check=make)
    assert (root / "user" / "who.txt").read_text() == "A Person\n"


@pytest.mark.parametrize(
    "text", ["", "Ada", "<a@b>", "Ada <>", "Ada <a b>", ". <a@b>", "A\nB <a@b>"]
)
def test_what_is_nobody(text: str) -> None:
    assert Identity.parse(text) is None


@pytest.mark.parametrize("name", ["A", 'Zoë "Z" # \\ Ü', "a\\"])
def test_a_store_knows_it_by_what_was_written(name: str) -> None:
    identity = Identity(name, "a@example.org")
    text = f"[core]\n\tbare = true\n{identity.configuration}[gc]\n\tauto = 0\n"
    assert Identity.of_configuration(text) == identity
