"""The checkout around a run: it decides nothing, it is not reached, and it does not see the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, Git, environment, make_repository

pytestmark = pytest.mark.integration

WRONG = (
    "git reset --hard HEAD~1",
    "git add -A && git commit -qam wrong",
    "git stash -u",
    "git checkout -q -f HEAD~1",
    "git checkout -- .",
    "git clean -xffd",
    "git config user.name Wrong",
    "git gc -q --prune=now",
    "git branch -f main HEAD~1",
    "git tag wrong",
    "git update-ref refs/heads/main HEAD~1",
    "git rm -rq --cached .",
    "git switch -q -c wrong",
    "git worktree add ../wrong",
    "git remote add wrong ../x",
    "git -C .. reset -q --hard HEAD~1",
    "git -C ../.. reset -q --hard HEAD~1",
    "cd ../.. && git stash -u",
    'cd "$HOME" && git commit -q --allow-empty -m wrong',
    'cd "$TMPDIR" && mkdir -p a/b && cd a/b && git clean -xffd && git reset --hard HEAD~1',
)
FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "tests/test_calc.py": "from calc import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n",
    "tests/test_git.py": """\
import subprocess


def test_commits_in_a_temporary_folder(tmp_path):
    (tmp_path / "x").write_text("")
    for line in ("git add -A", "git commit -qam wrong", "git stash -u", "git reset --hard HEAD~1"):
        assert subprocess.run(line.split(), cwd=tmp_path).returncode != 0, line
""",
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "many/.gitkeep": "",
}
AGENT = """\
rm -rf .git
( {wrong} ) && echo "exit 0: {quoted}" >> "{ledger}"
echo "$GIT_CEILING_DIRECTORIES" > many/{name}
{more}
"""


@pytest.fixture
def project(tmp_path: Path) -> Git:
    """A person's checkout with a history, staged, changed and stray files; a root inside of it."""
    git = make_repository(tmp_path / "project", FILES)
    git("commit", "-q", "--allow-empty", "-m", "second")
    (git.path / "staged.txt").write_text("staged\n")
    git("add", "staged.txt")
    (git.path / "calc.py").write_text(FILES["calc.py"] + "# mine\n")
    (git.path / "stray.txt").write_text("stray\n")
    return git


def seen(git: Git) -> dict[str, object]:
    """All that a person has there."""
    files = {
        path.relative_to(git.path): path.read_bytes()
        for path in git.path.rglob("*")
        if path.is_file() and path.relative_to(git.path).parts[0] in {"tests", "many", "calc.py"}
    }
    dot_git = git.path / ".git"
    return {
        "files": files | {n: (git.path / n).read_bytes() for n in ("staged.txt", "stray.txt")},
        "index": (dot_git / "index").read_bytes(),
        "HEAD": (dot_git / "HEAD").read_bytes(),
        "config": (dot_git / "config").read_bytes(),
        "refs": [ref for ref in git.refs() if not ref.startswith("refs/orchestrate/")],
        "stash": git("stash", "list"),
        "status": git("status", "--porcelain"),
        "reflog": git("reflog"),
    }


def mission(folder: Path, agents: dict[str, str]) -> Path:
    """Agents by id, each with its script; the gate runs the project's tests."""
    lines = [
        "version: 1",
        "name: around",
        "objective: o",
        "repository: {path: .}",
        'backends: {w: {command: [sh, "{mission_dir}/.agents/{agent}.sh"], brief: none}}',
        "defaults: {isolation: worktree, backend: w, timeout: 60s, attempts: 1}",
        "gates: {t: {checks: [{pytest: tests}]}}",
        "batches:",
        "  - id: b",
        "    gate: t",
        "    agents:",
        *(
            f'      - {{id: {name}, name: {name}, mission: do, files: ["{files}"]}}'
            for name, files in ((n, "calc.py" if n == "fix" else f"many/{n}") for n in agents)
        ),
    ]
    scripts = folder / ".agents"
    scripts.mkdir()
    for name, script in agents.items():
        (scripts / f"{name}.sh").write_text(script)
    (folder / "mission.yaml").write_text("\n".join(lines) + "\n")
    return folder / "mission.yaml"


def test_git_of_the_wrong_kind_does_not_reach_the_checkout(project: Git, tmp_path: Path) -> None:
    """Agents without a `.git` of their own, and a test of the project that uses git."""
    ledger = tmp_path / "ledger"
    agents = {
        f"a{number}": AGENT.format(
            wrong=wrong,
            quoted=wrong.replace('"', "'").replace("$", ""),
            ledger=ledger,
            name=f"a{number}",
            more="",
        )
        for number, wrong in enumerate(WRONG)
    }
    fix = "sed -i 's/a - b/a + b/' calc.py\n"
    path = mission(project.path, {**agents, "fix": fix})
    with (project.path / ".git/info/exclude").open("a") as file:
        file.write("mission.yaml\n.agents\n")
    before = seen(project)
    bench = Bench(project.path / "inside", project.path.parent / "output")
    told = bench.run("run", "--plain", path)
    assert seen(project) == before
    assert not ledger.exists(), f"found a repository:\n{ledger.read_text()}"
    assert "2 of 2 tests passed" in told
    project.fsck()


def test_uncommitted_settings_around_the_run_have_no_part_in_a_verdict(project: Git) -> None:
    """Nor has anything above a tree that has no settings of its own."""
    project("rm", "-q", "--cached", "pytest.ini")
    (project.path / "conftest.py").write_text("import sys\nsys.path.insert(0, '.')\n")
    project("add", "conftest.py")
    project("commit", "-q", "-m", "no settings")
    (project.path / "pytest.ini").write_text("[pytest]\naddopts = -k git\n")
    bench = Bench(project.path / "inside", project.path.parent / "output")
    path = mission(
        project.path, {"worse": "echo '# nothing' > many/worse\n", "fix": "echo >> calc.py\n"}
    )
    told = bench.run("run", "--plain", path, code=None)
    assert "1 of 2 tests passed" in told, told


def test_what_tools_follow_into_workspaces_is_nothing(project: Git) -> None:
    """Neither pytest, which stops at the folder, nor tools that follow links but pass by folders
    with a dot (mypy, TypeScript, ESLint), nor those that respect `.gitignore`.
    """
    project("commit", "-qam", "all of mine")
    path = mission(project.path, {"fix": "sed -i 's/a - b/a + b/' calc.py\n"})
    bench = Bench(project.path)
    bench.run("run", "--plain", path)
    trees = project.path / "workspaces" / bench.run_id / ".trees"
    assert list(trees.rglob("test_calc.py")), "there would be something to find"
    assert not trees.resolve().is_relative_to(project.path)
    for program in (["pytest", "-q", "--collect-only", "-p", "no:cacheprovider"], ["unittest"]):
        done = subprocess.run(
            [sys.executable, "-m", *program],
            cwd=project.path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "workspaces" not in done.stdout + done.stderr
        assert "reports" not in done.stdout + done.stderr
    found = []
    for folder, folders, files in os.walk(project.path, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in files if name.endswith(".py")]
    assert sorted(path.name for path in found) == ["calc.py", "test_calc.py", "test_git.py"]
    assert "workspaces" not in project("status", "--porcelain")
    assert "reports" not in project("status", "--porcelain")
