"""The Agent Client Protocol with a real agent on the other side of it, the SDK's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.agents import acp_leave
from orchestrator.agents.acp_leave import Leave, Refused
from orchestrator.agents.backend import Answer, Conversation, Ended, Work
from orchestrator.agents.registry import KINDS, kind_of, make_backend
from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.preflight import failed
from orchestrator.isolation.sandbox import WORKSPACE, Box, find
from orchestrator.mission.model import Backend as BackendConfig
from orchestrator.mission.scope import Scope
from tests.reports.builder import agent, batch, mission

AGENT = Path(__file__).with_name("acp_agent.py")


def work(folder: Path, brief: str, **more: Any) -> Work:
    tree = folder / "tree"
    if not tree.exists():
        tree.mkdir()
        subprocess.run(["git", "init", "-q", tree], check=True)
        (tree / "a.txt").write_text("one\ntwo\n")
    (folder / "brief.md").write_text(brief)
    given: dict[str, Any] = {
        "run": "r",
        "batch": "core",
        "agent": "one",
        "attempt": 1,
        "workspace": tree,
        "brief": brief,
        "brief_file": folder / "brief.md",
        "mission_dir": folder,
        "home": folder / "home",
        "log": folder / "log.txt",
        "timeout": 30.0,
        "tag": f"acp-{os.getpid()}/{folder.name}",
        "may_change": Scope(("*.txt", "src")).allows,
    }
    return Work(**given | more)


def carried_out(
    asked: Work, on_line: Callable[[str], None] = lambda _: None, **env: str
) -> tuple[Ended, dict[str, Any]]:
    config = BackendConfig.model_validate({"acp": [sys.executable, str(AGENT)], "env": env})
    ended = anyio.run(KINDS["acp"]("mine", config, asked.mission_dir).work, asked, on_line)
    told = asked.workspace / "told.json"
    return ended, json.loads(told.read_text()) if told.exists() else {}


@pytest.mark.parametrize("level", ["worktree", "strict"])
def test_an_agent_works_and_asks(tmp_path: Path, level: str) -> None:
    box = None
    if level == "strict":
        if probe := failed():
            pytest.skip(probe.detail)
        box = Box(
            workspace=tmp_path / "tree",
            home=tmp_path / "home",
            brief=tmp_path / "brief.md",
            readable=(Path(sys.prefix), AGENT),
            program=find(),
        )
    here = WORKSPACE if box else str(tmp_path / "tree")
    (tmp_path / "secret.txt").write_text("not yours\n")
    steps = {
        f"write {here}/src/deep/new.py new": "written",
        f"read {here}/a.txt": "one\ntwo\n",
        f"write {here}/other.py x": "refused: other.py is outside of your scope",
        "read ../secret.txt": "refused: ../secret.txt is outside of the workspace",
        f"read {here}/.git/config": f"refused: {here}/.git/config belongs to git",
        f"leave edit {here}/a.txt": "the-allow_once",
        "leave edit /etc/passwd": "the-reject_once",
        f"leave edit {here}/other.py": "the-reject_once",
        f"leave read {here}/other.py": "the-allow_once",
        "leave delete ": "the-reject_once",
        "run echo by a shell > b.txt": "the-allow_once",
    }
    lines: list[str] = []
    ended, told = carried_out(work(tmp_path, "\n".join(steps), box=box), lines.append)
    assert ended.answer is Answer.DELIVERED, ended
    assert dict(zip(steps, told["did"], strict=True)) == steps
    assert told["can"] == {"read_text_file": True, "write_text_file": True}
    assert (told["cwd"], told["began"], told["servers"]) == (here, "new", [])
    tree = tmp_path / "tree"
    assert (tree / "src/deep/new.py").read_text() == "new"
    assert (tree / "a.txt").read_text() == "edited\n"
    assert (tree / "b.txt").read_text() == "by a shell\n"
    assert (ended.said, ended.session) == ("All done.", "first")
    assert ended.exit is not None
    assert ended.exit.code == 0, "it goes when nobody talks with it any more"
    assert ended.usage is not None
    assert (ended.usage.tokens_in, ended.usage.tokens_cached, ended.usage.tokens_out) == (9, 4, 3)
    assert ended.usage.cost_usd == 0.5
    assert "All done." in lines
    assert '"stopReason"' in (tmp_path / "log.txt").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("brief", "env", "answer", "reason"),
    [
        ("stop refusal", {}, Answer.FAILED, "it refused to go on"),
        (
            "write a.txt half\nlast Ran into this error: Server error: 429 Too Many Requests",
            {},
            Answer.RATE_LIMITED,
            "Too Many Requests",
        ),
        (
            "last Ran into this error: Server error (500 Internal Server Error)",
            {},
            Answer.FAILED,
            "500 Internal",
        ),
        ("stop max_tokens", {}, Answer.OVER_BUDGET, "its limit of tokens"),
        ("error 429 try again in 7 s", {}, Answer.RATE_LIMITED, "try again in 7 s"),
        ("error -32603 rate limit exceeded", {}, Answer.RATE_LIMITED, "rate limit exceeded"),
        ("error -32603 the disk is full", {}, Answer.FAILED, "the disk is full"),
        ("", {"LOGGED_OUT": "1"}, Answer.NOT_LOGGED_IN, "Authentication required"),
        ("", {"PROTOCOL": "7"}, Answer.FAILED, "speaks version 7"),
    ],
)
def test_what_it_says_at_the_end(
    tmp_path: Path, brief: str, env: dict[str, str], answer: Answer, reason: str
) -> None:
    ended, _ = carried_out(work(tmp_path, brief), **env)
    assert ended.answer is answer, ended
    assert reason in str(ended.failure)
    assert bool(ended.mend) == (answer is Answer.NOT_LOGGED_IN)
    assert ended.retry_after == (7.0 if "7 s" in reason else None)


def test_it_is_told_to_stop_when_its_time_is_up(tmp_path: Path) -> None:
    ended, told = carried_out(work(tmp_path, "write half.txt half\nwait", timeout=2.5))
    assert ended.timed_out
    assert str(ended.failure).startswith("still running after 2.5 s")
    assert told["interrupted"], "it was asked before it was ended"
    assert (tmp_path / "tree" / "half.txt").read_text() == "half"


@pytest.mark.parametrize(
    ("session", "began", "cost"), [("first", "loaded", 0.2), ("lost", "new", 0.5)]
)
def test_a_second_attempt_goes_on_where_it_can(
    tmp_path: Path, session: str, began: str, cost: float
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "kept").touch()
    earlier = Conversation(session, "one-1", cost_usd=0.3)
    ended, told = carried_out(work(tmp_path, "read a.txt", conversation=earlier))
    assert (told["began"], ended.session, ended.said) == (began, "first", "All done.")
    assert ended.usage is not None
    assert ended.usage.cost_usd == pytest.approx(cost)


def test_files_are_never_reached_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = work(tmp_path, "", may_change=None)
    tree, outside = asked.workspace, tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_text("secret")
    (tree / "folder").symlink_to(outside)
    (tree / "file").symlink_to(outside / "key")
    os.mkfifo(tree / "pipe")
    leave = Leave(asked)
    for path in (
        "folder/key",
        "file",
        "pipe",
        ".",
        "",
        "absent",
        ".GIT/config",
        "x/../../outside/key",
    ):
        with pytest.raises(Refused):
            leave.read(path)
    for path in ("folder/key", "folder/new", "file", "pipe", ".git/hooks/pre-commit", "../new"):
        with pytest.raises(Refused):
            leave.write(path, "harm")
    assert {it.name: it.read_text() for it in outside.iterdir()} == {"key": "secret"}
    leave.write("a.txt", "shorter")
    assert leave.read("a.txt") == "shorter"
    monkeypatch.setattr(acp_leave, "MOST_FILE_BYTES", 3)
    with pytest.raises(Refused, match="more than 3 bytes"):
        leave.read("a.txt")


@pytest.mark.parametrize(
    ("call", "is_allowed"),
    [
        ({"kind": "execute", "rawInput": {"command": "rm -rf /"}}, True),
        ({"rawInput": {"path": "a.txt"}}, True),
        ({"rawInput": {"path": "a.py"}}, False),
        ({"kind": "edit", "content": [{"type": "diff", "path": "src/a.py"}]}, True),
        ({"kind": "edit", "content": [{"type": "diff", "path": "lib/a.py"}]}, False),
        ({"kind": "move", "rawInput": {"source": "a.txt", "destination": "lib/a.py"}}, False),
        ({"kind": "read", "rawInput": {"path": "lib/a.py"}}, True),
        ({"kind": "read", "rawInput": {"path": "/etc/shadow"}}, False),
        ({"kind": "other", "title": "post to the board"}, True),
        ({"kind": "edit"}, False),
        ({"kind": "edit", "locations": "odd", "content": [1, {"path": 2}], "rawInput": []}, False),
    ],
)
def test_leave_is_given_from_the_scope(
    tmp_path: Path, call: dict[str, Any], is_allowed: bool
) -> None:
    refusal = Leave(work(tmp_path, "")).refusal(call)
    assert (refusal is None) == is_allowed, refusal


def test_a_mission_names_it(tmp_path: Path) -> None:
    asked = mission(
        batch("core", agent("one", backend="mine")), backends={"mine": {"acp": ["no-such", "acp"]}}
    )
    assert kind_of("mine", asked.backends["mine"]) == "acp"
    with pytest.raises(EnvironmentRefused, match="no-such is not on PATH"):
        make_backend("mine", asked, tmp_path)


def test_its_library_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = KINDS["acp"]("mine", BackendConfig.model_validate({"acp": ["sh"]}), tmp_path)
    assert backend.unusable() is None
    monkeypatch.setattr("orchestrator.agents.acp.LIBRARY", "acp_that_nobody_has_installed")
    assert "orchestrate-missions[acp]" in str(backend.unusable())
