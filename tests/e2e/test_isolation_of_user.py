"""A run reads the user's repository and leaves it as it was, however odd; `land` moves the branch
or says why not.

Compared byte by byte, since `git status` alone hides a refreshed index.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, Git, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: edit
objective: Edit one file and add one.
repository: {path: ../user}
backends:
  script: {command: [sh, "{mission_dir}/{agent}.sh"], brief: none}
defaults: {isolation: worktree, backend: script, timeout: 1m}
gates: {green: {checks: [{command: [grep, -q, better, src/code.txt]}]}}
batches:
  - id: only
    agents:
      - {id: editor, name: Editor, mission: Edit., files: [src/code.txt]}
      - {id: writer, name: Writer, mission: Write., files: [src/new.txt]}
    gate: green
"""
SCRIPTS = {"editor.sh": "echo better > src/code.txt\n", "writer.sh": "echo new > src/new.txt\n"}
FILES = {
    "src/code.txt": "good\n",
    "kept.txt": "kept\n",
    "staged.txt": "committed\n",
    "dirty.txt": "committed\n",
    "gone.txt": "committed\n",
    ".gitattributes": "*.txt filter=loud\n",
    ".gitignore": "ignored/\n",
}
LANDING_REFUSED = 2
HOOKS = (
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-rewrite",
    "pre-commit",
    "pre-push",
    "reference-transaction",
)


class Place:
    """A user's repository in the middle of work, a mission for it, and a folder that tells if
    anything of it ran.
    """

    def __init__(self, folder: Path) -> None:
        self.user = make_repository(folder / "user", FILES)
        self.heard = folder / "heard"
        self.mission = folder / "mission" / "mission.yaml"
        write(self.mission.parent, {"mission.yaml": MISSION, **SCRIPTS})
        self.bench = Bench(folder / "root")

    def make_odd(self) -> None:
        """Work of every kind in the work tree and the index, more refs, and configuration that runs
        programs.
        """
        git, tree = self.user, self.user.path
        git("branch", "other")
        git("tag", "-a", "v1", "-m", "one")
        write(tree, {"stashed.txt": "stashed\n"})
        git("stash", "push", "--include-untracked", "--message", "for later")
        write(tree, {"staged.txt": "staged\n", "added.txt": "added\n"})
        git("add", "staged.txt", "added.txt")
        write(
            tree,
            {
                "dirty.txt": "dirty\n",
                "added.txt": "and changed\n",
                "untracked/a b\tc.txt": "mine\n",
            },
        )
        write(tree, {"ignored/secret.txt": "secret\n"})
        (tree / "gone.txt").unlink()
        (tree / "link").symlink_to("kept.txt")
        loud = f"sh -c 'echo ran >> {self.heard}; cat'"
        for name in HOOKS:
            hook = tree / ".git" / "hooks" / name
            hook.parent.mkdir(exist_ok=True)
            hook.write_text(f"#!/bin/sh\necho {name} >> {self.heard}\nexit 1\n", encoding="utf-8")
            hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
        for key, value in {
            "filter.loud.clean": loud,
            "filter.loud.smudge": loud,
            "filter.loud.required": "true",
            "core.autocrlf": "true",
            "core.fsmonitor": f"sh -c 'echo fsmonitor >> {self.heard}'",
            "core.editor": f"sh -c 'echo editor >> {self.heard}'",
            "diff.external": f"sh -c 'echo diff >> {self.heard}'",
            "commit.gpgSign": "true",
            "gpg.program": "false",
            "gc.auto": "1",
            "user.useConfigOnly": "true",
            "core.logAllRefUpdates": "always",
            "status.showUntrackedFiles": "no",
            "merge.conflictStyle": "diff3",
            "core.quotePath": "false",
        }.items():
            git("config", key, value)

    def seen(self, *, is_run: bool = True) -> dict[str, object]:
        """Everything a user could notice, by name: each file of the work tree and of `.git`,
        objects aside.

        Of the index, a landing (not `is_run`) may refresh what it knows of the files' times, as
        `git status` does.
        """
        found: dict[str, object] = {}
        for path in sorted(self.user.path.rglob("*")):
            name = str(path.relative_to(self.user.path))
            if name.startswith((".git/objects", ".git/refs/orchestrate")) or path.is_dir():
                continue
            if name == ".git/index" and not is_run:
                found[name] = self.user("ls-files", "--stage", "-v")
                continue
            info = path.lstat()
            content = path.readlink() if path.is_symlink() else path.read_bytes()
            found[name] = (content, info.st_mode, info.st_mtime_ns)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_run_leaves_an_odd_repository_as_it_was(place: Place) -> None:
    place.make_odd()
    before, refs = place.seen(), place.user.refs()
    place.bench.run("run", place.mission, "--plain")
    assert place.seen() == before
    base = f"refs/orchestrate/{place.bench.run_id}/base {place.user('rev-parse', 'HEAD')}"
    assert sorted(place.user.refs()) == sorted([*refs, base])
    assert not place.heard.exists(), place.heard.read_text(encoding="utf-8")
    store, tip = place.bench.store, place.bench.tip
    changed = store("diff", "--name-only", place.bench.events()[0]["base"], tip).split()
    assert changed == ["src/code.txt", "src/new.txt"]
    store.fsck()
    place.bench.run("clean", "--discard")
    assert place.seen() == before
    assert place.user.refs() == refs


def test_run_on_a_branch_that_is_not_checked_out(place: Place) -> None:
    git = place.user
    git("checkout", "--quiet", "-b", "mine")
    before = place.seen()
    text = place.mission.read_text(encoding="utf-8")
    place.mission.write_text(
        text.replace("{path: ../user}", "{path: ../user, base: main}"), encoding="utf-8"
    )
    place.bench.run("run", place.mission, "--plain")
    place.bench.run("land")
    assert git("rev-parse", "main") == place.bench.tip
    after = place.seen()
    for name in (".git/HEAD", ".git/index", ".git/refs/heads/mine", "src/code.txt"):
        assert after[name] == before[name], name
    assert git("status", "--porcelain") == ""
    git.fsck()


def test_land_brings_a_clean_checkout_forward(place: Place) -> None:
    place.bench.run("run", place.mission, "--plain")
    assert "main is now" in place.bench.run("land")
    assert place.user("rev-parse", "main") == place.bench.tip
    assert (place.user.path / "src/code.txt").read_text(encoding="utf-8") == "better\n"
    assert (place.user.path / "src/new.txt").read_text(encoding="utf-8") == "new\n"
    assert place.user("status", "--porcelain") == ""
    place.bench.run("clean")
    place.user.fsck()


def _edited(git: Git) -> None:
    write(git.path, {"src/code.txt": "mine\n"})


def _staged(git: Git) -> None:
    write(git.path, {"src/code.txt": "mine\n"})
    git("add", "src/code.txt")


def _untracked(git: Git) -> None:
    write(git.path, {"src/new.txt": "mine\n"})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        pytest.param(_edited, "src/code.txt", id="edited"),
        pytest.param(_staged, "src/code.txt", id="staged"),
        pytest.param(_untracked, "src/new.txt", id="untracked"),
    ],
)
def test_land_is_refused_where_local_work_is_in_the_way(
    place: Place, change: object, path: str
) -> None:
    assert callable(change)
    place.bench.run("run", place.mission, "--plain")
    change(place.user)
    before, refs = place.seen(is_run=False), place.user.refs()
    told = place.bench.run("land", code=LANDING_REFUSED)
    assert path in told
    assert any(word in told.lower() for word in ("commit", "stash", "move")), told
    assert "Traceback" not in told
    assert place.seen(is_run=False) == before
    assert place.user.refs() == refs
    # What was in the way is taken out of it as advised, and the landing goes through.
    place.user("stash", "push", "--include-untracked")
    place.bench.run("land")
    assert place.user("rev-parse", "main") == place.bench.tip
    assert place.user("status", "--porcelain") == ""
    place.user.fsck()


def test_land_is_refused_when_the_branch_moved_on(place: Place) -> None:
    place.bench.run("run", place.mission, "--plain")
    write(place.user.path, {"kept.txt": "moved on\n"})
    place.user("commit", "--quiet", "--all", "--message", "meanwhile")
    before, refs = place.seen(is_run=False), place.user.refs()
    told = place.bench.run("land", code=LANDING_REFUSED)
    assert "moved on" in told
    assert "meanwhile" in told
    assert place.seen(is_run=False) == before
    assert place.user.refs() == refs
    place.bench.run("land", "--branch", "repaired")
    assert place.user("rev-parse", "repaired") == place.bench.tip
    place.user.fsck()
