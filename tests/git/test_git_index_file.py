"""What git's index says of files is what a look at them says, or is not believed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.git.folder import manifest_of, take_manifest
from orchestrator.git.index_file import stamps_of

DEEP = "/".join(["d" * 200] * 4) + "/" + "f" * 250
NAMES = ["a", "ab.txt", "b/c", "b-d", "x/y/z/w", "ü/ö", "new\nline", " blank ", DEEP]


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def checkout(folder: Path, object_format: str = "sha1", *options: str) -> Path:
    """A fresh checkout of odd files; returns its index."""
    git(folder, "init", "-q", f"--object-format={object_format}", "made")
    made = folder / "made"
    for name in NAMES:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    (made / "run").write_text("#!/bin/sh\n")
    (made / "run").chmod(0o755)
    (made / "link").symlink_to("nowhere")
    (made / "empty").touch()
    git(made, "add", "-A")
    git(made, "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "all")
    git(folder, *options, "clone", "-q", "made", "taken")
    return folder / "taken" / ".git" / "index"


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_the_index_says_what_a_walk_finds(tmp_path: Path, object_format: str) -> None:
    index = checkout(tmp_path, object_format)
    stamps = stamps_of(index, object_format)
    assert stamps is not None
    known, walked = manifest_of(tmp_path / "taken", stamps), take_manifest(tmp_path / "taken")
    assert known is not None
    assert len(known.files) == len(NAMES) + 3
    assert (known.files, known.folders, known.empty) == (walked.files, walked.folders, walked.empty)


def test_an_index_of_another_kind_is_not_read(tmp_path: Path) -> None:
    index = checkout(tmp_path)
    git(tmp_path / "taken", "update-index", "--index-version", "4")
    assert stamps_of(index, "sha1") is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("update-index", "--skip-worktree", "a"),
        ("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module"),
    ],
)
def test_odd_entries_are_left_to_a_walk(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    index = checkout(tmp_path)
    git(tmp_path / "taken", *arguments)
    assert stamps_of(index, "sha1") is None


def test_stamps_that_no_file_has_are_not_believed(tmp_path: Path) -> None:
    index = checkout(tmp_path)
    stamps = stamps_of(index, "sha1")
    assert stamps is not None
    coarse = {
        path: (*stamp[:3], stamp[3] // 10**9 * 10**9, 0, *stamp[5:])
        for path, stamp in stamps.items()
    }
    assert manifest_of(tmp_path / "taken", coarse) is None
