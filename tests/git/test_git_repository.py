"""Finding and describing the user's repository, the client under it, and snapshots of plain
folders.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.git import client
from orchestrator.git.client import Git, GitError, require_git
from orchestrator.git.repository import Repository
from orchestrator.git.snapshot import snapshot


def test_importing_is_cheap() -> None:
    program = (
        "import sys, orchestrator.git.land, orchestrator.git.workspace, orchestrator.merging.integrate, "
        "orchestrator.git.snapshot; sys.exit('git' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_version_is_checked(monkeypatch: Any) -> None:
    assert require_git()[0].isdigit()
    monkeypatch.setattr(client, "_version", lambda: "2.37.9")
    with pytest.raises(EnvironmentRefused, match="too old") as caught:
        require_git()
    assert "2.38" in str(caught.value.mend)
    monkeypatch.setattr(client, "_version", lambda: "2.100.windows.1")
    assert require_git()


def test_no_git_at_all(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    client._version.cache_clear()
    with pytest.raises(EnvironmentRefused, match="not installed"):
        require_git()


def test_nothing_inherited_reaches_git(user: Any, monkeypatch: Any, tmp_path: Path) -> None:
    for name in (
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_CONFIG_PARAMETERS",
        "GIT_X",
        "GIT_CONFIG_COUNT",
    ):
        monkeypatch.setenv(name, "/nowhere")
    alias = (
        Git(cwd=user.path, configuration=(("alias.show-env", "!env"),))
        .run("show-env")
        .text.splitlines()
    )
    seen = {line.partition("=")[0]: line.partition("=")[2] for line in alias}
    assert not {"GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_X"} & seen.keys()
    assert "/nowhere" not in seen.values()
    assert seen["GIT_NO_REPLACE_OBJECTS"] == "1"
    assert seen["GIT_CONFIG_GLOBAL"] == os.devnull
    assert seen["LC_ALL"] == "C"


def test_a_failure_says_which_command_and_why(user: Any) -> None:
    with pytest.raises(GitError) as caught:
        Git(user.path / ".git").run("cat-file", "-p", "nonsense")
    error = caught.value
    assert error.command == "cat-file -p nonsense"
    assert error.status == 128
    assert "nonsense" in error.stderr


def test_large_input_and_output_do_not_block(user: Any) -> None:
    git = Git(user.path / ".git")
    body = os.urandom(1 << 20) * 4
    oid = git.run("hash-object", "-w", "--stdin", input=body).text
    assert git.run("cat-file", "blob", oid).stdout == body


def test_many_threads_run_git_at_once(user: Any) -> None:
    answers: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(Git(user.path / ".git").run("rev-parse", "HEAD").text)
        )
        for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [user("rev-parse", "HEAD")] * 40


def test_discovers_from_anywhere_inside(user: Any) -> None:
    for place in (user.path, user.path / "src" / "deep"):
        repository = Repository.discover(place)
        assert repository.work_tree == user.path
        assert repository.git_dir == repository.common_dir == user.path / ".git"
        assert repository.object_format == "sha1"
        assert repository.branches() == ["main"]


def test_what_cannot_be_used_is_said(tmp_path: Path, make_repo: Any) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Repository.discover(tmp_path / "nowhere")
    (tmp_path / "plain").mkdir()
    with pytest.raises(UsageError, match="not a git repository") as caught:
        Repository.discover(tmp_path / "plain")
    assert str(tmp_path / "plain") in str(caught.value)
    subprocess.run(["git", "init", "-q", str(tmp_path / "empty")], check=True)
    with pytest.raises(UsageError, match="no commits yet"):
        Repository.discover(tmp_path / "empty")


def test_resolves_and_suggests(user: Any) -> None:
    repository = Repository.discover(user.path)
    user("tag", "v1.0")
    user("branch", "feature/login")
    for rev in ("main", "HEAD", "v1.0", user("rev-parse", "--short", "HEAD")):
        assert repository.resolve(rev) == user("rev-parse", "HEAD")
    with pytest.raises(UsageError, match="feature/logn") as caught:
        repository.resolve("feature/logn")
    assert "Did you mean feature/login" in str(caught.value.mend)
    for rev in ("--all", "-x", "main^{tree}", "", "HEAD:a.txt", "zzzz"):
        with pytest.raises(UsageError):
            repository.resolve(rev)


def test_resolves_head_of_this_work_tree(user: Any, tmp_path: Path) -> None:
    user("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    linked = type(user)(tmp_path / "linked")
    commit = linked.commit({"x": "x\n"})
    assert Repository.discover(tmp_path / "linked").resolve("HEAD") == commit


def test_another_owner_is_refused_with_the_mend_or_trusted_by_the_users_word(
    user: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository away")
    for path in [user.path, *user.path.rglob("*")]:
        os.lchown(path, 12345, 12345)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    with pytest.raises(UsageError, match="another user") as caught:
        Repository.discover(user.path)
    assert "safe.directory" in str(caught.value.mend)
    (tmp_path / "home/.gitconfig").write_text(f"[safe]\n\tdirectory = {user.path}\n")
    repository = Repository.discover(user.path)
    assert repository.resolve("main")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Plain files of every kind that git keeps, and some that it should not see."""
    path = tmp_path / "plain"
    (path / "pkg/__pycache__").mkdir(parents=True)
    (path / "pkg/__pycache__/x.pyc").write_bytes(b"x")
    (path / "pkg/.git").mkdir()
    (path / "pkg/.git/config").write_text("[core]\n")
    (path / "pkg/empty").write_text("")
    (path / "pkg/mod.py").write_text("x = 1\n")
    (path / "run.sh").write_text("#!/bin/sh\n")
    (path / "run.sh").chmod(0o700)
    (path / "link").symlink_to("pkg/mod.py")
    (path / ".gitignore").write_text("*.log\n")
    (path / "kept.log").write_text("kept\n")
    (path / "crlf.txt").write_bytes(b"a\r\n")
    return path


def test_a_snapshot_is_the_same_everywhere(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    one = snapshot(folder, tmp_path / "one")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text(
        "[user]\n\tname = other\n[core]\n\tautocrlf = true\n\texcludesFile = /dev/stdin\n[init]\n\tdefaultBranch = x\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "other")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    for path in folder.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    old = os.umask(0o077)
    try:
        two = snapshot(folder, tmp_path / "two")
    finally:
        os.umask(old)
    assert one.resolve("main") == two.resolve("main") == "65bac845e75b1136edd1ce4411936ea1a2ed3068"


def test_a_snapshot_holds_the_files_and_nothing_else(
    folder: Path, tmp_path: Path, make_repo: Any
) -> None:
    repository = snapshot(folder, tmp_path / "one")
    git = type(make_repo(name="other"))(tmp_path / "one")
    modes = {line.partition("\t")[2]: line[:6] for line in git("ls-files", "-s").splitlines()}
    assert modes == {
        ".gitignore": "100644", "crlf.txt": "100644", "kept.log": "100644", "link": "120000",
        "pkg/empty": "100644", "pkg/mod.py": "100644", "run.sh": "100755",
    }  # fmt: skip
    assert git("status", "--porcelain", "--ignored") == ""
    assert git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert repository.work_tree == tmp_path / "one"


def test_a_snapshot_is_made_once(folder: Path, tmp_path: Path, make_repo: Any) -> None:
    one = snapshot(folder, tmp_path / "one")
    inode = (tmp_path / "one/run.sh").stat().st_ino
    git = type(make_repo(name="other"))(tmp_path / "one")
    assert snapshot(folder, tmp_path / "one") == one
    landed = git.commit({"landed": "x\n"})
    assert snapshot(folder, tmp_path / "one").resolve("main") == landed
    assert (tmp_path / "one/run.sh").stat().st_ino == inode
    (folder / "new").write_text("x")
    with pytest.raises(UsageError, match="something else"):
        snapshot(folder, tmp_path / "one")


def test_a_snapshot_that_was_interrupted_is_done_again(folder: Path, tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    left = tmp_path / f".one.partial-{child.pid}"
    (left / "half").mkdir(parents=True)
    (tmp_path / "one").mkdir()
    snapshot(folder, tmp_path / "one")
    assert not left.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".one")] == []
    (tmp_path / "two").mkdir()
    (tmp_path / "two/file").write_text("mine")
    with pytest.raises(UsageError):
        snapshot(folder, tmp_path / "two")
    os.mkfifo(folder / "pipe")
    with pytest.raises(UsageError, match="FIFO"):
        snapshot(folder, tmp_path / "three")
