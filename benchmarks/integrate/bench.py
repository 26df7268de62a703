"""How long does it take to put many agents' work together, beside git's own ways, and beside
writing it down?

Two tables, see README.md: 512 agents on 2,000 files against `git merge` one by one, `git
merge-tree` one by one and one octopus merge; and disjoint agents by number and by size of the
repository, against the bare cost of writing the same objects. Nothing passes or fails by time; a
tree that differs from git's is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scenario import ENVIRONMENT, WHEN, Scenario, copy, git, make_repository

from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.merging.contribution import Contribution
from orchestrator.merging.integrate import integrate

HERE = Path(__file__).resolve().parent
BESIDE_GIT = Scenario(agents=512, files=2_000, editors=51)
BY_AGENTS = [Scenario(agents, 2_000) for agents in (64, 128, 256, 512, 1_024)]
BY_FILES = [Scenario(512, files) for files in (2_000, 5_000, 10_000, 20_000)]

# -- the ways; each leaves a commit and says which tree it has, or None where it cannot


def by_orchestrate(
    repository: Path, scenario: Scenario, *, knows: bool = False
) -> tuple[float, str | None]:
    """A run's store is there when its batch is merged; all else is timed, with a new `cat-file`
    process.

    `knows`: the store is as the captures of its run leave it: it has been told what each commit
    changed, and its `cat-file` process has read the folders that they changed.
    """
    source = Repository.discover(repository)
    base = source.resolve("main")
    commits = {name: oid for oid, name in _refs(repository)}
    path = repository.with_name("store.git")
    Store.create(path, source, base, "bench").close()
    for folder in (repository / ".git" / "objects").glob(
        "[0-9a-f][0-9a-f]"
    ):  # where captures leave their commits
        shutil.copytree(folder, path / "objects" / folder.name, dirs_exist_ok=True)
    store = Store.open(path, "bench")
    works = [Contribution(name, base, commits[name]) for name in scenario.names]
    if knows:
        store.differences.of_all([(work.base, work.commit) for work in works])
        tree = store.tree_of(base)
        for work in works:  # as a capture does
            changed = store.changes(work.base, work.commit)
            store.writer().splice(tree, {path: change.new for path, change in changed.items()})
    os.sync()
    started = time.perf_counter()
    found = integrate(store, base, works, message="bench\n", when=WHEN)
    seconds = time.perf_counter() - started
    store.close()
    if found.conflicts or len(found.merged) != scenario.agents:
        raise SystemExit(f"not everything merged: {found.conflicts[:3]}")
    return seconds, found.tree


def by_merge(repository: Path, scenario: Scenario) -> tuple[float, str | None]:
    seconds = in_shell(
        repository, scenario, 'git merge --quiet --no-edit --no-stat --no-ff "$name"'
    )
    return seconds, git(repository, "rev-parse", "HEAD^{tree}")


def by_merge_tree(repository: Path, scenario: Scenario) -> tuple[float, str | None]:
    each = (
        'tree=$(git merge-tree --write-tree --no-messages "$head" "$name") && '
        'head=$(git commit-tree -p "$head" -p "$name" -m "$name" "$tree")'
    )
    seconds = in_shell(repository, scenario, each, last='git update-ref refs/heads/result "$head"')
    return seconds, git(repository, "rev-parse", "result^{tree}")


def in_shell(repository: Path, scenario: Scenario, each: str, last: str = ":") -> float:
    """Seconds for a loop over the agents in a shell, which starts processes quicker than Python
    does.
    """
    script = f"head=main\nwhile read -r name; do {each} || exit 1; done\n{last}\n"
    started = time.perf_counter()
    subprocess.run(
        ["sh", "-c", script],
        cwd=repository,
        env=ENVIRONMENT,
        input="".join(f"{name}\n" for name in scenario.names).encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def by_octopus(repository: Path, scenario: Scenario) -> tuple[float, str | None]:
    command = ["git", "merge", "--quiet", "--no-edit", "--no-stat", *scenario.names]
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=repository, env=ENVIRONMENT, capture_output=True, check=False
    )
    seconds = time.perf_counter() - started
    return seconds, git(repository, "rev-parse", "HEAD^{tree}") if done.returncode == 0 else None


def by_writing(repository: Path, objects: bytes) -> float:
    """What git takes to write the very objects of a result as one pack, checked and synced as
    orchestrate's are.
    """
    scratch = repository.with_name("scratch.git")
    git(repository.parent, "init", "--quiet", "--bare", str(scratch))
    (scratch / "objects/info/alternates").write_text(f"{repository}/.git/objects\n")
    os.sync()
    started = time.perf_counter()
    git(
        scratch,
        "-c",
        "core.fsync=all",
        "-c",
        "core.fsyncMethod=batch",
        "index-pack",
        "--stdin",
        input=objects,
    )
    return time.perf_counter() - started


# -- what is measured


@dataclass
class Measured:
    """A scenario's figures, in seconds, a number a run."""

    scenario: Scenario
    seconds: dict[str, list[float]] = field(default_factory=dict)
    not_possible: list[str] = field(default_factory=list)
    objects: int = 0
    load: list[float] = field(default_factory=list)

    def median(self, way: str) -> float:
        return statistics.median(self.seconds[way])

    def document(self) -> dict[str, object]:
        scenario = self.scenario
        return {
            "agents": scenario.agents,
            "files": scenario.files,
            "editors_of_the_shared_file": scenario.editors,
            "objects_written": self.objects,
            "median_seconds": {way: round(self.median(way), 4) for way in self.seconds},
            "seconds": {
                way: [round(each, 4) for each in times] for way, times in self.seconds.items()
            },
            "not_possible": self.not_possible,
            "load": self.load,
        }


WAYS: dict[str, Callable[[Path, Scenario], tuple[float, str | None]]] = {
    "orchestrate": by_orchestrate,
    "git merge": by_merge,
    "git merge-tree": by_merge_tree,
    "octopus": by_octopus,
}


def beside_git(scenario: Scenario, runs: int, folder: Path) -> Measured:
    """All ways in turns, every second run the other way round; every result has to be the same
    tree.
    """
    template = folder / "template"
    make_repository(template, scenario)
    measured = Measured(scenario)
    by_orchestrate(copy(template, folder / "warm/repository"), scenario)
    trees: set[str] = set()
    for run in range(runs):
        measured.load.append(round(os.getloadavg()[0], 2))
        for way in [*WAYS] if run % 2 == 0 else [*WAYS][::-1]:
            if way in measured.not_possible:
                continue
            place = folder / f"{run}" / way.replace(" ", "-")
            seconds, tree = WAYS[way](copy(template, place / "repository"), scenario)
            if way == "orchestrate":
                measured.objects = len(_new_objects(place / "store.git", tree or ""))
            shutil.rmtree(place)
            say(
                f"{scenario.agents} agents, {scenario.files} files, run {run + 1} of {runs}: {way} {seconds:.3f} s"
            )
            if tree is None:
                measured.not_possible.append(way)
                continue
            measured.seconds.setdefault(way, []).append(seconds)
            trees.add(tree)
            if len(trees) > 1:
                raise SystemExit(f"{way} made another tree")
    return measured


def beside_writing(scenario: Scenario, runs: int, folder: Path) -> Measured:
    """Integration, and the writing of what it wrote by git alone, in turns."""
    template = folder / "template"
    make_repository(template, scenario)
    measured = Measured(scenario)
    for run in range(runs + 1):
        place = folder / f"{run}"
        repository = copy(template, place / "repository")
        seconds, tree = by_orchestrate(repository, scenario)
        shutil.rmtree(place / "store.git")
        in_a_run, _ = by_orchestrate(repository, scenario, knows=True)
        objects = _new_objects(place / "store.git", tree or "")
        pack = subprocess.run(
            ["git", "pack-objects", "--stdout", "--quiet"],
            cwd=place / "store.git",
            env=ENVIRONMENT,
            input="\n".join(objects).encode(),
            capture_output=True,
            check=True,
        ).stdout
        writing = by_writing(repository, pack)
        shutil.rmtree(place)
        if run:  # the first warms up
            measured.objects = len(objects)
            measured.load.append(round(os.getloadavg()[0], 2))
            measured.seconds.setdefault("orchestrate", []).append(seconds)
            measured.seconds.setdefault("orchestrate, in a run", []).append(in_a_run)
            measured.seconds.setdefault("writing", []).append(writing)
    say(
        f"{scenario.agents} agents, {scenario.files} files: {measured.median('orchestrate'):.3f} s, "
        f"writing {measured.median('writing'):.3f} s"
    )
    return measured


def _new_objects(store: Path, tree: str) -> list[str]:
    """What the store has that it does not borrow."""
    listed = git(
        store, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered"
    ).splitlines()
    borrowed = Path((store / "objects/info/alternates").read_text().strip()).parent
    theirs = set(
        git(borrowed, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").splitlines()
    )
    own = [oid for oid in listed if oid not in theirs]
    assert tree in own
    return own


def _refs(repository: Path) -> list[tuple[str, str]]:
    lines = git(
        repository, "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads/"
    ).splitlines()
    return [(oid, name) for oid, _, name in (line.partition(" ") for line in lines)]


# -- what is told


def table_beside_git(measured: Measured) -> list[str]:
    ours = measured.median("orchestrate")
    rows = ["| way | median | beside orchestrate |", "|---|--:|--:|"]
    rows += [
        f"| {way} | {measured.median(way):.3f} s | {measured.median(way) / ours:.1f} × |"
        for way in measured.seconds
    ]
    return rows + [f"| {way} | not possible | – |" for way in measured.not_possible]


def table_beside_writing(all_measured: Sequence[Measured]) -> list[str]:
    rows = [
        "| agents | files | objects written | orchestrate | in a run | git writes the same |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for each in all_measured:
        ways = (f"{each.median(way) * 1000:.0f} ms" for way in each.seconds)
        rows.append(
            f"| {each.scenario.agents:,} | {each.scenario.files:,} | {each.objects:,} | {' | '.join(ways)} |"
        )
    return rows


def machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "git": subprocess.check_output(["git", "--version"], text=True).split()[2],
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runs", type=int, default=3, help="runs of each way beside git (default 3)"
    )
    parser.add_argument(
        "--scale-runs", type=int, default=5, help="runs of each size beside writing (default 5)"
    )
    parser.add_argument("--only", choices=["git", "scale"], help="one of the two tables")
    parser.add_argument(
        "--output", type=Path, default=HERE / "results.json", help="where the results are written"
    )
    options = parser.parse_args()
    if min(options.runs, options.scale_runs) < 1:
        parser.error("at least one run")
    document: dict[str, object] = {"machine": machine()}
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="integrate-") as temporary:
        if options.only != "scale":
            measured = beside_git(BESIDE_GIT, options.runs, Path(temporary, "git"))
            document["beside_git"] = measured.document()
            told += [*table_beside_git(measured), ""]
        if options.only != "git":
            scales = [
                beside_writing(scenario, options.scale_runs, Path(temporary, f"scale-{number}"))
                for number, scenario in enumerate([*BY_AGENTS, *BY_FILES[1:]])
            ]
            document["beside_writing"] = [each.document() for each in scales]
            told += table_beside_writing(scales)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    print("\n".join(told))


if __name__ == "__main__":
    main()
