"""A store that a power cut, or an agent, left broken opens again, with nothing believed that is not
true.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.git.objects import object_id
from orchestrator.git.store import Store
from orchestrator.merging.contribution import Contribution
from orchestrator.merging.integrate import integrate

TIP = "refs/heads/orchestrate/run-1"


def garbage(*names: str) -> Callable[[Path], None]:
    def do(store: Path) -> None:
        for name in names:
            (store / name).parent.mkdir(parents=True, exist_ok=True)
            (store / name).write_bytes(b"\0garbage\xff\n" * 3)

    return do


def emptied(*names: str) -> Callable[[Path], None]:
    def do(store: Path) -> None:
        for name in names:
            (store / name).write_bytes(b"")

    return do


def closed(store: Path) -> None:
    for name in ("config", TIP, "HEAD", "objects", "refs"):
        (store / name).chmod(0)


def a_folder_in_its_place(store: Path) -> None:
    (store / TIP).unlink()
    (store / TIP / "x").mkdir(parents=True)


def a_broken_work_tree(store: Path) -> None:
    for name in ("HEAD", "gitdir", "commondir", "index"):
        garbage(f"worktrees/a-1/{name}")(store)


DAMAGE = {
    "the tip is empty": emptied(TIP),
    "the tip is garbage": garbage(TIP),
    "the tip is a folder": a_folder_in_its_place,
    "HEAD is empty": emptied("HEAD"),
    "HEAD is gone": lambda store: (store / "HEAD").unlink(),
    "packed refs are garbage": garbage("packed-refs"),
    "other refs are empty": garbage("refs/orchestrate/run-1/a/1", "refs/heads/x"),
    "the configuration is empty": emptied("config"),
    "what is guarded is empty": emptied("config", "orchestrate/guarded/config"),
    "alternates are garbage": garbage("objects/info/alternates"),
    "guarded alternates are garbage": garbage("orchestrate/guarded/objects/info/alternates"),
    "locks": garbage(f"{TIP}.lock", "HEAD.lock", "packed-refs.lock", "config.lock"),
    "nobody may read": closed,
    "a work tree's files are garbage": a_broken_work_tree,
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_store_that_is_broken_opens_again_and_works(run: Any, what: str) -> None:
    work = run.work({"a.txt": "work\n"})
    run.store.set_ref(TIP, work, old=run.base)
    run.store.close()
    DAMAGE[what](run.store.path)
    for _ in range(2):
        again = Store.create(run.store.path, run.repository, work, "run-1")
        assert again.tip() == work
        assert again.read(work, "a.txt") == b"work\n"
        again.set_ref(TIP, run.base, old=work)
        again.set_ref(TIP, work, old=run.base)
        assert again.fsck() == []
        again.close()


@pytest.mark.parametrize("content", [b"", b"garbage", zlib.compress(b"blob 3\0xyz")])
def test_an_object_that_is_not_what_it_is_called_is_missing_and_can_be_made_again(
    run: Any, content: bytes
) -> None:
    work = run.work({"a.txt": "work\n"})
    oid = run.store.entries(work)["a.txt"].oid
    place = run.store.path / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    place.write_bytes(content)
    run.store.close()
    again = Store.open(run.store.path, "run-1")
    assert again.read(work, "a.txt") is None
    assert run.work({"a.txt": "work\n"}, name="second-1") != ""
    assert again.read(work, "a.txt") == b"work\n"
    again.close()


def forge(store: Path, oid: str, kind: str, body: bytes) -> None:
    """A loose object under the name of another, as any program can write it."""
    place = store / "objects" / oid[:2] / oid[2:]
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(b"%b %d\0%b" % (kind.encode(), len(body), body)))


def test_an_object_in_place_of_the_users_is_not_believed(run: Any) -> None:
    """Git would read the store's own one first, and hash nothing."""
    oid = run.store.entries(run.base)["src/b.py"].oid
    work = run.work({"a.txt": "work\n"})
    forge(run.store.path, oid, "blob", b"b = 'forged'\n")
    assert run.git("cat-file", "blob", oid) == "b = 'forged'", "this is what git makes of it"
    tree = run.workspaces.checkout("gate.1", work)
    assert (tree.path / "src/b.py").read_text() == "b = 1\n"
    forge(run.store.path, oid, "blob", b"b = 'forged'\n")
    merged = integrate(
        run.store, run.base, [Contribution("a", run.base, work)], message="m", when=1
    )
    assert merged.commit
    assert run.store.read(merged.commit, "src/b.py") == b"b = 1\n"
    assert not (run.store.path / "objects" / oid[:2] / oid[2:]).exists()


def test_a_pack_that_lies_is_not_believed(run: Any, tmp_path: Path) -> None:
    """An index that gives an object of a pack the name of the user's."""
    honest = run.store.entries(run.base)["src/b.py"].oid
    writer = run.store.writer()
    forged = writer.blob(b"b = 'forged'\n")
    writer.flush()
    index = next((run.store.path / "objects/pack").glob("*.idx"))
    index.chmod(0o644)
    data = index.read_bytes().replace(bytes.fromhex(forged), bytes.fromhex(honest))
    index.write_bytes(data)
    assert len(run.store.remove_false_objects()) == 1
    assert run.store.read(run.base, "src/b.py") == b"b = 1\n"


def test_looking_again_costs_little(run: Any) -> None:
    for number in range(300):
        oid = object_id("blob", b"%d" % number, "sha1")
        forge(run.store.path, oid, "blob", b"%d" % number)
    assert run.store.remove_false_objects() == []
    before = os.times().user
    assert run.store.remove_false_objects() == []
    assert os.times().user - before < 0.1, "300 stamps are compared, and nothing is read"


@pytest.mark.parametrize("content", [b"", b"garbage", b"DIRC" + b"\0" * 40])
def test_a_private_index_that_is_broken_is_made_again(run: Any, content: bytes) -> None:
    from orchestrator.git.workspace import Workspaces

    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "a.txt").write_text("work\n")
    index = run.store.path / "orchestrate/workspaces/a-1/index"
    index.write_bytes(content)
    assert list(run.workspaces.capture(workspace, message="a").changes) == ["a.txt"]
    index.write_bytes(content)  # and for a process that knows nothing of the files
    later = Workspaces(run.store, run.root)
    found = later.find("a-1")
    assert found is not None
    assert list(later.capture(found, message="a").changes) == ["a.txt"]
