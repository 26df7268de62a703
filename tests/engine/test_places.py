"""Where work stands: outside of any checkout, found again, nobody else's."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.engine.folders import Folders, make_workspaces, remove_workspaces
from orchestrator.engine.places import make_place, place_of
from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.caches import CHOICE, FOUND_UPWARD, cache


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of a person's own, of which the cache is in the usual place; its path is as short as
    people's are, and not as pytest's folders are.
    """
    with tempfile.TemporaryDirectory(prefix="a-user-") as name:
        folder = Path(name)
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.delenv(CHOICE, raising=False)
        yield folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that is a checkout."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    return folder


def test_a_run_stands_in_the_cache_and_a_link_leads_there(home: Path, root: Path) -> None:
    folders = Folders(root, "r")
    make_workspaces(folders)
    place = folders.workspaces
    assert place.parent == home / ".cache" / "orchestrate"
    assert (root / "workspaces" / "r").resolve() == place
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place, place.parent)} == {0o700}
    assert len(place.name) <= 12, "sockets have short names"
    make_workspaces(folders)
    assert folders.workspaces == place
    remove_workspaces(folders)
    assert not os.path.lexists(root / "workspaces" / "r")
    assert list(place.parent.iterdir()) == []


def test_a_cache_whose_path_is_too_long_for_sockets_is_passed_by(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = home / ("long" * 20)
    deep.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(deep))
    assert cache() == home / ".cache" / "orchestrate"
    monkeypatch.setenv(CHOICE, str(deep / "mine"))
    assert cache() == deep / "mine", "who chooses it chooses its length"
    monkeypatch.delenv(CHOICE)
    monkeypatch.setenv("HOME", str(deep))
    assert str(cache()).startswith("/var/tmp/orchestrate-")


def test_a_link_that_is_lost_or_leads_astray_is_made_again(
    home: Path, root: Path, tmp_path: Path
) -> None:
    place = make_place(root, "r")
    (place / "kept").write_text("")
    shutil.rmtree(root / "workspaces")
    assert place_of(root, "r") == place
    assert make_place(root, "r") == place
    assert (root / "workspaces" / "r" / "kept").exists()
    (root / "workspaces" / "r").unlink()
    (root / "workspaces" / "r").symlink_to(tmp_path / "elsewhere")
    assert place_of(root, "r") == place
    make_place(root, "r")
    assert (root / "workspaces" / "r" / "kept").exists()


def test_a_link_to_what_is_somebody_elses_is_not_believed(home: Path, root: Path) -> None:
    other = make_place(root.with_name("other"), "r")
    (root / "workspaces").mkdir()
    (root / "workspaces" / "r").symlink_to(other)  # as in a copy of a root
    assert place_of(root, "r") != other
    assert make_place(root, "r") != other
    assert (root / "workspaces" / "r").resolve() == place_of(root, "r")


def test_a_root_that_takes_no_link_is_no_obstacle(home: Path, root: Path) -> None:
    (root / "workspaces").write_text("a file of somebody's\n")
    assert make_place(root, "r").is_dir()
    assert place_of(root, "r") == make_place(root, "r")


def test_a_run_is_found_where_it_began_when_another_cache_is_chosen(
    home: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOICE, str(tmp_path / "chosen"))
    place = make_place(root, "r")
    assert place.parent == tmp_path / "chosen"
    monkeypatch.delenv(CHOICE)
    assert place_of(root, "r") == place
    assert place_of(root, "another").parent == home / ".cache" / "orchestrate"


def test_what_an_earlier_version_left_in_the_checkout_is_used(home: Path, root: Path) -> None:
    (root / "workspaces" / "old" / "store.git").mkdir(parents=True)
    assert make_place(root, "old") == root / "workspaces" / "old"


@pytest.mark.parametrize("name", [".git", "pytest.ini", "node_modules", "tsconfig.json"])
def test_a_cache_below_what_is_found_upward_is_not_used(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert name in FOUND_UPWARD
    (home / name).mkdir()
    assert not cache().is_relative_to(home)
    assert cache().stat().st_uid == os.getuid()
    monkeypatch.setenv(CHOICE, str(home / "chosen"))
    with pytest.raises(EnvironmentRefused, match="outside of any project") as refused:
        cache()
    assert str(home / name) in str(refused.value)
    assert CHOICE in str(refused.value)


def test_a_home_that_cannot_be_used_is_no_obstacle(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    for unusable in (str(home / "file" / "home"), "", "relative"):
        monkeypatch.setenv("HOME", unusable)
        assert not cache().is_relative_to(home)


def test_a_run_in_a_cache_inside_a_checkout_is_refused(tmp_path: Path) -> None:
    from tests.cli.helpers import MISSIONS, environment
    from tests.ready import PROGRAM

    (tmp_path / ".git").mkdir()
    done = subprocess.run(
        [PROGRAM, "run", "--plain", MISSIONS / "hello.yaml"],
        cwd=tmp_path,
        env=environment() | {CHOICE: str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert CHOICE in done.stderr
    assert "Traceback" not in done.stderr
