"""`command`: placeholders, the three ways to hand over a brief, and what its program can see."""

from __future__ import annotations

import venv
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.agents.backend import Ended, Work
from orchestrator.agents.command import CommandBackend
from orchestrator.isolation.environment import temporary_of
from orchestrator.isolation.passed_on import is_passed_on
from orchestrator.isolation.processes import TAG
from orchestrator.mission.model import Backend

BRIEF = "# Do it: Zoë\n"


@pytest.fixture
def work(tmp_path: Path) -> Work:
    (tmp_path / "tree").mkdir()
    (tmp_path / "brief.md").write_text(BRIEF, encoding="utf-8")
    return Work(
        run="r1",
        batch="core",
        agent="1.1",
        attempt=1,
        workspace=tmp_path / "tree",
        brief=BRIEF,
        brief_file=tmp_path / "brief.md",
        mission_dir=tmp_path / "mission",
        home=tmp_path / "home",
        log=tmp_path / "log.txt",
        timeout=20.0,
        tag="command/one",
    )


def backend(**config: object) -> CommandBackend:
    return CommandBackend("mine", Backend.model_validate(config), Path())


def carry_out(what: CommandBackend, work: Work) -> Ended:
    return anyio.run(what.work, work, lambda _: None)


def printed(work: Work, **config: object) -> str:
    ended = carry_out(backend(**config), work)
    assert ended.failure is None, ended
    assert ended.exit
    return ended.exit.tail


@pytest.mark.parametrize(
    "config",
    [
        {"command": ["printf", "%s", "{brief}"]},
        {"command": ["cat", "{brief_file}"]},
        {"command": "cat"},
        {"command": ["cat"], "brief": "stdin"},
        {"command": {"shell": 'cat "$ORCHESTRATE_BRIEF"'}, "brief": "file"},
        {"command": {"shell": "cat {brief_file}"}},
    ],
    ids=["argument", "file", "stdin by default", "stdin", "variable", "shell"],
)
def test_the_brief_arrives(work: Work, config: dict[str, object]) -> None:
    assert printed(work, **config) == BRIEF


def test_a_program_that_is_given_nothing_reads_nothing(work: Work) -> None:
    assert printed(work, command=["cat"], brief="none") == ""


def test_placeholders(work: Work) -> None:
    told = printed(
        work,
        command=[
            "echo",
            "{agent}",
            "{batch}",
            "{run}",
            "{workspace}",
            "{mission_dir}",
            "a{agent}b",
        ],
    )
    assert told.split() == [
        "1.1",
        "core",
        "r1",
        str(work.workspace),
        str(work.mission_dir),
        "a1.1b",
    ]


def test_what_a_script_is_told_of_its_work(work: Work) -> None:
    names = ("RUN", "BATCH", "AGENT", "WORKSPACE", "BRIEF")
    script = "; ".join(f'echo "$ORCHESTRATE_{name}"' for name in names)
    told = printed(work, command={"shell": script}).split()
    assert told == ["r1", "core", "1.1", str(work.workspace), str(work.brief_file)]


def test_it_runs_in_its_workspace(work: Work) -> None:
    assert printed(work, command=["pwd"]).strip() == str(work.workspace)


def test_doubled_braces_are_braces(work: Work) -> None:
    """What is neither that nor a placeholder does not get here: the loader refuses it."""
    assert printed(work, command=["printf", "%s", "awk '{{print $1}}' {{agent}} ${{HOME}}"]) == (
        "awk '{print $1}' {agent} ${HOME}"
    )


def test_an_argument_that_is_too_long_is_said(work: Work) -> None:
    long = Work(**{name: getattr(work, name) for name in Work.__slots__} | {"brief": "x" * 200_000})
    ended = carry_out(backend(command=["echo", "{brief}"]), long)
    assert ended.exit is None
    assert ended.failure
    assert "too long for an argument" in ended.failure
    assert "stdin" in ended.failure
    ended = carry_out(backend(command=["wc", "-c"]), long)
    assert ended.exit
    assert ended.exit.tail.strip() == "200000"


def test_the_longest_argument_that_linux_takes(work: Work) -> None:
    long = Work(
        **{name: getattr(work, name) for name in Work.__slots__} | {"brief": "x" * (128 * 1024 - 1)}
    )
    assert carry_out(backend(command=["true", "{brief}"]), long).failure is None


def test_a_program_that_is_missing(work: Work) -> None:
    missing = backend(command=["no-such-agent", "-p"])
    assert missing.unusable() == "no-such-agent is not on PATH"
    ended = carry_out(missing, work)
    assert ended.exit is None
    assert ended.failure
    assert "could not be started" in ended.failure


HIDDEN = (
    "SSH_AUTH_SOCK",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_CONFIG_COUNT",
    "PYTHONPATH",
    "PYTHONHOME",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "NODE_OPTIONS",
    "AWS_SECRET_ACCESS_KEY",
    "OTHER_API_KEY",
    "VIRTUAL_ENV",
)
GIVEN = {"GIT_CEILING_DIRECTORIES", "PATH", "HOME", "TMPDIR", "LANG", "TERM", "CI", "TZ", TAG}
TOLD = {f"ORCHESTRATE_{name}" for name in ("RUN", "BATCH", "AGENT", "BRIEF", "WORKSPACE")}
SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}


def test_it_sees_what_it_is_given_and_what_it_declared(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in HIDDEN:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("MY_API_KEY", "key")
    monkeypatch.delenv("NOT_SET", raising=False)
    lines = printed(work, command=["env"], env=["MY_API_KEY", "NOT_SET"]).splitlines()
    seen = {line.split("=", 1)[0]: line.split("=", 1)[1] for line in lines}
    assert seen["MY_API_KEY"] == "key"
    assert "NOT_SET" not in seen
    assert not set(HIDDEN) & set(seen)
    network = {name for name in seen if is_passed_on(name)}
    assert set(seen) - GIVEN - TOLD - SHELL - network == {"MY_API_KEY"}
    assert seen["HOME"] == str(work.home)
    assert seen["TMPDIR"] == str(temporary_of(work.home))
    assert seen["TERM"] == "dumb"


def test_a_secret_of_its_own_is_not_in_the_arguments(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "key-123")
    told = printed(work, command={"shell": "tr '\\0' ' ' < /proc/$$/cmdline"}, env=["MY_API_KEY"])
    assert "key-123" not in told


def test_it_is_given_constants(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "key")
    told = printed(
        work, command={"shell": "echo $SQLITE $MY_API_KEY"}, env=["MY_API_KEY", {"SQLITE": "1"}]
    )
    assert told.strip() == "1 key"


def test_the_projects_own_interpreter_comes_first(work: Work, tmp_path: Path) -> None:
    made = tmp_path / "tree" / ".venv"
    venv.create(made, with_pip=False, symlinks=True)
    there = replace(work, python=made / "bin" / "python")
    told = printed(there, command={"shell": "python -c 'import sys; print(sys.prefix)'; env"})
    assert told.splitlines()[0] == str(made)
    assert f"VIRTUAL_ENV={made}" in told.splitlines()
