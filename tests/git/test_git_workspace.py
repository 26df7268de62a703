"""Workspaces: many at once, after kills, prepared in advance, and recycled so that nothing of an
agent is left.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import OrchestrateError
from orchestrator.git import folder
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces

WHEN = 1_750_000_000


def listing(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and folder below `root` but .git: mode and content."""
    found: dict[str, tuple[int, bytes]] = {".": (root.lstat().st_mode, b"")}
    for here, folders, files in os.walk(root):
        if here == str(root):
            folders[:] = [name for name in folders if name != ".git"]
        for name in [*folders, *files]:
            path = Path(here, name)
            if path == root / ".git":
                continue
            mode = path.lstat().st_mode
            content = (
                os.fsencode(path.readlink())
                if path.is_symlink()
                else path.read_bytes()
                if path.is_file()
                else b""
            )
            assert os.listxattr(path, follow_symlinks=False) == []
            found[str(path.relative_to(root))] = (mode, content)
    return found


def same_as_fresh(run: Any, workspace: Any, commit: str) -> None:
    """Byte for byte what a fresh checkout holds, and a git that works."""
    other = Workspaces(run.store, run.root / "fresh")
    fresh = other.provision(f"fresh-{time.monotonic_ns()}", commit)
    assert listing(workspace.path) == listing(fresh.path)
    assert all(
        path.lstat().st_nlink == 1
        for path in workspace.path.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    other.remove(fresh)
    agent = type(run.user)(workspace.path)
    assert agent("rev-parse", "HEAD") == commit
    assert agent("status", "--porcelain", "--ignored") == ""
    assert agent("rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
    assert run.workspaces.capture(workspace, message="m", when=WHEN).commit == commit


def test_a_workspace_is_a_linked_detached_work_tree(run: Any) -> None:
    workspace = run.workspaces.provision("fix-1", run.base)
    agent = type(run.user)(workspace.path)
    assert agent("rev-parse", "--path-format=absolute", "--git-common-dir") == str(run.store.path)
    assert agent("rev-parse", "--show-toplevel") == str(workspace.path)
    assert str(workspace.path) in run.git("worktree", "list")
    run.git("worktree", "prune", "--expire=now")
    assert agent("status", "--porcelain") == ""
    agent("commit", "-q", "--allow-empty", "-m", "agents may commit")
    same_as_fresh(run, run.workspaces.provision("fix-1", run.base), run.base)
    assert run.store.fsck() == []


def test_a_private_workspace_shares_nothing_but_objects(user: Any, make_run: Any) -> None:
    run = make_run(user, private=True)
    workspace = run.workspaces.provision("fix-1", run.base)
    agent = type(user)(workspace.path)
    assert agent("rev-parse", "--absolute-git-dir") == str(workspace.path / ".git")
    before = run.store.refs("refs/")
    (workspace.path / "a.txt").write_text("x\n")
    agent("checkout", "-q", "-b", "mine")
    agent("commit", "-q", "-am", "x")
    assert agent("log", "--format=%s") == "x\nwork"
    assert run.store.refs("refs/") == before
    assert agent("fsck") == ""
    run.workspaces.release(workspace)
    same_as_fresh(run, run.workspaces.provision("fix-2", run.base), run.base)


@pytest.mark.parametrize("rounds", [5, pytest.param(30, marks=pytest.mark.slow)])
def test_ten_at_once(user: Any, make_run: Any, rounds: int) -> None:
    """Rounds of ten provisions at once, with spares made and given back between and during."""
    user.commit({f"d{number % 7}/f{number}.txt": f"{number}\n" * 20 for number in range(60)})
    run = make_run(user)
    other = run.work({"d1/f1.txt": "other\n", "extra/x": "x\n"})
    spaces = run.workspaces
    dice = random.Random(1)

    def one(number: int, commit: str) -> tuple[str, Any]:
        workspace = spaces.provision(f"agent-{number}-1", commit)
        (workspace.path / f"made-by-{number}").write_text(f"{number}\n")
        taken = spaces.capture(workspace, message="m", when=WHEN)
        assert set(taken.changes) == {f"made-by-{number}"}, taken
        if number % 3 == 0:
            spaces.release(workspace)
        return commit, workspace

    with ThreadPoolExecutor(max_workers=12) as pool:
        for _ in range(rounds):
            preparing = pool.submit(spaces.prepare, 2, run.base)
            jobs = [
                pool.submit(one, number, dice.choice([run.base, other])) for number in range(10)
            ]
            preparing.result()
            assert len({job.result()[1].path for job in jobs}) == 10
    _, workspace = jobs[1].result()
    assert type(user)(workspace.path)("status", "--porcelain") == "?? made-by-1"
    assert run.store.fsck() == []


def test_a_prepared_spare_is_used(run: Any) -> None:
    run.workspaces.prepare(2, run.base)
    assert run.workspaces.spares == 2
    other = run.work({"src/b.py": "b = 2\n", "src/new.py": "", "a.txt": None})
    assert run.workspaces.spares == 2
    for name, commit in (("one", run.base), ("two", other), ("three", run.base)):
        same_as_fresh(run, run.workspaces.provision(name, commit), commit)
    assert run.workspaces.spares == 0


def test_what_a_killed_provisioning_left_is_replaced(run: Any) -> None:
    spaces = run.workspaces
    admin = run.store.path / "worktrees" / "a-1"
    admin.mkdir(parents=True)
    (admin / "index.lock").write_text("")
    (admin / "locked").write_text("")
    (run.root / "a-1").mkdir()
    (run.root / "a-1" / "half").write_text("half")
    private = run.store.private / "workspaces" / "a-1"
    private.mkdir(parents=True)
    (private / "index.lock").write_text("")
    assert spaces.find("a-1") is None
    same_as_fresh(run, spaces.provision("a-1", run.base), run.base)
    for half in (admin, run.root / "a-1/.git", private / "base"):
        subprocess.run(["rm", "-rf", half], check=True)
        same_as_fresh(run, spaces.provision("a-1", run.base), run.base)


def test_another_process_finds_captures_and_replaces(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "a.txt").write_text("unsaved\n")
    run.store.close()
    store = Store.open(run.store.path, "run-1")
    spaces = Workspaces(store, run.root)
    found = spaces.find("a-1")
    assert found == workspace
    assert found is not None
    assert set(spaces.capture(found, message="salvaged", when=WHEN).changes) == {"a.txt"}
    spaces.release(found)
    assert spaces.find("a-1") is None
    again = spaces.provision("a-1", run.base)
    assert (again.path / "a.txt").read_text() == "a\n"
    assert {path.name for path in run.root.iterdir()} >= {"a-1", ".trash"}
    spaces.remove_all()
    assert [path.name for path in run.root.iterdir()] == ["store.git"]
    store.close()


@pytest.mark.parametrize("name", ["", ".x", "-x", "a/b", "..", "a b", "x.lock", "x" * 300, "é"])
def test_a_name_that_is_no_name(run: Any, name: str) -> None:
    with pytest.raises(OrchestrateError):
        run.workspaces.provision(name, run.base)


def edits(path: Path) -> None:
    (path / "a.txt").write_text("changed\n")
    (path / "src/b.py").unlink()
    (path / "junk.o").write_text("junk")
    (path / ".hidden").write_text("junk")
    (path / "src/deep/new").mkdir(parents=True)


def ignored_junk(path: Path) -> None:
    (path / ".gitignore").write_text("*\n")
    (path / "cache/deep").mkdir(parents=True)
    (path / "cache/deep/x").write_text("x")
    (path / "src/.gitignore").write_text("*\n!*\n")


def nested_repositories(path: Path) -> None:
    for name in ("nested", "src/deep", "."):
        (path / name).mkdir(exist_ok=True)
        subprocess.run(["git", "init", "-q"], cwd=path / name, check=True)
    (path / "nested/.git/objects/x").write_text("x")
    (path / "nested/.git/objects/x").chmod(0o400)


def closed_folders(path: Path) -> None:
    (path / "secret").mkdir()
    (path / "secret/x").write_text("x")
    (path / "secret/x").chmod(0)
    (path / "secret").chmod(0)
    (path / "src/deep").chmod(0)


def links_everywhere(path: Path) -> None:
    shutil.rmtree(path / "src")
    (path / "src").symlink_to("/tmp")
    (path / "a.txt").unlink()
    (path / "a.txt").symlink_to("/etc/passwd")


def hard_links(path: Path) -> None:
    os.link(path / "a.txt", path.parent / f"outside-{time.monotonic_ns()}")
    os.link(path / "src/b.py", path / "b-again")


def time_tricks(path: Path) -> None:
    """The same size, the same times: only the ctime tells."""
    for name in ("a.txt", "src/b.py"):
        before = (path / name).stat()
        content = (path / name).read_bytes()
        (path / name).write_bytes(bytes(byte ^ 1 for byte in content))
        os.utime(path / name, ns=(before.st_atime_ns, before.st_mtime_ns))


def modes(path: Path) -> None:
    (path / "a.txt").chmod(0o666)
    (path / "src/b.py").chmod(0o4755)
    (path / "src").chmod(0o2777)
    path.chmod(0o700)


def mode_of_a_folder(path: Path) -> None:
    (path / "src/deep").chmod(0o777)


def special_files(path: Path) -> None:
    os.mkfifo(path / "pipe")
    (path / "a.txt").unlink()
    os.mkfifo(path / "a.txt")


def index_bits(path: Path) -> None:
    for bit in ("--assume-unchanged", "--skip-worktree"):
        name = "a.txt" if bit == "--skip-worktree" else "src/b.py"
        subprocess.run(["git", "update-index", bit, name], cwd=path, check=True)
    subprocess.run(
        ["git", "sparse-checkout", "set", "src"], cwd=path, check=False, capture_output=True
    )
    (path / "a.txt").write_text("changed\n")
    (path / "src/b.py").write_text("changed\n")


def git_file_edited(path: Path) -> None:
    shutil.rmtree(path / ".git", ignore_errors=True)
    (path / ".git").unlink(missing_ok=True)
    (path / ".git").write_text("gitdir: /nowhere\n")
    (path / "a.txt").write_text("changed\n")


def git_configured(path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True)

    git("config", "core.worktree", "/tmp")
    git("config", "core.fileMode", "false")
    git("config", "extensions.worktreeConfig", "true")
    asked = ["git", "rev-parse", "--path-format=absolute", "--git-common-dir"]
    common = Path(subprocess.check_output(asked, cwd=path, text=True).strip())
    (common / "hooks").mkdir(exist_ok=True)
    (common / "hooks/post-checkout").write_text("#!/bin/sh\ntouch hooked\n")
    (common / "hooks/post-checkout").chmod(0o755)
    (common / "info").mkdir(exist_ok=True)
    (common / "info/exclude").write_text("*\n")
    (path / "hidden-by-exclude").write_text("x")


def attributes(path: Path) -> None:
    try:
        os.setxattr(path / "src", "user.evil", b"1")
        os.setxattr(path / "a.txt", "user.evil", b"1")
    except OSError:
        pytest.skip("no extended attributes here")


def root_replaced(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}-{time.monotonic_ns()}"))
    path.mkdir()
    (path / "a.txt").write_text("a\n")


def root_gone(path: Path) -> None:
    shutil.rmtree(path)


def file_for_folder(path: Path) -> None:
    shutil.rmtree(path / "src/deep")
    (path / "src/deep").write_text("a file")
    (path / "a.txt").unlink()
    (path / "a.txt").mkdir()
    (path / "a.txt/x").write_text("x")


def replaced_with_the_same(path: Path) -> None:
    content = (path / "a.txt").read_bytes()
    (path / "a.txt").unlink()
    (path / "a.txt").write_bytes(content)


DEEDS = [
    edits, ignored_junk, nested_repositories, closed_folders, links_everywhere, hard_links, time_tricks, modes,
    mode_of_a_folder, special_files, index_bits, git_file_edited, git_configured, attributes, root_gone,
    file_for_folder, replaced_with_the_same, root_replaced,
]  # fmt: skip


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_of_an_agent_is_left_after_recycling(
    user: Any, make_run: Any, deed: Callable[[Path], None], private: bool, monkeypatch: Any
) -> None:
    # otherwise all files of so quick a fill are too young to be believed, and are written again
    # whatever was done
    monkeypatch.setattr(folder, "_tick_ns", lambda: 0)
    user.commit({"link": "x", "empty": "", "src/e m/pty": ""})
    (user.path / "link").unlink()
    (user.path / "link").symlink_to("a.txt")
    user.commit({})
    run = make_run(user, private=private)
    other = run.work({"src/b.py": "b = 2\n", "src/deep/c.py": None, "n/e/w": "x\n"})
    for commit in (run.base, other):
        workspace = run.workspaces.provision("agent-1", run.base)
        time.sleep(0.02)
        deed(workspace.path)
        run.workspaces.release(workspace)
        again = run.workspaces.provision("agent-2", commit)
        same_as_fresh(run, again, commit)
        run.workspaces.release(again)
    gate = run.workspaces.checkout("gate", run.base)
    time.sleep(0.02)
    deed(gate.path)
    same_as_fresh(run, run.workspaces.checkout("gate", other), other)
    if deed is edits:
        deed(gate.path)
    same_as_fresh(run, run.workspaces.checkout("gate", run.base), run.base)
    assert run.store.fsck() == []


def test_what_was_not_touched_is_not_written_again(run: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(folder, "_tick_ns", lambda: 0)
    workspace = run.workspaces.provision("a-1", run.base)
    time.sleep(0.02)
    inode = (workspace.path / "src/deep/c.py").stat().st_ino
    (workspace.path / "a.txt").write_text("x")
    run.workspaces.release(workspace)
    other = run.workspaces.provision("a-2", run.base)
    assert (other.path / "src/deep/c.py").stat().st_ino == inode
    assert (other.path / "a.txt").read_text() == "a\n"


def test_what_is_too_young_to_be_believed_is_written_again(run: Any, monkeypatch: Any) -> None:
    """A change within the tick of the fill leaves the same stamp, so such files are not
    believed.
    """
    monkeypatch.setattr(folder, "_tick_ns", lambda: 10**12)
    workspace = run.workspaces.provision("a-1", run.base)
    inode = (workspace.path / "a.txt").stat().st_ino
    keep = (workspace.path / "a.txt").open()  # the number stays taken
    run.workspaces.release(workspace)
    assert (run.workspaces.provision("a-2", run.base).path / "a.txt").stat().st_ino != inode
    keep.close()


def test_checkout_reuses_the_gates_tree(run: Any) -> None:
    other = run.work({"a.txt": "b\n", "x/y": "y\n"})
    gate = run.workspaces.checkout("gate-1", run.base)
    (gate.path / "__pycache__").mkdir()
    (gate.path / "__pycache__/x.pyc").write_bytes(b"x")
    assert run.workspaces.checkout("gate-1", other).path == gate.path
    same_as_fresh(run, run.workspaces.checkout("gate-1", other), other)
    same_as_fresh(run, run.workspaces.checkout("gate-1", run.base), run.base)


def test_submodules_and_removed_folders(user: Any, make_run: Any) -> None:
    user("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    user("commit", "-q", "-m", "a submodule")
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    assert (workspace.path / "vendor/lib").is_dir()
    (workspace.path / "vendor/lib/x").write_text("x")
    (workspace.path / "src/deep/c.py").unlink()
    (workspace.path / "src/deep").rmdir()
    run.workspaces.release(workspace)
    same_as_fresh(run, run.workspaces.provision("a-2", run.base), run.base)


def test_remove_takes_everything_of_one(run: Any) -> None:
    one, two = run.workspaces.provision("a-1", run.base), run.workspaces.provision("a-2", run.base)
    closed_folders(one.path)
    run.workspaces.remove(one)
    assert not one.path.exists()
    assert not (run.store.path / "worktrees/a-1").exists()
    assert type(run.user)(two.path)("status", "--porcelain") == ""
    run.workspaces.remove(one)


def test_a_merge_attribute_of_the_tree_cannot_stop_a_fill(user: Any, make_run: Any) -> None:
    user.commit(
        {
            ".gitattributes": "* filter=lfs diff=lfs merge=lfs -text\n",
            "big.bin": "version https://...\n",
        }
    )
    run = make_run(user)
    same_as_fresh(run, run.workspaces.provision("a-1", run.base), run.base)
