"""The run's store: made once whatever kills it, borrowing every kind of source, leaving the user's
repository be.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.git.client import Git, GitError
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.values import RefMoved

WHEN = 1_750_000_000


def test_reads_commits(run: Any) -> None:
    commit = run.work({"a.txt": "b\n", "new \n name": "x\n", "bin": b"\0\1"})
    store = run.store
    assert store.tip() == run.base
    assert store.parents(commit) == (run.base,)
    assert store.read(commit, "a.txt") == b"b\n"
    assert store.read(commit, "new \n name") == b"x\n"
    assert store.read(commit, "no \n such missing\n") is None
    assert store.read(commit, "src") is None
    for odd in ("", "./a.txt", "../a.txt", "..", "a\0b", "x" * 5000, "src/../a.txt"):
        assert store.read(commit, odd) is None
    assert store.read(commit, "a.txt") == b"b\n"
    assert set(store.paths(commit)) == {"a.txt", "src/b.py", "src/deep/c.py", "new \n name", "bin"}
    changes = store.changes(run.base, commit)
    assert set(changes) == {"a.txt", "new \n name", "bin"}
    assert changes["bin"].old is None
    assert store.numstat(run.base, commit) == [
        ("a.txt", 1, 1),
        ("bin", None, None),
        ("new \n name", 1, 0),
    ]
    assert store.time_of(commit) == WHEN
    assert store.subject_of(commit) == "scratch-1"
    assert store.contains(commit, run.base)
    assert not store.contains(run.base, commit)
    assert store.history(run.base, commit) == [commit]
    assert store.fsck() == []


def test_diff_applies(run: Any, make_repo: Any) -> None:
    commit = run.work(
        {
            "a.txt": None,
            "bin": b"\0\1" * 99,
            'odd "name"\n': "x",
            "src/b.py": "no newline",
            "src/ü.py": "",
        }
    )
    patch = run.store.diff(run.base, commit)
    other = make_repo(name="other")
    other("apply", "--index", "--binary", "-", stdin=patch)
    assert other("write-tree") == run.store.tree_of(commit)
    only = run.store.diff(run.base, commit, ["src/b.py"])
    assert b"src/b.py" in only
    assert b"a.txt" not in only

    tricky = run.work({"a.txt": f"{run.base} {commit}\n", "bin": b"\0" * 9})
    pairs = [(run.base, commit), (commit, run.base), (run.base, tricky), (run.base, run.base)]
    assert run.store.diffs(pairs) == {pair: run.store.diff(*pair) for pair in pairs}
    assert run.store.diffs([]) == {}


def test_refs_move_by_compare_and_swap(run: Any) -> None:
    store, base = run.store, run.base
    commit = run.work({"a.txt": "2\n"})
    name = "refs/orchestrate/run-1/agent/1"
    store.set_ref(name, base, old="")
    with pytest.raises(RefMoved) as caught:
        store.set_ref(name, commit, old="0" * 40)
    assert (caught.value.expected, caught.value.found) == (None, base)
    with pytest.raises(RefMoved) as caught:
        store.set_ref(name, base, old=commit)
    assert (caught.value.expected, caught.value.found) == (commit, base)
    store.set_ref(name, commit, old=base)
    store.set_ref(name, base, old=None)
    assert store.refs("refs/orchestrate/run-1/") == {name: base}
    with pytest.raises(RefMoved):
        store.delete_ref(name, old=commit)
    with pytest.raises(RefMoved):
        store.set_ref("refs/orchestrate/run-1/none", commit, old=base)
    store.delete_ref(name, old=base)
    store.delete_ref(name)
    assert store.ref(name) is None
    assert store.refs("refs/orchestrate/") == {}


def test_many_refs_are_set_by_one_process(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store, commit = run.store, run.work({"a.txt": "2\n"})
    started: list[tuple[str, ...]] = []
    spawn = Git.spawn

    def counted(self: Git, *arguments: str, **more: Any) -> Any:
        started.append(arguments)
        return spawn(self, *arguments, **more)

    monkeypatch.setattr(Git, "spawn", counted)
    names = [f"refs/orchestrate/run-1/ü{number}/1" for number in range(40)]
    threads = [
        threading.Thread(target=store.set_ref, args=(name, commit), kwargs={"old": None})
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [words[0] for words in started] == ["update-ref"]
    assert store.refs("refs/orchestrate/run-1/") == dict.fromkeys(names, commit)
    store._refs._process.kill()  # whoever it is killed by, the next ref is set all the same
    store.set_ref(names[0], run.base, old=None)
    assert store.ref(names[0]) == run.base
    with pytest.raises(GitError, match=r"update-ref"):
        store.set_ref(names[1], "1" * 40, old=None)
    with pytest.raises(GitError, match=r"update-ref"):
        store.set_ref("refs/orchestrate/run-1/a..b", commit, old=None)
    store.set_ref(names[1], run.base, old=None)
    assert store.ref(names[1]) == run.base


def test_of_many_who_swap_one_wins(run: Any) -> None:
    commits = [run.work({"a.txt": f"{number}\n"}) for number in range(8)]
    won: list[str] = []

    def swap(commit: str) -> None:
        try:
            run.store.set_ref(run.store.tip_name, commit, old=run.base)
        except RefMoved:
            return
        won.append(commit)

    threads = [threading.Thread(target=swap, args=(commit,)) for commit in commits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.store.tip()] == won


def test_many_threads_read_at_once(run: Any) -> None:
    commit = run.work({f"f{number}": f"{number}\n" * number for number in range(50)})
    wrong: list[int] = []

    def read() -> None:
        for number in range(50):
            if run.store.read(commit, f"f{number}") != (f"{number}\n" * number).encode():
                wrong.append(number)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_reader_comes_back_when_it_is_killed(run: Any) -> None:
    assert run.store.read(run.base, "a.txt") == b"a\n"
    run.store.reader._process.kill()
    run.store.reader._process.wait()
    assert run.store.read(run.base, "a.txt") == b"a\n"


def test_what_a_kill_leaves_is_swept(run: Any) -> None:
    store = run.store
    store.close()
    head = run.root / "store.git"
    for name in (
        "HEAD.lock",
        "config.lock",
        "packed-refs.lock",
        "refs/heads/orchestrate/run-1.lock",
        "shallow.lock",
    ):
        (head / name).write_text("")
    (head / "objects/pack").mkdir(exist_ok=True)
    for name in ("objects/pack/tmp_pack_x", "objects/pack/pack-1.keep", "objects/tmp_obj_1"):
        (head / name).write_text("")
    (head / "objects/tmp_objdir-bulk-fsync-x/ab").mkdir(parents=True)
    again = Store.open(head, "run-1")
    again.set_ref(again.tip_name, run.base, old=run.base)
    left = [
        path
        for path in head.rglob("*")
        if path.name.startswith("tmp_") or path.suffix in {".lock", ".keep"}
    ]
    assert left == []
    again.close()


def test_create_is_repeatable_after_a_kill_at_any_point(
    user: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """Cut the creation short at every call that it makes, and create again."""
    import orchestrator.git.store_files as module

    class Killed(BaseException):
        pass

    repository = Repository.discover(user.path)
    base = repository.resolve("main")
    cut_after = 0
    while True:
        path = tmp_path / f"cut-{cut_after}" / "store.git"
        calls = 0

        def guard(function: Callable[..., Any], most: int) -> Callable[..., Any]:
            def guarded(*arguments: Any, **named: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls > most:
                    raise Killed
                return function(*arguments, **named)

            return guarded

        with monkeypatch.context() as patch:
            for place, name in ((module.Git, "run"), (module, "replace_file"), (Path, "rename")):
                patch.setattr(place, name, guard(getattr(place, name), cut_after))
            try:
                Store.create(path, repository, base, "r").close()
                finished = True
            except Killed:
                finished = False
        store = Store.create(path, repository, base, "r")
        assert store.tip() == base
        assert store.read(base, "a.txt") == b"a\n"
        assert store.fsck() == []
        store.close()
        if finished:
            break
        cut_after += 1
    assert cut_after > 8


def test_another_runs_store_is_refused(run: Any) -> None:
    with pytest.raises(UsageError):
        Store.open(run.root / "store.git", "run-2")
    with pytest.raises(EnvironmentRefused):
        Store.open(run.root / "nothing.git", "run-1")


def test_the_users_repository_is_left_alone(user: Any, make_run: Any) -> None:
    (user.path / "dirty.txt").write_text("dirty\n")
    (user.path / "a.txt").write_text("changed\n")
    user("add", "src/b.py")
    before = picture(user)
    run = make_run(user)
    commit = run.work({"a.txt": "x\n", "n/e/w": "y\n"})
    run.store.set_ref(run.store.tip_name, commit, old=run.base)
    after = picture(user)
    assert after.pop("refs") == f"{before.pop('refs')}\n{run.base} refs/orchestrate/run-1/base"
    assert after == before
    run.repository.unpin("run-1")
    run.repository.unpin("run-1")
    assert "orchestrate" not in user("for-each-ref")


def picture(user: Any) -> dict[str, Any]:
    """All that a user could notice."""
    index = user.path / ".git" / "index"
    git_dir = user.path / ".git"
    return {
        "index": (index.stat().st_mtime_ns, index.read_bytes()),
        "config": (git_dir / "config").read_bytes(),
        "head": (git_dir / "HEAD").read_bytes(),
        "refs": user("for-each-ref", "--format=%(objectname) %(refname)"),
        "reflogs": sorted(
            (str(path), path.read_bytes())
            for path in (git_dir / "logs").rglob("*")
            if path.is_file()
        ),
        "objects": sorted(str(path) for path in (git_dir / "objects").rglob("*")),
        "top": sorted(path.name for path in git_dir.iterdir()),
        "status": user("status", "--porcelain", GIT_OPTIONAL_LOCKS="0"),
        "files": sorted(
            (str(path), path.stat().st_mtime_ns)
            for path in user.path.rglob("*")
            if ".git" not in path.parts
        ),
    }


def use(run: Any) -> None:
    """All that a run does with its store, briefly."""
    commit = run.work({"new/file": "x\n", "a.txt": "changed\n"})
    assert set(run.store.changes(run.base, commit)) == {"new/file", "a.txt"}
    assert run.store.read(run.base, "src/b.py") == b"b = 1\n"
    assert run.store.fsck() == []


def test_borrows_from_a_shallow_clone(
    user: Any, make_repo: Any, make_run: Any, tmp_path: Path
) -> None:
    for number in range(3):
        user.commit({"a.txt": f"{number}\n"})
    user("clone", "-q", "--depth=1", f"file://{user.path}", str(tmp_path / "shallow"))
    clone = type(user)(tmp_path / "shallow")
    run = make_run(clone)
    use(run)
    assert run.store.history(run.base, run.store.tip()) == []


def test_borrows_from_a_linked_work_tree(user: Any, make_run: Any, tmp_path: Path) -> None:
    user("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    run = make_run(type(user)(tmp_path / "linked"))
    assert run.repository.common_dir == user.path / ".git"
    use(run)


def test_borrows_from_sha256(make_repo: Any, make_run: Any) -> None:
    run = make_run(make_repo(None, "user", "--object-format=sha256"))
    assert run.store.object_format == "sha256"
    assert len(run.base) == 64
    use(run)


def test_borrows_from_a_bare_repository(user: Any, make_run: Any, tmp_path: Path) -> None:
    user("clone", "-q", "--bare", str(user.path), str(tmp_path / "bare.git"))
    run = make_run(type(user)(tmp_path / "bare.git"))
    assert run.repository.work_tree is None
    use(run)


def test_borrows_from_one_who_borrows(user: Any, make_run: Any, tmp_path: Path) -> None:
    """Two levels, the second named relatively, and a name that needs quotes."""
    user("clone", "-q", "--shared", str(user.path), str(tmp_path / "one"))
    user("clone", "-q", "--shared", str(tmp_path / "one"), str(tmp_path / "two"))
    middle = type(user)((tmp_path / "one").rename(tmp_path / 'one "odd"\nname'))
    listing = tmp_path / "two/.git/objects/info/alternates"
    listing.write_bytes(b'# a comment\n"../../../one \\"odd\\"\\nname/.git/objects"\n')
    (middle.path / ".git/objects/info/alternates").write_text("../../../user/.git/objects\n")
    two = type(user)(tmp_path / "two")
    two.commit({"two": "2\n"})
    use(make_run(two))


def test_a_partial_clone_is_refused_with_the_mend(user: Any, make_run: Any, tmp_path: Path) -> None:
    user("config", "uploadpack.allowFilter", "true")
    user("clone", "-q", "--filter=blob:none", f"file://{user.path}", str(tmp_path / "partial"))
    with pytest.raises(UsageError, match="partial clone") as caught:
        make_run(type(user)(tmp_path / "partial"))
    assert "refetch" in str(caught.value.mend)


def test_what_agents_change_in_the_shared_repository_is_put_back(run: Any) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    agent = type(run.user)(workspace.path)
    agent("config", "core.hooksPath", ".husky")
    agent("config", "filter.evil.clean", "touch /tmp/evil")
    info = run.store.path / "info"
    (info / "exclude").write_text("*\n")
    (info / "attributes").write_text("* filter=evil\n")
    (run.store.path / "objects/info/alternates").write_text("")
    run.store.harden()
    assert "evil" not in (run.store.path / "config").read_text()
    assert not (info / "exclude").exists()
    assert (info / "attributes").read_text() == "* merge\n"
    assert run.store.read(run.base, "a.txt") == b"a\n"
    use(run)


def test_a_full_or_read_only_disk_is_the_environments_fault(run: Any) -> None:
    for message in (
        "fatal: write error: No space left on device",
        "error: Read-only file system",
        "x: Permission denied",
        "fatal: sha1 file 'index.lock' write error. Out of diskspace",
    ):
        from orchestrator.git.client import Result

        assert isinstance(
            run.store.git.failure(("add",), Result(128, b"", message)), EnvironmentRefused
        )


@pytest.mark.slow
def test_create_survives_real_kills(user: Any, tmp_path: Path) -> None:
    """`kill -9` of a process that creates, after more and more time."""
    program = (
        "import sys; from pathlib import Path; from orchestrator.git.repository import Repository;"
        "from orchestrator.git.store import Store; r = Repository.discover(Path(sys.argv[1]));"
        "print('go', flush=True); Store.create(Path(sys.argv[2]), r, r.resolve('main'), 'r').close()"
    )
    repository = Repository.discover(user.path)
    base = repository.resolve("main")
    for number in range(25):
        path = tmp_path / "killed" / "store.git"
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(user.path), str(path)],
            stdout=subprocess.PIPE,
            env={**os.environ},
        )
        assert child.stdout
        child.stdout.readline()
        threading.Event().wait(number * 0.002)
        child.kill()
        child.communicate()
        threading.Event().wait(0.05)
        store = Store.create(path, repository, base, "r")
        assert store.tip() == base
        assert store.fsck() == []
        store.close()
        shutil.rmtree(path.parent)
