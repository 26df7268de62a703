"""What every backend has to stand: one suite for all of them, with real programs in real work
trees.

A case says what a worker does; `PLAYERS` make each backend do it. A backend that cannot do a thing
at all (a patch does not hang) says so by having no way to play it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.agents.backend import Backend, Ended, Work
from orchestrator.agents.profiles import PROFILES
from orchestrator.agents.registry import KINDS
from orchestrator.isolation import processes
from orchestrator.isolation.preflight import failed
from orchestrator.isolation.processes import TAG
from orchestrator.isolation.sandbox import Box, find
from orchestrator.mission.model import Backend as BackendConfig

SCRIPTS = {
    "edits inside": "echo changed > inside.txt; echo done",
    "makes a file": "mkdir -p new; echo new > new/file.txt",
    "fails": "echo half > inside.txt; echo the reason >&2; exit 3",
    "dies by a signal": "echo half > inside.txt; kill -KILL $$",
    "hangs": "echo half > inside.txt; trap '' TERM; sleep 60",
    "floods": "yes | head -c 40000000; echo changed > inside.txt",
    "strays outside": "echo changed > inside.txt; echo stray > outside.txt",
    "leaves a daemon": "echo changed > inside.txt; (setsid sh -c 'sleep 60 & sleep 61' >/dev/null 2>&1 &); sleep 0.2",
    "claims success and changes nothing": "echo 'All tasks are COMPLETELY RESOLVED.'",
}
PATCHES = {
    "edits inside": "--- a/inside.txt\n+++ b/inside.txt\n@@ -1 +1 @@\n-as it was\n+changed\n",
    "makes a file": "diff --git a/new/file.txt b/new/file.txt\nnew file mode 100644\n"
    "--- /dev/null\n+++ b/new/file.txt\n@@ -0,0 +1 @@\n+new\n",
    "fails": "--- a/inside.txt\n+++ b/inside.txt\n@@ -1 +1 @@\n-as it never was\n+changed\n",
    "strays outside": "--- a/inside.txt\n+++ b/inside.txt\n@@ -1 +1 @@\n-as it was\n+changed\n--- a/outside.txt\n"
    "+++ b/outside.txt\n@@ -1 +1 @@\n-as it was\n+stray\n",
    "claims success and changes nothing": "",
}


def command(folder: Path, case: str) -> Backend:
    config = BackendConfig.model_validate({"command": ["sh", "-c", SCRIPTS[case]], "brief": "none"})
    return KINDS["command"]("player", config, folder)


def recording(folder: Path, case: str) -> Backend:
    (folder / "recording").mkdir(exist_ok=True)
    (folder / "recording" / "1.1.patch").write_text(PATCHES[case])
    return KINDS["recording"]("player", BackendConfig(dir="recording"), folder)


LAST_WORDS = {
    "claude": '{"type":"result","subtype":"success","is_error":false,"session_id":"s","result":"ok"}',
    "codex": '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}',
    "gemini": '{"type":"message","role":"assistant","content":"ok"}\n'
    '{"type":"result","status":"success"}',
    "goose": '{"type":"message","message":{"role":"assistant","content":[{"type":"text","text":"ok"}]}}\n'
    '{"type":"complete","total_tokens":2}',
    "opencode": '{"type":"step_finish","part":{"reason":"stop"}}',
    "qwen": '{"type":"result","subtype":"success","is_error":false,"result":"ok"}',
}
"""What each agent says when all went well, as it was recorded."""


ACP = """#!/bin/sh
read initialize; echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":1}}'
read new; echo '{"jsonrpc":"2.0","id":1,"result":{"sessionId":"s"}}'
read prompt
SCRIPT
echo '{"jsonrpc":"2.0","id":2,"result":{"stopReason":"end_turn"}}'
"""
"""The least that an agent says by its protocol."""


def acp(folder: Path, case: str) -> Backend:
    program = folder / "bin" / "sh-agent"
    program.parent.mkdir(exist_ok=True)
    program.write_text(ACP.replace("SCRIPT", SCRIPTS[case]))
    program.chmod(0o755)
    return KINDS["acp"]("player", BackendConfig.model_validate({"acp": ["sh-agent"]}), folder)


def profiled(name: str) -> Callable[[Path, str], Backend]:
    """A program in the agent's place that works as the case says and ends as the agent does."""

    def make(folder: Path, case: str) -> Backend:
        program = folder / "bin" / PROFILES[name].program
        program.parent.mkdir(exist_ok=True)
        script = f"#!/bin/sh\ncat >/dev/null\n{SCRIPTS[case]}\necho '{LAST_WORDS[name]}'\n"
        program.write_text(script)
        program.chmod(0o755)
        return KINDS[name]("player", BackendConfig(model="some/model"), folder)

    return make


PLAYERS: dict[str, Callable[[Path, str], Backend]] = {
    "command": command,
    "acp": acp,
    "recording": recording,
    **{name: profiled(name) for name in PROFILES},
}
PROGRAMS = [name for name in PLAYERS if name != "recording"]


@pytest.fixture(autouse=True)
def quick_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)


@pytest.fixture(autouse=True)
def programs_of_agents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = [tmp_path / "mission" / "bin", os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, found)))


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Callable[[Path, str], Backend]:
    """For what a program can do and a patch cannot."""
    return PLAYERS[request.param]


@pytest.fixture(params=PLAYERS)
def player(request: pytest.FixtureRequest) -> Callable[[Path, str], Backend]:
    return PLAYERS[request.param]


@pytest.fixture(params=["worktree", "strict"])
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Work:
    """A work tree of git with two files, and a mission's folder beside it; at each level that can
    be kept here.
    """
    if request.param == "strict" and (probe := failed()):
        pytest.skip(f"{probe.name}: {probe.detail}; that a run is refused then is tried elsewhere")
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("inside.txt", "outside.txt"):
        (tree / name).write_text("as it was\n")
    subprocess.run(["git", "init", "-q", tree], check=True)
    (tmp_path / "mission").mkdir()
    (tmp_path / "brief.md").write_text("# Do it\n")
    return Work(
        run="r1",
        batch="core",
        agent="1.1",
        attempt=1,
        workspace=tree,
        brief="# Do it\n",
        brief_file=tmp_path / "brief.md",
        mission_dir=tmp_path / "mission",
        home=tmp_path / "home",
        log=tmp_path / "log.txt",
        timeout=120.0,
        tag=f"conformance-{os.getpid()}/{tmp_path.name}",
        box=Box(workspace=tree, home=tmp_path / "home", brief=tmp_path / "brief.md", program=find())
        if request.param == "strict"
        else None,
    )


def carry_out(backend: Backend, work: Work) -> Ended:
    ended = anyio.run(backend.work, work, lambda _: None)
    assert living(work.tag) == [], "nothing of an attempt outlives it"
    return ended


def living(tag: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG) == tag:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def text(work: Work, name: str) -> str:
    return (work.workspace / name).read_text()


def test_every_backend_is_in_this_suite() -> None:
    assert set(PLAYERS) == set(KINDS)


def test_edits_inside(player, work: Work) -> None:
    backend = player(work.mission_dir, "edits inside")
    assert backend.unusable() is None
    assert backend.name == "player"
    ended = carry_out(backend, work)
    assert ended.failure is None
    assert ended.exit is not None
    assert (ended.exit.code, ended.timed_out) == (0, False)
    assert text(work, "inside.txt") == "changed\n"
    assert text(work, "outside.txt") == "as it was\n"


def test_makes_a_file(player, work: Work) -> None:
    assert carry_out(player(work.mission_dir, "makes a file"), work).failure is None
    assert text(work, "new/file.txt") == "new\n"


def test_fails(player, work: Work) -> None:
    """Whatever it had changed: who exits with something else than 0 has failed, and the end of its
    output is kept.
    """
    ended = carry_out(player(work.mission_dir, "fails"), work)
    assert ended.failure
    assert ended.exit
    assert ended.exit.code != 0
    assert not ended.timed_out
    assert ended.exit.tail.strip()
    assert work.log.read_text() == ended.exit.tail


def test_dies_by_a_signal(program, work: Work) -> None:
    ended = carry_out(program(work.mission_dir, "dies by a signal"), work)
    assert ended.failure in {
        f"{name} was ended by signal 9" for name in ("sh", "sh-agent", *PROFILES)
    }


def test_hangs(program, work: Work) -> None:
    backend = program(work.mission_dir, "hangs")
    short = Work(**{name: getattr(work, name) for name in Work.__slots__} | {"timeout": 0.5})
    ended = carry_out(backend, short)
    assert ended.timed_out
    assert ended.failure == "still running after 0.5 s"
    assert text(work, "inside.txt") == "half\n", "what it had done is still there to be looked at"


@pytest.mark.parametrize("name", ["command", "claude"])
def test_floods(name: str, work: Work) -> None:
    ended = carry_out(PLAYERS[name](work.mission_dir, "floods"), work)
    assert ended.failure is None
    assert ended.exit
    assert 0 <= ended.exit.dropped - 40_000_000 + processes.LOG_LIMIT_BYTES < 200
    assert work.log.stat().st_size < processes.LOG_LIMIT_BYTES + 200


def test_strays_outside(player, work: Work) -> None:
    """A backend does not judge: the change is there to be found by the scope check."""
    assert carry_out(player(work.mission_dir, "strays outside"), work).failure is None
    assert text(work, "outside.txt") == "stray\n"


def test_leaves_a_daemon(program, work: Work) -> None:
    assert carry_out(program(work.mission_dir, "leaves a daemon"), work).failure is None


def test_claims_success_and_changes_nothing(player, work: Work) -> None:
    """Exit 0 is all that a backend can tell; that nothing was delivered is found out from the
    workspace.
    """
    assert (
        carry_out(player(work.mission_dir, "claims success and changes nothing"), work).failure
        is None
    )
    assert text(work, "inside.txt") == "as it was\n"


def test_is_cancelled(program, work: Work) -> None:
    backend = program(work.mission_dir, "hangs")

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(backend.work, work, lambda _: None)
            while text(work, "inside.txt") != "half\n":  # noqa: ASYNC110 - another process's file
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
        assert living(work.tag) == []

    anyio.run(main)


def test_a_patch_is_applied_to_the_work_tree_and_to_nothing_above_it(
    tmp_path: Path, work: Work
) -> None:
    """A work tree without its `.git` (an agent may remove it) lies inside another repository."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["rm", "-rf", work.workspace / ".git"], check=True)
    assert carry_out(recording(work.mission_dir, "edits inside"), work).failure is None
    assert text(work, "inside.txt") == "changed\n"


def test_a_recording_without_the_agent_has_failed(work: Work) -> None:
    backend = recording(work.mission_dir, "edits inside")
    (work.mission_dir / "recording" / "1.1.patch").unlink()
    ended = carry_out(backend, work)
    assert ended.exit is None
    assert ended.failure
    assert "has no work of 1.1" in ended.failure


def test_only_a_recording_is_a_replay(work: Work) -> None:
    assert recording(work.mission_dir, "edits inside").is_replay
    assert not command(work.mission_dir, "edits inside").is_replay


def test_python_is_not_the_one_of_orchestrate(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who installs something must not change the judge, also where its environment is active."""
    own = Path(sys.prefix) / "bin"
    monkeypatch.setenv("PATH", f"{own}{os.pathsep}{os.environ['PATH']}")
    config = BackendConfig.model_validate(
        {"command": {"shell": "python -c 'import sys; print(sys.prefix)' && echo $PATH"}}
    )
    ended = carry_out(KINDS["command"]("py", config, work.mission_dir), work)
    assert ended.exit
    prefix, path = ended.exit.tail.strip().splitlines()
    assert prefix != sys.prefix
    assert str(own) not in path.split(os.pathsep)


def test_python_has_a_name_where_the_machine_gives_it_none(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = work.home.parent / "bin"
    bare.mkdir()
    for name in ("sh", "env"):
        (bare / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(bare))
    config = BackendConfig.model_validate(
        {"command": {"shell": "python -m venv --without-pip .venv && .venv/bin/python -V"}}
    )
    ended = carry_out(KINDS["command"]("py", config, work.mission_dir), work)
    assert ended.failure is None, ended
    made = (work.workspace / ".venv" / "bin" / "python").resolve()
    assert not made.is_relative_to(work.home)  # it outlives the home
