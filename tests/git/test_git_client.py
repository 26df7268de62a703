"""What a git command's end means: only a status that is known and says so is success."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from orchestrator.git.client import Git, GitError


def put_first_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """A `git` that is a shell script."""
    shim = folder / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\n{script}\n")
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")


@pytest.mark.parametrize("check", [True, False])
def test_a_git_that_was_killed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    Git().run("version")
    put_first_on_path(monkeypatch, tmp_path, "kill -KILL $$")
    with pytest.raises(GitError, match="exit status -9"):
        Git().run("version", check=check)


@pytest.mark.parametrize("check", [True, False])
def test_a_git_whose_status_somebody_else_took_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: bool
) -> None:
    Git().run("version")
    put_first_on_path(monkeypatch, tmp_path, f"echo $$ > {tmp_path}/pid; sleep 1 &")

    # What goes on in the background holds the output open: nobody waits for the status yet.
    def steal() -> None:
        while not (pid := (tmp_path / "pid")).exists() or not pid.read_text().strip():
            pass
        os.waitpid(int(pid.read_text()), 0)

    thief = threading.Thread(target=steal)
    thief.start()
    try:
        with pytest.raises(GitError, match="status was taken away"):
            Git().run("version", check=check)
    finally:
        thief.join()


def test_a_kernel_that_throws_statuses_away_is_an_error(tmp_path: Path) -> None:
    """Whoever starts us may ignore SIGCHLD, which every program inherits."""
    script = """
        import signal
        from orchestrator.git.client import Git, GitError
        Git().run("version")
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            print("read as", Git().run("version").status)
        except GitError as error:
            print(error)
        """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    ).stdout
    assert "status was taken away" in said


def test_the_program_itself_has_statuses_kept(tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "orchestrator", "plan", tmp_path / "no.yaml"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        check=False,
    )
    assert started.returncode == 2, started.stderr


def test_a_failure_that_nobody_checks_is_an_answer(tmp_path: Path) -> None:
    assert Git(cwd=tmp_path).run("rev-parse", "--verify", "nothing", check=False).status == 128
