"""`orchestrate merge-file` as git calls it: a real repository, a real merge, a driver in its configuration."""

import subprocess
import sys
from pathlib import Path

import pytest

BASE = """import json


class Basket:
    def add(self, item):
        self.items.append(item)
"""
ORCHESTRATE = str(Path(sys.executable).with_name("orchestrate"))


def git(repository: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    return subprocess.run(["git", *identity, *arguments], cwd=repository, check=check, capture_output=True, text=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "merge.orchestrate.driver", f"{ORCHESTRATE} merge-file %O %A %B %P")
    (tmp_path / ".gitattributes").write_text("*.py merge=orchestrate\n")
    (tmp_path / "basket.py").write_text(BASE)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "base")
    return tmp_path


def commit(repository: Path, branch: str, text: str) -> None:
    git(repository, "checkout", "-q", "-B", branch, "main")
    (repository / "basket.py").write_text(text)
    git(repository, "commit", "-qam", branch)


def test_two_methods_at_one_place_are_both_kept(repository: Path) -> None:
    commit(repository, "left", BASE + "\n    def count(self):\n        return len(self.items)\n")
    commit(repository, "right", BASE + "\n    def clear(self):\n        self.items.clear()\n")
    merged = git(repository, "merge", "--no-edit", "left")
    assert merged.returncode == 0
    text = (repository / "basket.py").read_text()
    assert "def count" in text
    assert "def clear" in text
    compile(text, "basket.py", "exec")


def test_one_method_changed_twice_is_a_conflict_that_is_named(repository: Path) -> None:
    commit(repository, "left", BASE.replace("append(item)", "insert(0, item)"))
    commit(repository, "right", BASE.replace("append(item)", "extend([item])"))
    merged = git(repository, "merge", "--no-edit", "left", check=False)
    assert merged.returncode == 1
    assert "Basket.add" in merged.stderr + merged.stdout
    assert "<<<<<<<" in (repository / "basket.py").read_text()


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [ORCHESTRATE, "merge-file", "a.py", "b.py", "c.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no such file" in done.stderr
