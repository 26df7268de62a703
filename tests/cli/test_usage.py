"""Help, and what is said of what cannot be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import MISSIONS, orchestrate

VERBS = (
    *("run", "resume", "plan", "schema", "init", "status", "runs", "watch"),
    *("report", "logs", "diff", "approve", "land", "record", "clean"),
    *("gate", "merge", "merge-file"),
)


def test_help_names_every_verb(tmp_path: Path) -> None:
    told = orchestrate(tmp_path, "--help").out
    assert all(f"  {verb} " in told for verb in VERBS)
    assert "Exit codes" in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(tmp_path: Path, verb: str) -> None:
    told = orchestrate(tmp_path, verb, "-h").out
    assert f"orchestrate {verb}" in told
    assert list(tmp_path.iterdir()) == []


def test_the_version(tmp_path: Path) -> None:
    assert orchestrate(tmp_path, "--version").out.startswith("orchestrate 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-verb"],
        ["run", "--backend", "claude", str(MISSIONS / "hello.yaml")],
        ["run"],
        ["run", "a.yaml", "b.yaml"],
        ["run", "--parallel", "0", str(MISSIONS / "hello.yaml")],
        ["run", "--parallel", "many", str(MISSIONS / "hello.yaml")],
        ["status", "--format"],
        ["logs", "--attempt", "0"],
        ["--no-such-option"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_bad_usage(tmp_path: Path, arguments: list[str]) -> None:
    """Exit code 2, what is wrong, and how the verb is used; nothing is started and nothing is
    made.
    """
    done = orchestrate(tmp_path, *arguments, code=2)
    assert "fault of this program" not in done.err
    assert "Usage: orchestrate" in done.err
    assert "Error" in done.err
    assert list(tmp_path.iterdir()) == []


def test_nothing_typed_is_answered_with_the_help(tmp_path: Path) -> None:
    done = orchestrate(tmp_path, code=None)
    assert done.code in {0, 2}
    assert "Usage: orchestrate" in done.out + done.err


@pytest.mark.parametrize("verb", ["status", "report", "resume", "land", "diff", "watch"])
def test_a_verb_without_any_run(tmp_path: Path, verb: str) -> None:
    done = orchestrate(tmp_path, verb, code=2)
    assert "there is no run here" in done.err
    assert "orchestrate run MISSION" in done.err
    assert list(tmp_path.iterdir()) == []


def test_no_runs_are_no_error(tmp_path: Path) -> None:
    orchestrate(tmp_path, "runs")
    assert orchestrate(tmp_path, "runs", "--json").json == []
    orchestrate(tmp_path, "clean")
    assert list(tmp_path.iterdir()) == []


def test_a_mission_that_is_not_there(tmp_path: Path) -> None:
    for verb in ("run", "plan"):
        done = orchestrate(tmp_path, verb, "no-such.yaml", code=2)
        assert "no-such.yaml" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_need_never_starts_a_run(tmp_path: Path) -> None:
    text = (MISSIONS / "failing.yaml").read_text().replace("needs: [unproven]", "needs: [unprovn]")
    (tmp_path / "bad.yaml").write_text(
        text.replace("failing/target", str(MISSIONS / "failing" / "target"))
    )
    for verb in ("run", "plan"):
        done = orchestrate(tmp_path, verb, "bad.yaml", code=2)
        assert "unprovn" in done.err
        assert "unproven" in done.err
    assert not (tmp_path / "reports").exists()
    assert not (tmp_path / "workspaces").exists()


@pytest.mark.parametrize("mission", ["hello", "failing", "websocket"])
def test_plan_starts_nothing(tmp_path: Path, mission: str) -> None:
    told = orchestrate(tmp_path, "plan", MISSIONS / f"{mission}.yaml").out
    assert mission in told
    found = orchestrate(tmp_path, "plan", MISSIONS / f"{mission}.yaml", "--json").json
    assert found["batches"]
    assert list(tmp_path.iterdir()) == [], "no folder is made"


def test_schema_and_a_first_mission(tmp_path: Path) -> None:
    assert orchestrate(tmp_path, "schema").json["title"]
    orchestrate(tmp_path, "init", "missions/mine.yaml")
    assert {path.name for path in (tmp_path / "missions").iterdir()} == {
        "mine.yaml",
        "mission.schema.json",
    }
    before = (tmp_path / "missions" / "mine.yaml").read_text()
    assert (
        "there is a file already" in orchestrate(tmp_path, "init", "missions/mine.yaml", code=2).err
    )
    assert (tmp_path / "missions" / "mine.yaml").read_text() == before
