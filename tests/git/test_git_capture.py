"""Capture: whatever an agent did, its files are taken over, its .git means nothing, and what is
wrong is named.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.git.captured import Limits, ProblemKind

WHEN = 1_750_000_000


def capture(run: Any, workspace: Any, **options: Any) -> Any:
    return run.workspaces.capture(workspace, message="m\n", when=WHEN, **options)


def kinds(taken: Any) -> dict[str, str]:
    return {problem.path: problem.kind for problem in taken.problems}


@pytest.fixture(params=["linked", "private"])
def shaped(request: pytest.FixtureRequest, user: Any, make_run: Any) -> Any:
    """A run with either shape of workspace."""
    return make_run(user, private=request.param == "private")


def agent_in(run: Any, workspace: Any) -> Any:
    return type(run.user)(workspace.path)


def committed(git: Any) -> None:
    git("add", "-A")
    git("commit", "-q", "-m", "mine")


def staged_and_loose(git: Any) -> None:
    (git.path / "a.txt").write_text("staged\n")
    git("add", "-A")
    (git.path / "a.txt").write_text("changed\n")


def on_a_branch(git: Any) -> None:
    git("checkout", "-q", "-b", "mine")
    committed(git)
    git("checkout", "-q", "--orphan", "other")


def index_deleted(git: Any) -> None:
    committed(git)
    (Path(git("rev-parse", "--absolute-git-dir")) / "index").unlink()


def hidden_from_status(git: Any) -> None:
    git("update-index", "--assume-unchanged", "a.txt")
    git("update-index", "--skip-worktree", "src/b.py")


def head_moved(git: Any) -> None:
    committed(git)
    git("checkout", "-q", "--detach", "HEAD")
    git(
        "update-ref",
        "--no-deref",
        "HEAD",
        git("commit-tree", "-m", "root", git("mktree", stdin=b"")),
    )


def git_removed(git: Any) -> None:
    subprocess.run(["rm", "-rf", git.path / ".git"], check=True)


def git_is_a_link(git: Any) -> None:
    git_removed(git)
    (git.path / ".git").symlink_to("/etc")


def history_replaced(git: Any) -> None:
    blob = git("hash-object", "-w", "--stdin", stdin=b"evil\n")
    git("replace", git("rev-parse", "HEAD:a.txt"), blob)


def sparse(git: Any) -> None:
    git("config", "core.sparseCheckout", "true")


@pytest.mark.parametrize(
    "deed",
    [
        None,
        committed,
        staged_and_loose,
        on_a_branch,
        index_deleted,
        hidden_from_status,
        head_moved,
        git_removed,
        git_is_a_link,
        history_replaced,
        sparse,
    ],
)
def test_only_the_files_count(shaped: Any, deed: Any) -> None:
    workspace = shaped.workspaces.provision("a-1", shaped.base)
    git = agent_in(shaped, workspace)
    (workspace.path / "new").mkdir()
    (workspace.path / "new" / "file.txt").write_text("new\n")
    (workspace.path / "src" / "deep" / "c.py").unlink()
    (workspace.path / "a.txt").write_text("changed\n")
    (workspace.path / "src" / "b.py").chmod(0o755)
    if deed:
        deed(git)
    taken = capture(shaped, workspace)
    assert set(taken.changes) == {"a.txt", "new/file.txt", "src/b.py", "src/deep/c.py"}
    assert taken.changes["src/b.py"].new.mode == "100755"
    assert taken.changes["src/deep/c.py"].new is None
    assert shaped.store.read(taken.commit, "a.txt") == b"changed\n"
    assert shaped.store.parents(taken.commit) == (shaped.base,)
    assert taken.problems == ()
    assert taken.commit == capture(shaped, workspace).commit
    shaped.store.close()  # the next question is answered by a new process, which would see replaced objects
    assert shaped.store.read(shaped.base, "a.txt") == b"a\n"
    assert shaped.store.fsck() == []


def test_the_same_in_either_shape(user: Any, make_run: Any) -> None:
    one = make_run(user, "one").work({"a.txt": "x\n"})
    assert one == make_run(user, "two", private=True).work({"a.txt": "x\n"})


def test_date_author_and_message_are_ours(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "a.txt").write_text("changed\n")
    text = "subject\n\nbody: ü\n"
    taken = run.workspaces.capture(
        workspace, message=text, when=1, author=("An Agent", "agent@example.org")
    )
    shown = run.git("show", "-s", "--format=%at %ct %an <%ae> %cn%n%B", taken.commit)
    assert shown == f"1 1 An Agent <agent@example.org> orchestrate\n{text}".rstrip()
    plain = run.workspaces.capture(workspace, message="m")
    assert run.store.time_of(plain.commit) == run.store.time_of(run.base)
    assert run.git("show", "-s", "--format=%an", plain.commit) == "orchestrate"


def test_no_change_is_the_base(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "a.txt").write_text("changed\n")
    (workspace.path / "a.txt").write_text("a\n")
    (workspace.path / "empty").mkdir()
    taken = capture(run, workspace)
    assert (taken.commit, taken.changes, taken.problems) == (run.base, {}, ())


def test_a_change_of_the_same_size_in_the_same_second_is_seen(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    path = workspace.path / "a.txt"
    before = path.stat()
    path.write_text("b\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert set(capture(run, workspace).changes) == {"a.txt"}


def test_a_change_in_the_second_of_the_fill_is_seen_later(run: Any) -> None:
    """Git tells such a change by the time of its index, which therefore has to survive the copy."""
    time.sleep(1.05 - time.time() % 1)
    workspace = run.workspaces.provision("a-1", run.base)
    path = workspace.path / "a.txt"
    before = path.stat()
    path.write_text("b\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    time.sleep(1)
    assert set(capture(run, workspace).changes) == {"a.txt"}


def test_odd_names_come_through(run: Any) -> None:
    names = [
        b"-rf",
        b" lead",
        b"trail ",
        b"q'\"q",
        b"\xff\xfe",
        "é".encode(),
        "e\u0301x".encode(),
        b"a\\b",
        b"*",
        b":(top)x",
    ]
    names += [b"#x", b"d d/\xe9/-x", b".gitkeep", b".github/x", b"git~2", b"!neg"]
    workspace = run.workspaces.provision("a-1", run.base)
    for name in names:
        path = Path(os.fsdecode(os.fsencode(workspace.path) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name)
    taken = capture(run, workspace)
    assert taken.problems == ()
    assert {os.fsencode(path) for path in taken.changes} == set(names)
    for path in taken.changes:
        assert run.store.read(taken.commit, path) == os.fsencode(path)
    again = run.workspaces.provision("a-2", taken.commit)
    assert capture(run, again).changes == {}


def test_insane_names_are_named(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    accepted = ["new\nline", "esc\x1b[31m", ".g\u200cit", "x/.GIT /y"]
    refused = [".GIT", "x/git~1", "src/.git.", "y/.Git::$INDEX_ALLOCATION"]
    for name in [*accepted, *refused, "fine"]:
        (workspace.path / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace.path / name).write_text("x")
    taken = capture(run, workspace)
    found = kinds(taken)
    assert set(found.values()) == {ProblemKind.INSANE_PATH}
    assert set(found) == {"new\nline", "esc\x1b[31m", ".g\u200cit", "x/.GIT ", *refused}
    assert "fine" in taken.changes
    assert taken.blocked


def test_a_nested_repository_is_named(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    for name in ("nested", "src/deep", "empty"):
        path = workspace.path / name
        path.mkdir(parents=True, exist_ok=True)
        git = type(run.user)(path)
        git("init", "-q")
        if name == "nested":
            git.commit({"inside.txt": "x\n"})
    (workspace.path / "src/deep/c.py").write_text("changed\n")
    (workspace.path / "fine").write_text("x")
    taken = capture(run, workspace)
    assert kinds(taken) == dict.fromkeys(
        ("nested", "src/deep", "empty"), ProblemKind.NESTED_REPOSITORY
    )
    assert set(taken.changes) == {"fine"}


def test_nothing_in_a_nested_repository_runs(run: Any, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "nested").mkdir()
    nested = type(run.user)(workspace.path / "nested")
    nested("init", "-q")
    nested.commit({"x": "x\n", ".gitattributes": "* filter=evil\n"})
    nested("config", "filter.evil.clean", f"touch {evil}")
    nested("config", "core.fsmonitor", f"touch {evil}; false")
    (workspace.path / "nested/x").write_text("y\n")
    capture(run, workspace)
    assert not evil.exists()


def test_ignored_repositories_and_large_files_are_no_problem(user: Any, make_run: Any) -> None:
    user.commit({".gitignore": "node_modules/\n*.log\n"})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "node_modules/x").mkdir(parents=True)
    type(user)(workspace.path / "node_modules/x")("init", "-q")
    (workspace.path / "big.log").write_text("x" * 1000)
    os.mkfifo(workspace.path / "node_modules/fifo")
    taken = capture(run, workspace, limits=Limits(file_bytes=100))
    assert (taken.problems, taken.changes) == ((), {})


def test_submodules_of_the_base_are_left_as_they_are(user: Any, make_run: Any) -> None:
    user("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    user("commit", "-q", "-m", "a submodule")
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    assert capture(run, workspace).problems == ()
    (workspace.path / "vendor/lib/file").write_text("x")
    taken = capture(run, workspace)
    assert kinds(taken) == {"vendor/lib": ProblemKind.SUBMODULE_CONTENT}
    assert not taken.blocked
    assert taken.changes == {}


def test_special_files_are_named_and_not_opened(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    os.mkfifo(workspace.path / "pipe")
    (workspace.path / "a.txt").unlink()
    os.mkfifo(workspace.path / "a.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(workspace.path)
        try:
            listener.bind("sock")
        finally:
            os.chdir(here)
        taken = capture(run, workspace)
    assert kinds(taken) == dict.fromkeys(("pipe", "a.txt", "sock"), ProblemKind.SPECIAL_FILE)
    assert taken.changes == {}


def test_links_that_leave_the_tree_are_named(user: Any, make_run: Any) -> None:
    (user.path / "old").symlink_to("/etc")
    (user.path / "here").symlink_to("src")
    user.commit({})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    links = {
        "absolute": "/etc/passwd",
        "up": "../x",
        "src/up2": "../../x",
        "src/deep/through": "../../here/../../x",
        "git": ".git/config",
        "ok": "src/b.py",
        "src/ok2": "../a.txt",
        "dangling": "nowhere",
        "loop": "loop",
        "by-way-of-here": "here/../a.txt",
        "src/deep/back": "../../src/deep/../b.py",
    }
    for name, target in links.items():
        (workspace.path / name).symlink_to(target)
    taken = capture(run, workspace)
    bad = ("absolute", "up", "src/up2", "src/deep/through", "git")
    assert kinds(taken) == dict.fromkeys(bad, ProblemKind.SYMLINK_ESCAPES)
    assert set(links) <= set(taken.changes)


def test_a_link_turned_round_by_another_is_named(user: Any, make_run: Any) -> None:
    (user.path / "src/deep/up").symlink_to("../d2/../../a.txt")
    user.commit({"src/d2/x": "x"})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "src/d2/x").unlink()
    (workspace.path / "src/d2").rmdir()
    (workspace.path / "src/d2").symlink_to("../.")
    assert kinds(capture(run, workspace)) == {"src/deep/up": ProblemKind.SYMLINK_ESCAPES}


def test_names_that_differ_by_case_only_are_named(user: Any, make_run: Any) -> None:
    user.commit({"README": "x", "readme": "y", "Straße": "z"})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    for name in ("A.txt", "SRC/new.py", "STRASSE", "one", "fine"):
        (workspace.path / name).parent.mkdir(exist_ok=True)
        (workspace.path / name).write_text("x")
    (workspace.path / "readme").write_text("changed")
    taken = capture(run, workspace)
    assert kinds(taken) == dict.fromkeys(
        ("A.txt", "SRC/new.py", "STRASSE"), ProblemKind.CASE_COLLISION
    )


def test_renaming_by_case_is_fine(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "a.txt").rename(workspace.path / "A.txt")
    assert capture(run, workspace).problems == ()


def test_sizes_are_limited(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "large").write_bytes(b"x" * 1001)
    with (workspace.path / "huge").open("wb") as stream:
        stream.truncate(1 << 40)  # must not be read
    for number in range(5):
        (workspace.path / f"f{number}").write_bytes(b"%d" % number * 900)
    taken = capture(run, workspace, limits=Limits(file_bytes=1000, total_bytes=4000))
    assert kinds(taken) == {
        "large": ProblemKind.FILE_TOO_LARGE,
        "huge": ProblemKind.FILE_TOO_LARGE,
        ".": ProblemKind.TOTAL_TOO_LARGE,
    }
    assert "large" not in taken.changes


def test_what_the_base_had_is_no_problem(user: Any, make_run: Any) -> None:
    (user.path / "out").symlink_to("/etc")
    user.commit({"large": "x" * 2000, ".gitmodules": "", "new\nline": "x", "A.TXT": "x"})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "a.txt").write_text("changed\n")
    (workspace.path / "new\nline").write_text("changed\n")
    (workspace.path / "large").touch()
    taken = capture(run, workspace, limits=Limits(file_bytes=1000))
    assert taken.problems == ()
    assert set(taken.changes) == {"a.txt", "new\nline"}


@pytest.mark.parametrize("as_link", [False, True])
def test_gitmodules_is_named(run: Any, as_link: bool) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    if as_link:
        (workspace.path / ".gitmodules").symlink_to("a.txt")
    else:
        (workspace.path / ".gitmodules").write_text("[submodule]\n")
    (workspace.path / "fine").write_text("x")
    taken = capture(run, workspace)
    assert set(kinds(taken)) == {".gitmodules"}
    assert taken.blocked
    assert "fine" in taken.changes


def test_ignored_files_stay_out_and_newly_hidden_ones_are_named(user: Any, make_run: Any) -> None:
    user.commit({".gitignore": "*.log\nbuild/\n", "src/.gitignore": "*.tmp\n"})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    for name in (
        "x.log",
        "build/y",
        "src/z.tmp",
        "src/hidden.py",
        "kept.txt",
        ".cache/.gitignore",
        ".cache/a",
        ".cache/b",
    ):
        (workspace.path / name).parent.mkdir(exist_ok=True)
        (workspace.path / name).write_text("x")
    (workspace.path / ".cache/.gitignore").write_text("*\n")
    (workspace.path / "src/.gitignore").write_text("*.tmp\nhidden.py\n")
    taken = capture(run, workspace)
    assert set(taken.changes) == {"kept.txt", "src/.gitignore"}
    assert kinds(taken) == dict.fromkeys(
        ("src/hidden.py", ".cache/"), ProblemKind.HIDDEN_BY_GITIGNORE
    )
    assert not taken.blocked


def test_global_excludes_and_attributes_do_not_apply(
    run: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "home/.config/git").mkdir(parents=True)
    (tmp_path / "home/.config/git/ignore").write_text("*.py\n")
    (tmp_path / "home/.config/git/attributes").write_text("* text eol=crlf\n")
    (tmp_path / "home/.gitconfig").write_text(
        f"[core]\n\texcludesFile = {tmp_path}/home/.config/git/ignore\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    commit = run.work({"new.py": "x\r\n"})
    assert run.store.read(commit, "new.py") == b"x\r\n"


def test_line_ends_follow_the_tree(user: Any, make_run: Any) -> None:
    user.commit({".gitattributes": "*.txt text eol=crlf\n"})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    assert (workspace.path / "a.txt").read_bytes() == b"a\r\n"
    assert capture(run, workspace).changes == {}
    (workspace.path / "a.txt").write_bytes(b"b\r\n")
    assert run.store.read(capture(run, workspace).commit, "a.txt") == b"b\n"


def test_an_encoding_that_fails_is_named_and_the_bytes_kept(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / ".gitattributes").write_text("*.txt working-tree-encoding=UTF-16\n")
    (workspace.path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    taken = capture(run, workspace)
    assert kinds(taken) == {".gitattributes": ProblemKind.NOT_STORABLE}
    assert run.store.read(taken.commit, "bad.txt") == b"\xff\xfe\x00"


def test_what_we_put_there_ourselves_can_be_left_out(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "node_modules").symlink_to("/usr/lib")
    (workspace.path / ".env").write_text("SECRET=1")
    (workspace.path / "new").write_text("x")
    taken = capture(run, workspace, exclude=["node_modules", ".env"])
    assert set(taken.changes) == {"new"}
    assert taken.problems == ()


def test_a_hostile_git_runs_nothing(shaped: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Hooks, filters, monitors, included configuration, a moved work tree, forged objects: none of
    it matters.
    """
    evil = tmp_path / "evil"
    run = shaped
    workspace = run.workspaces.provision("a-1", run.base)
    git = agent_in(run, workspace)
    (workspace.path / "a.txt").write_text("changed\n")
    touch = f"sh -c 'touch {evil}; cat'"
    (workspace.path / "hooks").mkdir()
    for name in (
        "post-index-change",
        "reference-transaction",
        "pre-commit",
        "post-checkout",
        "fsmonitor-watchman",
    ):
        hook = workspace.path / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {evil}\n")
        hook.chmod(0o755)
    (tmp_path / "included").write_text(f'[filter "evil"]\n\tclean = {touch}\n\tsmudge = {touch}\n')
    for key, value in {
        "core.hooksPath": str(workspace.path / "hooks"),
        "core.fsmonitor": str(workspace.path / "hooks/fsmonitor-watchman"),
        "core.worktree": "/",
        "core.attributesFile": str(tmp_path / "attributes"),
        "core.excludesFile": str(tmp_path / "attributes"),
        "includeIf.gitdir:/**.path": str(tmp_path / "included"),
        "include.path": str(tmp_path / "included"),
        "filter.evil.clean": touch,
        "filter.evil.process": touch,
        "filter.evil.required": "true",
        "diff.external": touch,
        "merge.evil.driver": touch,
        "core.pager": touch,
        "core.editor": touch,
        "alias.add": f"!touch {evil}",
        "core.bare": "true",
    }.items():
        git(
            "config",
            "-f",
            str(Path(git("rev-parse", "--absolute-git-dir")) / "config.evil"),
            key,
            value,
        )
    content = (Path(git("rev-parse", "--absolute-git-dir")) / "config.evil").read_text()
    common = Path(git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    (workspace.path / ".gitattributes").write_text("* filter=evil merge=evil diff=evil\n")
    (tmp_path / "attributes").write_text("* filter=evil\n")
    (common / "info").mkdir(exist_ok=True)
    (common / "config").write_text(content)
    (common / "info/attributes").write_text("* filter=evil\n")
    (common / "info/exclude").write_text("*\n")
    (common / "info/grafts").write_text(f"{run.base} {'1' * 40}\n")
    for name, value in {
        "GIT_DIR": "/nowhere",
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_WORK_TREE": "/",
        "GIT_EXTERNAL_DIFF": touch,
        "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_TRACE": str(evil),
        "GIT_NAMESPACE": "x",
    }.items():
        monkeypatch.setenv(name, value)
    taken = capture(run, workspace)
    assert {path for path in taken.changes if not path.startswith("hooks/")} == {
        "a.txt",
        ".gitattributes",
    }
    assert run.store.read(taken.commit, "a.txt") == b"changed\n"
    run.store.diff(run.base, taken.commit)
    run.workspaces.release(workspace)
    fresh = run.workspaces.provision("a-2", taken.commit)
    assert (fresh.path / "a.txt").read_text() == "changed\n"
    assert not evil.exists()
    assert run.store.fsck() == []


def test_what_one_agent_does_to_anothers_git_changes_nothing_that_is_taken(shaped: Any) -> None:
    """Its branches, stash and locks are reached where the store is shared, and only there."""
    victim, other = (shaped.workspaces.provision(name, shaped.base) for name in ("a-1", "a-2"))
    git, hostile = agent_in(shaped, victim), agent_in(shaped, other)
    (victim.path / "a.txt").write_text("stashed\n")
    git("stash", "-q")
    git("branch", "mine")
    (victim.path / "a.txt").write_text("changed\n")
    (other.path / "a.txt").write_text("forged\n")
    hostile("add", "-A")
    forger = ("-c", "user.name=Somebody Else", "-c", "user.email=else@example.org")
    hostile(*forger, "commit", "-q", "-m", "forged", "--date", "2001-01-01T00:00:00Z")
    for name in ("refs/stash", "refs/heads/mine"):
        hostile("update-ref", name, "HEAD")
    shared = Path(hostile("rev-parse", "--path-format=absolute", "--git-common-dir"))
    for name in ("index.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/mine.lock"):
        (shared / name).touch()
    is_reached = git("rev-parse", "mine", "stash").split() == [hostile("rev-parse", "HEAD")] * 2
    own = Path(git("rev-parse", "--path-format=absolute", "--git-common-dir"))
    assert is_reached is (shared == own)
    taken = capture(shaped, victim)
    assert set(taken.changes) == {"a.txt"}
    assert shaped.store.read(taken.commit, "a.txt") == b"changed\n"
    assert shaped.store.parents(taken.commit) == (shaped.base,)
    theirs = capture(shaped, other)
    assert shaped.store.read(theirs.commit, "a.txt") == b"forged\n"
    for commit in (taken.commit, theirs.commit):
        assert shaped.git("show", "-s", "--format=%an %cn", commit) == "orchestrate orchestrate"
    assert shaped.store.fsck() == []


@pytest.mark.parametrize("replace", [False, True])
def test_a_work_tree_that_is_gone_is_named(run: Any, replace: bool) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    workspace.path.rename(workspace.path.with_name("elsewhere"))
    if replace:
        workspace.path.symlink_to("elsewhere")
    taken = capture(run, workspace)
    assert kinds(taken) == {".": ProblemKind.WORK_TREE_GONE}
    assert taken.blocked
    run.workspaces.release(workspace)
    assert capture(run, run.workspaces.provision("a-1", run.base)).problems == ()


def test_a_damaged_private_index_costs_time_only(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "a.txt").write_text("changed\n")
    (run.store.private / "workspaces/a-1/index").unlink()
    assert set(capture(run, workspace).changes) == {"a.txt"}


@pytest.mark.skipif(
    os.geteuid() != 0, reason="becomes another user to lose the right to read everything"
)
def test_closed_folders_and_files_are_opened(tmp_path: Path) -> None:
    """As an ordinary user: what an agent closed is read all the same."""
    program = """
import os, subprocess, sys
from pathlib import Path

from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
import hashlib, concurrent.futures.thread
os.setgroups([]); os.setgid(65534); os.setuid(65534)
root = Path(sys.argv[1]); os.environ["HOME"] = str(root)
user = root / "user"; (user / "d").mkdir(parents=True)
for name in ("a", "d/b", "d/c"): (user / name).write_text("1")
def git(*a): subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x", *a], cwd=user, check=True)
git("init", "-q"); git("add", "-A"); git("commit", "-qm", "x")
r = Repository.discover(user); base = r.resolve("HEAD")
s = Store.create(root / "w/store.git", r, base, "r"); ws = Workspaces(s, root / "w")
w = ws.provision("a-1", base)
(w.path / "a").write_text("2"); (w.path / "d/b").write_text("2"); (w.path / "d/new").write_text("2")
(w.path / "a").chmod(0); (w.path / "d/b").chmod(0o200); (w.path / "d").chmod(0)
c = ws.capture(w, message="m")
assert sorted(c.changes) == ["a", "d/b", "d/new"], c
(w.path / "d").chmod(0); ws.release(w)
w = ws.provision("a-2", base)
assert (w.path / "d/b").read_text() == "1" and not (w.path / "d/new").exists()
w.path.chmod(0); c = ws.capture(w, message="m"); assert c.commit == base, c
(w.path / "d").chmod(0); w.path.chmod(0); ws.remove_all(); assert os.listdir(root / "w") == ["store.git"]
print("good")
"""
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent == Path("/tmp") or parent == Path("/"):
            break
        parent.chmod(parent.stat().st_mode | 0o755)
    home = tmp_path / "other"
    home.mkdir()
    os.chown(home, 65534, 65534)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", program, str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.stdout.strip().endswith("good"), done.stderr
