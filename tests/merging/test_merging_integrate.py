"""Integration by example: what is united, what is merged, what conflicts and how that is said."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.git.store import Store
from orchestrator.git.values import CommitMissing
from orchestrator.merging.contribution import TIP, ConflictKind, Contribution
from orchestrator.merging.integrate import integrate

WHEN = 1_750_000_000
LINES = "".join(f"line {number}\n" for number in range(1, 31))


def edited(number: int, text: str) -> str:
    return LINES.replace(f"line {number}\n", f"{text}\n")


@pytest.fixture
def run(user: Any, make_run: Any) -> Any:
    user.commit(
        {
            "long.txt": LINES,
            "old/one.txt": LINES + "1\n",
            "old/two.txt": LINES + "2\n",
            "bin": b"\0" * 300,
        }
    )
    return make_run(user)


def join(
    run: Any, *works: tuple[str, dict[str, Any]], tip: str | None = None, **options: Any
) -> Any:
    hands = [
        Contribution(name, run.base, run.work(files, name=f"{name}-1")) for name, files in works
    ]
    return integrate(
        run.store, tip or run.base, hands, message="candidate\n\nRun: x\n", when=WHEN, **options
    )


def test_disjoint_work_is_united_in_one_commit(run: Any) -> None:
    answer = join(
        run,
        ("a", {"a.txt": "1\n"}),
        ("b", {"new/x": "x\n"}),
        ("c", {"src/deep/c.py": None}),
        ("d", {}),
    )
    assert answer.merged == ("a", "b", "c", "d")
    assert answer.conflicts == ()
    store = run.store
    assert set(store.changes(run.base, answer.commit)) == {"a.txt", "new/x", "src/deep/c.py"}
    assert store.parents(answer.commit)[0] == run.base
    assert len(store.parents(answer.commit)) == 4
    assert store.subject_of(answer.commit) == "candidate"
    assert store.time_of(answer.commit) == WHEN
    assert store.fsck() == []
    assert (
        join(
            run,
            ("a", {"a.txt": "1\n"}),
            ("b", {"new/x": "x\n"}),
            ("c", {"src/deep/c.py": None}),
            ("d", {}),
        )
        == answer
    )


def test_one_file_at_different_places_is_merged(run: Any) -> None:
    answer = join(
        run,
        ("a", {"long.txt": edited(3, "A")}),
        ("b", {"long.txt": edited(20, "B")}),
        ("c", {"z": "z"}),
    )
    assert answer.merged == ("a", "b", "c")
    assert run.store.read(answer.commit, "long.txt").decode() == edited(3, "A").replace(
        "line 20\n", "B\n"
    )


def test_a_conflict_leaves_the_agent_out_whole(run: Any) -> None:
    answer = join(
        run,
        ("a", {"long.txt": edited(3, "A")}),
        ("b", {"long.txt": edited(3, "B"), "other": "x"}),
        ("c", {"long.txt": edited(20, "C")}),
    )
    assert answer.merged == ("a", "c")
    [conflict] = answer.conflicts
    assert (conflict.path, conflict.agent, conflict.others) == ("long.txt", "b", ("a",))
    assert conflict.kind is ConflictKind.CONTENT
    assert conflict.text == "a and b both changed the same lines"
    assert run.store.read(answer.commit, "other") is None


def test_all_conflict(run: Any) -> None:
    tip = run.work({"a.txt": "tip\n"})
    answer = join(run, ("a", {"a.txt": "mine\n"}), tip=tip)
    assert (answer.commit, answer.merged, answer.tree) == (None, (), run.store.tree_of(tip))
    assert answer.conflicts[0].others == (TIP,)


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ({"a.txt": None}, {"a.txt": "changed\n"}, ConflictKind.MODIFY_DELETE),
        ({"new": "1\n"}, {"new": "2\n"}, ConflictKind.ADD_ADD),
        ({"bin": b"\0" * 299 + b"1"}, {"bin": b"\0" * 299 + b"2"}, ConflictKind.BINARY),
        ({"n": "file\n"}, {"n/x": "in a folder\n"}, ConflictKind.FILE_DIRECTORY),
        ({"n/x": "in a folder\n"}, {"n": "file\n"}, ConflictKind.FILE_DIRECTORY),
        (
            {"long.txt": None, "one": LINES},
            {"long.txt": None, "two": LINES},
            ConflictKind.RENAME_RENAME,
        ),
        ({"long.txt": None, "moved": LINES}, {"long.txt": None}, ConflictKind.RENAME_DELETE),
        (
            {
                "old/one.txt": None,
                "old/two.txt": None,
                "fresh/one.txt": LINES + "1\n",
                "fresh/two.txt": LINES + "2\n",
            },
            {"old/three.txt": "3\n"},
            ConflictKind.DIRECTORY_RENAME,
        ),
        (
            {"old/three.txt": "3\n"},
            {
                "old/one.txt": None,
                "old/two.txt": None,
                "fresh/one.txt": LINES + "1\n",
                "fresh/two.txt": LINES + "2\n",
            },
            ConflictKind.DIRECTORY_RENAME,
        ),
    ],
)
def test_every_kind_of_conflict_is_named(
    run: Any, first: Any, second: Any, kind: ConflictKind
) -> None:
    answer = join(run, ("a", first), ("b", second), ("c", {"far/away": "x"}))
    assert answer.merged == ("a", "c")
    assert {conflict.agent for conflict in answer.conflicts} == {"b"}
    assert kind in {conflict.kind for conflict in answer.conflicts}
    assert all(conflict.others == ("a",) for conflict in answer.conflicts)


def test_a_rename_meets_an_edit(run: Any) -> None:
    answer = join(
        run, ("a", {"long.txt": None, "moved.txt": LINES}), ("b", {"long.txt": edited(9, "B")})
    )
    assert answer.merged == ("a", "b")
    assert run.store.read(answer.commit, "moved.txt").decode() == edited(9, "B")
    assert run.store.read(answer.commit, "long.txt") is None


def test_links_that_differ_conflict(user: Any, make_run: Any) -> None:
    (user.path / "link").symlink_to("a.txt")
    user.commit({})
    run = make_run(user)
    hands = []
    for name in ("one", "two"):
        workspace = run.workspaces.provision(name, run.base)
        (workspace.path / "link").unlink()
        (workspace.path / "link").symlink_to(name)
        hands.append(
            Contribution(
                name, run.base, run.workspaces.capture(workspace, message=name, when=WHEN).commit
            )
        )
    answer = integrate(run.store, run.base, hands, message="m", when=WHEN)
    assert answer.merged == ("one",)
    assert answer.conflicts[0].kind is ConflictKind.SYMLINK


def test_mode_and_content_are_both_kept(run: Any) -> None:
    workspace = run.workspaces.provision("x", run.base)
    (workspace.path / "a.txt").chmod(0o755)
    mode = run.workspaces.capture(workspace, message="m", when=WHEN)
    hands = [
        Contribution("mode", run.base, mode.commit),
        Contribution("text", run.base, run.work({"a.txt": "changed\n"})),
    ]
    answer = integrate(run.store, run.base, hands, message="m", when=WHEN)
    change = run.store.changes(run.base, answer.commit)["a.txt"]
    assert change.new.mode == "100755"
    assert run.store.read(answer.commit, "a.txt") == b"changed\n"


def test_bases_may_differ(run: Any) -> None:
    tip = run.work({"a.txt": "landed\n", "long.txt": edited(2, "landed")})
    late = run.work({"b-new": "x\n"}, base=tip)
    early = run.work({"long.txt": edited(25, "early"), "src/b.py": "b = 2\n"})
    hands = [Contribution("early", run.base, early), Contribution("late", tip, late)]
    answer = integrate(run.store, tip, hands, message="m", when=WHEN)
    assert answer.merged == ("early", "late")
    assert set(run.store.changes(tip, answer.commit)) == {"long.txt", "src/b.py", "b-new"}
    assert run.store.read(answer.commit, "a.txt") == b"landed\n"
    assert b"early" in run.store.read(answer.commit, "long.txt")


@pytest.mark.parametrize(
    "attribute", ["merge=union", "-merge", "merge=binary", "merge=evil", "conflict-marker-size=3"]
)
def test_the_tree_does_not_choose_how_it_is_merged(
    user: Any, make_run: Any, attribute: str
) -> None:
    user.commit({"long.txt": LINES, ".gitattributes": f"* {attribute}\n"})
    run = make_run(user)
    run.git("config", "merge.evil.driver", "true")
    clean = join(run, ("a", {"long.txt": edited(3, "A")}), ("b", {"long.txt": edited(20, "B")}))
    assert clean.merged == ("a", "b")
    assert run.store.read(clean.commit, "long.txt").decode() == edited(3, "A").replace(
        "line 20\n", "B\n"
    )
    clash = join(run, ("a", {"long.txt": edited(3, "A")}), ("b", {"long.txt": edited(3, "B")}))
    assert clash.merged == ("a",)


def test_the_stores_attributes_beat_the_trees(user: Any, make_run: Any) -> None:
    """Some versions of git read attributes from trees even without a work tree."""
    user.commit({".gitattributes": "* merge=union\n"})
    workspace = (run := make_run(user)).workspaces.provision("a-1", run.base)
    assert type(user)(workspace.path)("check-attr", "merge", "a.txt") == "a.txt: merge: set"


def test_the_users_configuration_does_not_choose_either(
    run: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    (tmp_path / ".gitconfig").write_text(
        "[merge]\n\trenames = false\n\tdirectoryRenames = true\n\tconflictStyle = zdiff3\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_MERGE_VERBOSITY", "5")
    test_a_rename_meets_an_edit(run)


def test_in_sha256(make_repo: Any, make_run: Any) -> None:
    run = make_run(make_repo({"long.txt": LINES}, "user", "--object-format=sha256"))
    answer = join(
        run, ("a", {"long.txt": edited(3, "A")}), ("b", {"long.txt": edited(20, "B"), "n/x": "x"})
    )
    assert answer.merged == ("a", "b")
    assert run.store.fsck() == []


def test_over_a_shallow_base(make_repo: Any, make_run: Any, user: Any, tmp_path: Any) -> None:
    user.commit({"long.txt": LINES})
    user("clone", "-q", "--depth=1", f"file://{user.path}", str(tmp_path / "shallow"))
    run = make_run(type(user)(tmp_path / "shallow"))
    assert join(
        run, ("a", {"long.txt": edited(3, "A")}), ("b", {"long.txt": edited(20, "B")})
    ).merged == ("a", "b")


def test_trees_of_old_tools_lose_nothing(user: Any, make_run: Any) -> None:
    """Modes padded with zeros, which git reads but does not write."""
    inner = bytes.fromhex(user("rev-parse", "HEAD:src"))
    blob = bytes.fromhex(user("rev-parse", "HEAD:a.txt"))
    raw = b"0100644 a.txt\0" + blob + b"040000 src\0" + inner
    tree = user("hash-object", "-t", "tree", "--literally", "-w", "--stdin", stdin=raw)
    user("reset", "-q", "--hard", user("commit-tree", "-p", "HEAD", "-m", "old", tree))
    run = make_run(user)
    hands = [
        Contribution(name, run.base, run.work({name: "x\n"}, name=f"x-{at}"))
        for at, name in enumerate(("n", "src/n"))
    ]
    answer = integrate(run.store, run.base, hands, message="m", when=WHEN)
    assert set(run.store.paths(answer.commit)) == {
        "a.txt",
        "src/b.py",
        "src/deep/c.py",
        "n",
        "src/n",
    }
    assert integrate(run.store, run.base, [], message="m", when=WHEN).commit is None


def test_hundreds_of_agents(user: Any, make_run: Any, make_repo: Any) -> None:
    """Disjoint work of many costs one merge, not one each: counted in processes, not in time."""
    run = make_run(user)
    lines = []
    for number in range(200):
        content = b"%d\n" % number
        lines.append(
            b"commit refs/many/%d\ncommitter C <c> 1 +0000\ndata 1\nx\nfrom %s\n"
            % (number, run.base.encode())
        )
        lines.append(
            b"M 644 inline dir%d/f%d\ndata %d\n%s\n" % (number % 9, number, len(content), content)
        )
    run.git("fast-import", "--quiet", stdin=b"".join(lines))
    hands = [
        Contribution(name, run.base, commit)
        for name, commit in run.store.refs("refs/many/").items()
    ]
    started: list[Any] = []
    original = type(run.store.git).spawn

    def spawn(*arguments: Any, **named: Any) -> Any:
        started.append(arguments)
        return original(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(run.store.git), "spawn", spawn)
        answer = integrate(run.store, run.base, hands, message="m", when=WHEN)
    assert len(answer.merged) == 200
    assert len(run.store.changes(run.base, answer.commit)) == 200
    assert len(started) <= 4


def test_what_captures_found_out_is_not_asked_again(run: Any) -> None:
    """The candidate is the same as where nothing is known; a commit that was pruned is missed all
    the same.
    """
    works = [
        Contribution(name, run.base, run.work({f"new/{name}": name}, name=name))
        for name in ("a", "b")
    ]
    pairs = [(work.base, work.commit) for work in works]
    remembered = run.store.differences.of_all(pairs)
    again = Store.open(run.store.path, run.store.run)
    try:
        assert again.differences.of_all(pairs) == remembered
        assert integrate(again, run.base, works, message="m\n", when=WHEN) == integrate(
            run.store, run.base, works, message="m\n", when=WHEN
        )
    finally:
        again.close()
    oid = works[1].commit
    (run.store.path / "objects" / oid[:2] / oid[2:]).unlink()
    run.store.reader.close()
    with pytest.raises(CommitMissing):
        run.store.differences.of_all(pairs)
