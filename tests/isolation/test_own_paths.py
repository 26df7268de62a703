"""Nothing is written through what an agent put in the place of a run's own files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.isolation.environment import clean_environment, temporary_of
from orchestrator.isolation.own_paths import append_to, own_folder, write_anew


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("the user's\n")
    return path


def strange(kind: str, path: Path, victim: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    match kind:
        case "link":
            path.symlink_to(victim)
        case "dangling link":
            path.symlink_to(victim.with_name("made"))
        case "second name":
            path.hardlink_to(victim)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            (path / "full").mkdir(parents=True)
        case "link of the folder":
            (victim.parent / "elsewhere").mkdir()
            path.parent.rmdir()
            path.parent.symlink_to(victim.parent / "elsewhere")


KINDS = ["nothing", "link", "dangling link", "second name", "pipe", "folder", "link of the folder"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["append", "anew"])
def test_a_file_is_our_own(tmp_path: Path, victim: Path, kind: str, way: str) -> None:
    path = tmp_path / "run" / "logs"
    strange(kind, path, victim)
    if way == "append":
        for word in (b"one ", b"two"):
            with append_to(path) as file:
                file.write(word)
    else:
        for word in (b"one", b"one two"):
            write_anew(path, word)
    assert path.read_bytes() == b"one two"
    assert not path.is_symlink()
    assert not path.parent.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert victim.read_text() == "the user's\n"
    assert not victim.with_name("made").exists()
    elsewhere = victim.parent / "elsewhere"
    assert not elsewhere.exists() or not [*elsewhere.iterdir()]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "link of the folder"])
def test_a_folder_is_our_own(tmp_path: Path, victim: Path, kind: str) -> None:
    path = tmp_path / "run" / "home"
    strange(kind, path, victim)
    assert own_folder(path) == path
    assert path.is_dir()
    assert not path.is_symlink()
    assert victim.read_text() == "the user's\n"


@pytest.mark.parametrize("part", ["home", "temporary"])
def test_a_home_is_no_link_to_the_users(tmp_path: Path, part: str) -> None:
    users = tmp_path / "user"
    (users / "kept").mkdir(parents=True)
    home = tmp_path / "homes" / "home"
    path = home if part == "home" else temporary_of(home)
    path.parent.mkdir(parents=True)
    path.symlink_to(users)
    clean_environment(home)
    assert not path.is_symlink()
    assert path.is_dir()
    assert [entry.name for entry in users.iterdir()] == ["kept"]


def test_the_device_that_takes_everything_stays() -> None:
    with append_to(Path(os.devnull)) as file:
        file.write(b"x")
    assert Path(os.devnull).is_char_device()
