"""What a sandbox costs: the start of a program in one, and of an attempt, beside a plain work tree.

Everything is real: a repository of many files, its store, workspaces, and programs below keepers as
a run has them. Both sides run in turns. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anyio

from orchestrator.git.repository import Repository, alternates
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
from orchestrator.isolation.environment import clean_environment, temporary_of
from orchestrator.isolation.preflight import failed, probes, told
from orchestrator.isolation.processes import ProcessSpec, open_house, run_process
from orchestrator.isolation.sandbox import Box, find

HERE = Path(__file__).resolve().parent
PROGRAMS = {
    "true": ("true",),
    "python": (sys.executable, "-I", "-S", "-c", "pass"),
    "git status": ("git", "status", "--short"),
}
ATTEMPT = "a workspace and true"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=20)
    asked = parser.parse_args()
    if probe := failed():
        sys.exit(f"no sandbox here: {probe.name}: {probe.detail}\n  {probe.mend}")
    probes.cache_clear()
    started = time.perf_counter()
    probes()
    preflight = time.perf_counter() - started
    with tempfile.TemporaryDirectory(prefix="bench-isolation-") as folder:
        found = anyio.run(measure, Path(folder), asked.files, asked.runs)
    about = {
        "machine": platform.platform(terse=True),
        "sandbox": told(),
        "files": asked.files,
        "runs": asked.runs,
        "load": os.getloadavg()[0],
        "preflight": preflight,
    }
    (HERE / "results.json").write_text(json.dumps({**about, "seconds": found}, indent=1) + "\n")
    print(f"{about['sandbox']}, {asked.files} files, load {about['load']:.1f}")
    print(f"{'preflight':24}{preflight * 1000:10.1f} ms, once")
    for name, sides in found.items():
        plain, strict = (statistics.median(sides[side]) * 1000 for side in ("worktree", "strict"))
        print(f"{name:24}{plain:10.1f} ms {strict:10.1f} ms {strict - plain:+10.1f} ms")


async def measure(folder: Path, files: int, runs: int) -> dict[str, dict[str, list[float]]]:
    """Seconds of every run, by what was done and at which level."""
    repository = make_repository(folder / "user", files)
    commit = repository.resolve("HEAD")
    store = Store.create(folder / "store.git", repository, commit, "bench")
    sides = {
        "worktree": Workspaces(store, folder / "worktree"),
        "strict": Workspaces(store, folder / "strict", private=True),
    }
    open_house()
    seconds: dict[str, dict[str, list[float]]] = {
        name: {side: [] for side in sides} for name in (*PROGRAMS, ATTEMPT)
    }
    for side, workspaces in sides.items():
        workspaces.prepare(1, commit)  # as a run has them ready
        await attempt(side, workspaces, commit, store, folder)
    for _ in range(runs):
        for side, workspaces in sides.items():
            for name, argv in PROGRAMS.items():
                spec = spec_of(side, folder / side / "kept", store, argv, folder)
                if not spec.cwd.is_dir():
                    workspaces.provision("kept", commit)
                seconds[name][side].append(await timed(lambda spec=spec: run_process(spec)))
            seconds[ATTEMPT][side].append(await attempt(side, workspaces, commit, store, folder))
    store.close()
    return seconds


async def timed(what: Callable) -> float:
    started = time.perf_counter()
    await what()
    return time.perf_counter() - started


async def attempt(side, workspaces, commit, store, folder) -> float:
    """Seconds of what an attempt waits for: a workspace that is ready, and its program, which does
    nothing here. Cleaning it afterwards is nobody's wait.
    """
    started = time.perf_counter()
    workspace = workspaces.provision("attempt", commit)
    ended = await run_process(spec_of(side, workspace.path, store, PROGRAMS["true"], folder))
    seconds = time.perf_counter() - started
    assert ended.code == 0, ended
    workspaces.release(workspace)
    workspaces.freshen(commit)
    return seconds


def spec_of(side: str, workspace: Path, store: Store, argv, folder: Path) -> ProcessSpec:
    home = folder / f"home-{side}"
    env = clean_environment(home)
    box = Box(
        workspace=workspace,
        home=home,
        temporary=temporary_of(home),
        readable=tuple(alternates(store.path / "objects")),
        program=find(),
    )
    return ProcessSpec(
        argv=argv,
        cwd=workspace,
        env=env,
        timeout=60,
        log=folder / f"{side}.log",
        tag=side,
        box=box if side == "strict" else None,
    )


def make_repository(path: Path, files: int) -> Repository:
    for number in range(files):
        file = path / f"src/{number % 100:02}/{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"line {number}\n" * 20)
    name = ["-c", "user.name=b", "-c", "user.email=b@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], [*name, "commit", "-qm", "base"]):
        subprocess.run(["git", *arguments], cwd=path, check=True)
    return Repository.discover(path)


if __name__ == "__main__":
    main()
