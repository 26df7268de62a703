"""`orchestrate merge-file` as git calls it, and `orchestrate merge`: real repositories, real
processes.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.helpers import orchestrate

BASE = """import json


class Basket:
    def add(self, item):
        self.items.append(item)
"""
ORCHESTRATE = str(Path(sys.executable).with_name("orchestrate"))


def git(repository: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=repository, check=check, capture_output=True, text=True
    )


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
        [ORCHESTRATE, "merge-file", "a.py", "b.py", "c.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no such file" in done.stderr


@pytest.fixture
def branches(repository: Path) -> Path:
    """Three branches of `main`, the last of which does not go with the second."""
    commit(repository, "count", BASE + "\n    def count(self):\n        return len(self.items)\n")
    commit(repository, "insert", BASE.replace("append(item)", "insert(0, item)"))
    commit(repository, "extend", BASE.replace("append(item)", "extend([item])"))
    git(repository, "checkout", "-q", "main")
    return repository


def test_merge_tells_people_what_merged_how(branches: Path) -> None:
    clean = orchestrate(branches, "merge", "main", "count", "insert", code=0)
    assert "✔ count " in clean.out
    assert "Nothing was written: --into BRANCH keeps it." in clean.out
    told = orchestrate(branches, "merge", "main", "count", "insert", "extend", code=1)
    assert "✘ extend" in told.out
    assert "basket.py::Basket.add" in told.out
    assert "both insert and extend" in told.out
    assert (
        ", without extend. Nothing was written: --into BRANCH --partial keeps what merges."
        in told.out
    )
    assert git(branches, "status", "--porcelain").stdout == ""


def test_merge_keeps_the_result_where_it_is_asked_to(
    branches: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    told = orchestrate(
        elsewhere, "merge", "-C", branches, "main", "count", "insert", "--into", "both", code=0
    )
    assert "both is now " in told.out
    assert "def count" in git(branches, "show", "both:basket.py").stdout
    assert (branches / "basket.py").read_text() == BASE
    assert list(elsewhere.iterdir()) == []
    told = orchestrate(
        branches, "merge", "main", "insert", "extend", "--into", "part", "--partial", code=1
    )
    assert "part is now " in told.out
    assert ", without extend" in told.out


def test_merge_tells_machines(branches: Path) -> None:
    found = orchestrate(branches, "merge", "main", "insert", "extend", "--json", code=1).json
    assert (found["format"], found["version"], found["is_clean"]) == ("orchestrate/merge", 1, False)
    assert [side["fate"] for side in found["sides"]] == ["merged", "conflicted"]
    [conflict] = found["conflicts"]
    assert (conflict["path"], conflict["symbol"], conflict["side"]) == (
        "basket.py",
        "Basket.add",
        "extend",
    )
    assert (conflict["others"], conflict["kind"]) == (["insert"], "content")
    kept = orchestrate(
        branches, "merge", "main", "count", "insert", "--into", "both", "--json"
    ).json
    assert kept["branch"] == {"name": "both", "before": None}
    assert kept["commit"] == git(branches, "rev-parse", "both").stdout.strip()
    assert kept["tree"] == git(branches, "rev-parse", "both^{tree}").stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["main", "count", "insrt"], "Did you mean insert?"),
        (["main"], "Missing argument"),
        (["main", "count", "insert", "--partial"], "Give --into BRANCH with it"),
        (["main", "count", "insert", "--into", "main"], "main is checked out"),
        (["main", "count", "insert", "-C", "nowhere"], "there is no such folder"),
    ],
)
def test_merge_refuses_what_cannot_be_asked(
    branches: Path, arguments: list[str], said: str
) -> None:
    before = git(branches, "for-each-ref").stdout
    assert said in orchestrate(branches, "merge", *arguments, code=2).err
    assert git(branches, "for-each-ref").stdout == before


def test_merge_outside_of_a_repository(tmp_path: Path) -> None:
    assert (
        "this is not a git repository"
        in orchestrate(tmp_path, "merge", "main", "a", "b", code=2).err
    )
