"""How does the cost grow with agents, files, tests and the size of what is merged?

Makes repositories and missions in a temporary folder, measures each size beside what a person would
use instead, fits ``cost = a * size ** b`` and prints b; see README.md. Nothing here passes or fails
by time: only a run that did not land its work is an error.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestrator.structure.merge import merge_file

HERE = Path(__file__).resolve().parent
PARALLEL = 4
FOLDER = 100
"""Files of one folder."""
ENVIRONMENT = {
    **{
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "PYTEST_", "ORCHESTRATE_"))
    },
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class Cost:
    """Of a program and all that it waited for; `disk` is what it left, `peak` the largest process."""

    wall: float
    cpu: float
    peak_mib: float = 0.0
    disk_mib: float = 0.0


@dataclass
class Series:
    """One way of doing something, by its size."""

    what: str
    way: str
    costs: dict[int, Cost] = field(default_factory=dict)

    def growth(self, of: str = "cpu") -> float:
        """The exponent b of ``a * size ** b`` that fits best; not a number for fewer than two sizes."""
        points = [
            (math.log(size), math.log(max(getattr(cost, of), 1e-4)))
            for size, cost in self.costs.items()
        ]
        if len(points) < 2:
            return math.nan
        middle = [sum(axis) / len(points) for axis in zip(*points, strict=True)]
        over = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
        return float(over / sum((x - middle[0]) ** 2 for x, _ in points))


# -- what is generated


def path_of(number: int) -> str:
    return f"src/p{number // FOLDER}/m{number}.py"


def make_repository(folder: Path, files: int, tests: int = 0) -> Path:
    for number in range(files):
        path = folder / path_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n")
    if tests:
        (folder / "tests").mkdir()
        (folder / "tests/test_many.py").write_text(
            "import pytest\n\n\n"
            f"@pytest.mark.parametrize('number', range({tests}))\n"
            "def test_number(number):\n    assert number >= 0\n"
        )
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "base")
    return folder


def make_mission(folder: Path, repository: Path, agents: int, *, tests: bool = False) -> Path:
    """Each agent appends to a file of its own. JSON is YAML."""
    check = {"pytest": "tests"} if tests else {"command": ["true"], "name": "true"}
    mission = {
        "version": 1,
        "name": "scale",
        "objective": "Append a line to many files.",
        "repository": {"path": str(repository)},
        "backends": {
            "script": {"command": ["sh", str(HERE / "agent.sh"), "{agent}"], "brief": "none"}
        },
        "defaults": {"backend": "script", "parallel": PARALLEL, "isolation": "worktree"},
        "gates": {"gate": {"checks": [check]}},
        "batches": [
            {
                "id": "all",
                "gate": "gate",
                "agents": [
                    {"id": f"m{n}", "name": f"m{n}", "mission": "Append.", "files": [path_of(n)]}
                    for n in range(agents)
                ],
            }
        ],
    }
    path = folder / "mission.yaml"
    path.write_text(json.dumps(mission))
    return path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, env=ENVIRONMENT)


# -- what is measured


def timed(argv: Sequence[str], log: Path, cwd: Path | None = None, **env: str) -> Cost:
    """Run a program to its end; another exit code than 0 is an error."""
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**ENVIRONMENT, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{argv} exited with {process.returncode}:\n{log.read_text()[-4000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def disk_of(folder: Path) -> float:
    told = subprocess.run(["du", "-sk", str(folder)], check=True, capture_output=True, text=True)
    return int(told.stdout.split()[0]) / 1024


def program() -> str:
    found = shutil.which("orchestrate", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if found is None:
        raise SystemExit("orchestrate is not installed here: pip install -e .")
    return found


def run(folder: Path, mission: Path) -> Cost:
    """A whole run; its files are below `folder`."""
    root = folder / "run"
    root.mkdir()
    cost = timed(
        [program(), "run", "--plain", "--root", str(root), str(mission)],
        folder / "run.log",
        ORCHESTRATE_CACHE=str(root / "cache"),
    )
    return Cost(cost.wall, cost.cpu, cost.peak_mib, disk_of(root))


def plans(sizes: Sequence[int]) -> Iterator[Series]:
    ours = Series("agents planned", "orchestrate plan")
    for size in sizes:
        with fresh() as folder:
            mission = make_mission(folder, make_repository(folder / "repository", size), size)
            ours.costs[size] = timed([program(), "plan", str(mission)], folder / "log")
    yield ours


def agents(sizes: Sequence[int]) -> Iterator[Series]:
    """In a repository of one file an agent; the shell script does all but the proof."""
    ours, shell = Series("agents run", "orchestrate run"), Series("agents run", "shell")
    for size in sizes:
        with fresh() as folder:
            repository = make_repository(folder / "repository", size)
            ours.costs[size] = run(folder, make_mission(folder, repository, size))
        with fresh() as folder:
            repository = make_repository(folder / "repository", size)
            work = folder / "work"
            script = [str(HERE / name) for name in ("shell.sh", "agent.sh")]
            argv = ["sh", script[0], str(repository), str(work), script[1], str(size)]
            cost = timed([*argv, str(PARALLEL)], folder / "log")
            shell.costs[size] = Cost(cost.wall, cost.cpu, cost.peak_mib, disk_of(work))
    yield from (ours, shell)


def files(sizes: Sequence[int]) -> Iterator[Series]:
    """One agent that changes one file, beside a work tree that git makes."""
    ours, tree = Series("files", "orchestrate run"), Series("files", "git worktree add")
    for size in sizes:
        with fresh() as folder:
            repository = make_repository(folder / "repository", size)
            ours.costs[size] = run(folder, make_mission(folder, repository, 1))
            work = folder / "tree"
            add = ["git", "-C", str(repository), "worktree", "add", "--quiet", "--detach"]
            cost = timed([*add, str(work)], folder / "log")
            tree.costs[size] = Cost(cost.wall, cost.cpu, cost.peak_mib, disk_of(work))
    yield from (ours, tree)


def tests(sizes: Sequence[int]) -> Iterator[Series]:
    """One agent and a gate with this many tests, which are run on the base and on the candidate."""
    ours, plain = Series("tests", "orchestrate run"), Series("tests", "pytest, once")
    for size in sizes:
        with fresh() as folder:
            repository = make_repository(folder / "repository", 10, size)
            ours.costs[size] = run(folder, make_mission(folder, repository, 1, tests=True))
            argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
            plain.costs[size] = timed(argv, folder / "log", repository)
    yield from (ours, plain)


def merges(sizes: Sequence[int]) -> Iterator[Series]:
    """Files of so many functions or keys; both sides add one of their own at one point, and of the
    functions both change each.
    """
    for ending, text in SIDES.items():
        ours = Series("functions or keys merged", ending)
        for size in sizes:
            sides = [each.encode() for each in text(size)]
            started, cpu = time.perf_counter(), time.process_time()
            result = merge_file(f"a.{ending}", *sides)
            ours.costs[size] = Cost(time.perf_counter() - started, time.process_time() - cpu)
            if result.content is None:
                raise SystemExit(f"{size} of {ending} were not merged: {result.conflicts[:1]}")
        yield ours


def functions(count: int) -> tuple[str, str, str]:
    base = "".join(
        f"def f{n}(x):\n    a = x + {n}\n    k = 1\n    return a * 2\n\n\n" for n in range(count)
    )
    return (
        base,
        base.replace("a = x", "a = 1 + x") + "def one():\n    return 1\n",
        base.replace("a * 2", "a * 3") + "def other():\n    return 1\n",
    )


def keys(entry: str, end: str) -> Callable[[int], tuple[str, str, str]]:
    def sides(count: int) -> tuple[str, str, str]:
        base = "".join(entry.format(n) for n in range(count))
        return base, base + end.format("left"), base + end.format("right")

    return sides


def members(count: int) -> tuple[str, str, str]:
    entries = {f"key{n}": {"name": f"n{n}", "n": n} for n in range(count)}
    more: list[dict[str, int]] = [{}, {"left": 1}, {"right": 1}]
    base, left, right = (json.dumps({**entries, **each}, indent=2) + "\n" for each in more)
    return base, left, right


SIDES = {
    "py": functions,
    "json": members,
    "yaml": keys("key{0}:\n  name: n{0}\n  n: {0}\n", "{0}: 1\n"),
    "toml": keys("[key{0}]\nname = 'n{0}'\nn = {0}\n\n", "[{0}]\nn = 1\n"),
}
AXES: dict[str, tuple[Callable[[Sequence[int]], Iterator[Series]], tuple[int, ...]]] = {
    "plans": (plans, (100, 300, 1_000, 2_000)),
    "agents": (agents, (100, 300, 1_000, 2_000)),
    "files": (files, (1_000, 10_000, 57_000, 100_000, 300_000)),
    "tests": (tests, (10, 100, 1_000, 5_000, 20_000)),
    "merges": (merges, (200, 800, 3_200)),
}


class fresh:  # noqa: N801 - reads as what it is for
    """A temporary folder; its objects are removed with it."""

    def __enter__(self) -> Path:
        self._folder = tempfile.mkdtemp(prefix="orchestrate-scale-")
        return Path(self._folder)

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


# -- what is told


def show(series: Series) -> None:
    print(f"\n{series.what}: {series.way}")
    print(f"{'size':>9} {'wall s':>9} {'CPU s':>9} {'ms each':>9} {'MiB':>7} {'disk MiB':>9}")
    for size, cost in series.costs.items():
        each = 1000 * cost.cpu / size
        print(
            f"{size:9,} {cost.wall:9.2f} {cost.cpu:9.2f} {each:9.3f} {cost.peak_mib:7.0f} "
            f"{cost.disk_mib:9.1f}"
        )
    print(f"grows with size ** {series.growth():.2f} (CPU), ** {series.growth('wall'):.2f} (wall)")


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    version = subprocess.run(["git", "version"], check=True, capture_output=True, text=True)
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "python": platform.python_version(),
        "git": version.stdout.split()[2],
        "load_before": [round(each, 2) for each in os.getloadavg()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=AXES, nargs="+", default=list(AXES))
    parser.add_argument("--most", type=int, default=10**9, help="no size beyond this one")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    asked = parser.parse_args()
    facts = machine()
    found: list[dict[str, object]] = []
    for name in asked.only:
        measure, sizes = AXES[name]
        for series in measure([size for size in sizes if size <= asked.most]):
            show(series)
            found.append({**asdict(series), "growth_of_cpu": round(series.growth(), 2)})
            told = {"machine": facts, "series": found}
            asked.output.write_text(json.dumps(told, indent=1) + "\n")  # hours may follow


if __name__ == "__main__":
    main()
