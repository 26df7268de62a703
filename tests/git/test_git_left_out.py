"""Full captures whose exclusions git ignores, over every mixture of what decides it."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.repositories import write

PLAIN = "made"
NAMES = (PLAIN, "-a b", ":(top)x", "we*ird[a]?", "back\\slash", 'qu"o\nte', "ünï", "!not", "#no")
RULES = ("none", "root", "nested", "folder", "again")
KINDS = ("folder", "file", "link")


def _escaped(name: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\*?[ !#" else letter for letter in name)


def _ignoring(rule: str, name: str) -> dict[str, str]:
    """Files of the base that have `sub/NAME` ignored by this kind of rule."""
    if "\n" in name and rule != "folder":
        return {}  # no pattern can say it
    match rule:
        case "root":
            return {".gitignore": f"/sub/{_escaped(name)}\n"}
        case "nested":
            return {"sub/.gitignore": f"{_escaped(name)}\n"}
        case "folder":
            return {".gitignore": "sub/\n"}
        case "again":  # ignored above, not ignored below
            return {
                ".gitignore": f"/sub/{_escaped(name)}\n",
                "sub/.gitignore": f"!{_escaped(name)}\n",
            }
    return {}


def _make(place: Path, kind: str, outside: Path) -> None:
    match kind:
        case "folder":
            write(place, {"x": "1\n", "deep/.gitignore": "*\n!y\n", "deep/y": "2\n"})
        case "file":
            place.write_text("1\n")
        case "link":
            place.symlink_to(outside)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_put_there_stays_out_and_the_work_is_taken(
    make_repo: Any, make_run: Any, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    write(outside, {"z": "3\n"})
    rounds = product(RULES, KINDS, (True, False), (True, False))
    for number, (rule, kind, attributes, tracked) in enumerate(rounds):
        if name != PLAIN and (tracked or kind == "link" or not attributes):
            continue
        files = {"a.txt": "a\n", "sub/kept": "k\n", **_ignoring(rule, name)}
        if attributes:
            files[".gitattributes"] = "* text=auto\n"
        beside = {f"sub/{name}/tracked": "t\n"} if tracked and kind == "folder" else {}
        user = make_repo({**files, **beside}, f"user-{number}")
        run = make_run(user, f"run-{number}")
        workspace = run.workspaces.provision("a-1", run.base)
        _make(workspace.path / "sub" / name, kind, outside)
        left = [f"sub/{name}"]
        if beside:
            left = [f"sub/{name}/{part}" for part in ("x", "deep")]
            write(workspace.path, {f"sub/{name}/tracked": "edited\n"})
        write(workspace.path, {"a.txt": "b\n", "new.txt": "n\n", "sub/.gitignore.txt": "full\n"})
        taken = run.workspaces.capture(workspace, message="m\n", exclude=left)
        told = (rule, kind, attributes, tracked)
        expected = {"a.txt", "new.txt", *beside}
        ignored_folder = rule == "folder"
        expected |= set() if ignored_folder else {"sub/.gitignore.txt"}
        assert set(taken.changes) == expected, told
        assert taken.problems == (), told
        run.workspaces.remove(workspace)


@pytest.mark.parametrize("fill", [True, False])
def test_a_submodule_below_an_ignored_folder_is_left_as_it_is(
    user: Any, make_run: Any, fill: bool
) -> None:
    user("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    (user.path / ".gitignore").write_text("vendor/\n.env\n")
    user("add", ".gitignore")
    user("commit", "-q", "-m", "a submodule")
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    shutil.rmtree(workspace.path / "vendor", ignore_errors=True)
    if fill:
        write(workspace.path, {"vendor/lib/file": "x", "vendor/lib/.env": "y"})
    write(workspace.path, {"a.txt": "b\n"})
    taken = run.workspaces.capture(workspace, message="m\n", exclude=["vendor/lib/.env"])
    assert set(taken.changes) == {"a.txt"}
    assert [problem.path for problem in taken.problems] == (["vendor/lib"] if fill else [])


def test_a_link_where_the_way_to_an_exclusion_was(user: Any, make_run: Any, tmp_path: Path) -> None:
    (user.path / ".gitattributes").write_text("* text=auto\n")
    user("add", ".gitattributes")
    user("commit", "-q", "-m", "attributes")
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "conf").symlink_to("src")
    taken = run.workspaces.capture(workspace, message="m\n", exclude=["conf/a.env", "conf"])
    assert set(taken.changes) == set()
    taken = run.workspaces.capture(workspace, message="m\n", exclude=["conf/a.env"])
    assert set(taken.changes) == {"conf"}


def test_what_was_put_there_is_not_hidden_by_a_new_rule(user: Any, make_run: Any) -> None:
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    write(workspace.path, {"made/x": "1\n", ".gitignore": "made/\n", "b.txt": "b\n"})
    taken = run.workspaces.capture(workspace, message="m\n", exclude=["made"])
    assert set(taken.changes) == {".gitignore", "b.txt"}
    assert taken.problems == ()
