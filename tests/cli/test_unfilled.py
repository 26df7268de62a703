"""Submodules and files in LFS: filled, waived, or refused by name before anything is spent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import orchestrate
from tests.repositories import RealGit, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: m
objective: Write it.
repository: {{path: ../user}}
workspace: {{{workspace}}}
backends: {{script: {{command: {{shell: "cat vendor/lib/part > new"}}, brief: none}}}}
defaults: {{isolation: worktree, backend: script, attempts: 1}}
gates: {{all: {{checks: [{{command: grep -q part vendor/lib/part}}]}}}}
batches:
  - {{id: b, agents: [{{id: a, name: A, mission: Write., files: [new]}}], gate: all}}
"""
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n".format("1" * 64)


def place(folder: Path, workspace: str) -> Path:
    write(folder / "mission", {"m.yaml": MISSION.format(workspace=workspace)})
    return folder / "mission" / "m.yaml"


@pytest.fixture
def user(tmp_path: Path) -> RealGit:
    for name in ("lib", "user"):
        (tmp_path / name).mkdir()
        RealGit(tmp_path / name)("init", "-q", "-b", "main")
    RealGit(tmp_path / "lib").commit({"part": "part\n"})
    git = RealGit(tmp_path / "user")
    git.commit({"a": "a\n"})
    return git


def add_submodule(git: RealGit) -> None:
    allow = ("-c", "protocol.file.allow=always")
    git(*allow, "submodule", "--quiet", "add", str(git.path.parent / "lib"), "vendor/lib")
    git("commit", "-q", "-m", "a submodule")


def test_a_submodule_is_refused_by_name_or_filled(user: RealGit, tmp_path: Path) -> None:
    add_submodule(user)
    bare = place(tmp_path, "")
    for verb in ("plan", "run"):
        told = orchestrate(tmp_path, verb, bare, code=2).err
        assert "vendor/lib" in told
        assert "workspace.copy" in told
    assert not (tmp_path / "reports").exists()
    filled = place(tmp_path, "copy: [vendor/lib]")
    orchestrate(tmp_path, "plan", filled)
    told = orchestrate(tmp_path, "run", filled, "--plain").out
    assert "a landed" in told
    orchestrate(tmp_path, "plan", place(tmp_path, 'unfilled: ["vendor/*"]'))
    user("submodule", "--quiet", "deinit", "-f", "vendor/lib")
    again = place(tmp_path, "copy: [vendor/lib]")
    assert "git submodule update" in orchestrate(tmp_path, "plan", again, code=2).err


def test_files_in_lfs_are_refused_by_name(user: RealGit, tmp_path: Path) -> None:
    user.commit({"data/big.bin": POINTER, "docs/pointer.txt": POINTER})
    orchestrate(tmp_path, "plan", place(tmp_path, ""))  # texts about LFS are not in LFS
    user.commit({"data/.gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    told = orchestrate(tmp_path, "plan", place(tmp_path, ""), code=2).err
    assert "data/big.bin" in told
    orchestrate(tmp_path, "plan", place(tmp_path, 'unfilled: ["data/**", "docs/*"]'))
