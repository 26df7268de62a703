"""How many runs, and how long, until it is known who turned a batch red and all others are proven?

Three ways on the same batches, in turns: orchestrate's search; a merge queue that takes agents one
by one; a merge queue that halves a red batch again and again, remembering nothing. All three build
candidates with the same merger and run tests with the same judge, each with evidence of its own;
what differs is what they run. See README.md.
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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import anyio

from orchestrator.gates.blame.culprits import Complaint, find_culprits
from orchestrator.gates.blame.symptoms import Shown, complaints, is_shown, part_for, was_repeated
from orchestrator.gates.judge import Judge
from orchestrator.gates.subject import Subject
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
from orchestrator.journal.facts import Symptom, Verdict
from orchestrator.merging.contribution import Contribution
from orchestrator.merging.integrate import integrate
from orchestrator.mission.model import PytestCheck

HERE = Path(__file__).resolve().parent
OTHER_TESTS = 200
OTHER_SECONDS = 0.005
"""Each of the tests that have nothing to do with the culprit takes so long: a gate of about one
second and a half.
"""
TESTS = f"""\
import time
from pathlib import Path

import pytest

VALUES = {{path.stem: path.read_text().strip() for path in Path("parts").glob("*.dat")}}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_part(name):
    assert VALUES[name] != "bad"


def test_no_two_are_odd():
    assert list(VALUES.values()).count("odd") < 2


@pytest.mark.parametrize("number", range({OTHER_TESTS}))
def test_other(number):
    time.sleep({OTHER_SECONDS})
"""


@dataclass(frozen=True)
class Case:
    """A batch of `agents`, of whom some write another word than the others into their part."""

    name: str
    agents: int
    words: dict[str, str]
    culprits: frozenset[str]
    """Who has to be found out: the others are landed at the end."""


def at(n: int, part: float) -> str:
    return f"a{int(n * part):03}"


def cases(sizes: Sequence[int]) -> list[Case]:
    made = []
    for n in sizes:
        for part in (0.1, 0.66) if n < 100 else (0.66,):
            one = at(n, part)
            made.append(Case(f"{n} agents, culprit {one}", n, {one: "bad"}, frozenset({one})))
        if n == 20:
            two = {at(n, 0.3): "bad", at(n, 0.8): "bad"}
            made.append(Case(f"{n} agents, 2 culprits", n, two, frozenset(two)))
            pair = {at(n, 0.3): "odd", at(n, 0.8): "odd"}
            made.append(Case(f"{n} agents, a pair", n, pair, frozenset({max(pair)})))
    return made


@dataclass
class Batch:
    """The commits of one case, and a fresh judge that counts what it has to run."""

    folder: Path
    case: Case
    store: Store
    judge: Judge
    tip: str
    works: dict[str, Contribution]
    runs: int = 0
    reruns: int = 0
    """Of single tests, by which the judge tells flaky from red."""
    subject: Subject = field(
        default_factory=lambda: Subject(checks=(PytestCheck(pytest=("tests",), name="unit"),))
    )

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(self.works)

    async def candidate(self, agents: Sequence[str]) -> str:
        works = [self.works[agent] for agent in agents]
        merged = await anyio.to_thread.run_sync(
            lambda: integrate(
                self.store, self.tip, works, message="candidate\n", when=1_750_000_000
            )
        )
        assert not merged.conflicts
        return merged.commit or self.tip

    async def gate(self, agents: Sequence[str], *, may_rerun: bool = False) -> Verdict:
        """The whole gate on the work of some. A queue takes red for red; orchestrate runs a red
        test again.
        """
        commit = await self.candidate(agents)
        verdict = await self.judge.judge(
            self.subject, candidate=commit, base=self.tip, may_rerun=may_rerun
        )
        self.runs += not verdict.cached
        self.reruns += sum(check.reruns for check in verdict.checks)
        return verdict


async def searched(batch: Batch) -> set[str]:
    """orchestrate's way, as `engine.culprits` does it."""
    red = await batch.gate(batch.agents, may_rerun=True)
    symptoms: list[Symptom] = []

    async def wrong(verdict: Verdict, agents: Sequence[str]) -> Sequence[Complaint[Symptom]]:
        if verdict.is_passed:
            return ()
        here = await batch.judge.look(batch.subject, "unit", commit=verdict.commit, base=batch.tip)
        start = await batch.judge.look(batch.subject, "unit", commit=batch.tip, base=batch.tip)
        shown, before = Shown(here.result, here.seen), Shown(start.result, start.seen)
        found = complaints(batch.subject, "unit", shown, start.seen, before, agents)
        symptoms[:] = [each.symptom for each in found]
        return found

    async def probe(agents: tuple[str, ...], again: bool) -> frozenset[Symptom]:  # noqa: FBT001  (as `Probe` says)
        commit, asked = await batch.candidate(agents), tuple(symptoms)
        if again:
            whole = await batch.judge.look(batch.subject, "unit", commit=commit, base=batch.tip)
            if all(was_repeated(symptom, whole.seen) for symptom in asked):
                return frozenset(asked)
        part = part_for(batch.subject, "unit", asked)
        look = await batch.judge.look(
            batch.subject, "unit", commit=commit, base=batch.tip, part=part, is_afresh=again
        )
        batch.runs += look.ran
        return frozenset(
            symptom for symptom in asked if is_shown(symptom, Shown(look.result, look.seen))
        )

    async def confirm(agents: tuple[str, ...]) -> Sequence[Complaint[Symptom]]:
        return await wrong(await batch.gate(agents, may_rerun=True), agents)

    first = await wrong(red, batch.agents)
    found = await find_culprits(batch.agents, first, probe, confirm, parallel=2)
    assert not found.remaining
    return set(batch.agents) - set(found.left)


async def one_by_one(batch: Batch) -> set[str]:
    """A queue: each agent on top of those that have passed; whoever turns it red is thrown out."""
    passed: list[str] = []
    for agent in batch.agents:
        if (await batch.gate([*passed, agent])).is_passed:
            passed.append(agent)
    return set(batch.agents) - set(passed)


async def halving(batch: Batch) -> set[str]:
    """A queue of batches: one that is red is split in two, and each half is a batch of its own, one
    after another.
    """
    passed: list[str] = []
    out: set[str] = set()
    waiting = [batch.agents]
    while waiting:
        part = waiting.pop(0)
        if (await batch.gate([*passed, *part])).is_passed:
            passed += part
        elif len(part) == 1:
            out.update(part)
        else:
            waiting[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]
    return out


WAYS: dict[str, Callable[[Batch], Awaitable[set[str]]]] = {
    "orchestrate": searched,
    "halving": halving,
    "one by one": one_by_one,
}


def git(folder: Path, *arguments: str) -> str:
    identity = (
        "-c",
        "user.name=bench",
        "-c",
        "user.email=bench@localhost",
        "-c",
        "commit.gpgsign=false",
    )
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commits(folder: Path, case: Case) -> tuple[str, dict[str, str]]:
    """A repository with the case's base, and a commit of each agent's work on it."""
    parts = folder / "parts"
    parts.mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "tests" / "test_parts.py").write_text(TESTS)
    names = [f"a{number:03}" for number in range(case.agents)]
    for name in names:
        (parts / f"{name}.dat").write_text("begun\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "base")
    base = git(folder, "rev-parse", "HEAD")
    made = {}
    for name in names:
        git(folder, "checkout", "--quiet", "--detach", base)
        (parts / f"{name}.dat").write_text(case.words.get(name, "done") + "\n")
        git(folder, "commit", "--quiet", "--all", "--message", name)
        made[name] = git(folder, "rev-parse", "HEAD")
        git(folder, "branch", "--force", name)
    git(folder, "checkout", "--quiet", "main")
    return base, made


def carry_out(
    case: Case, way: str, folder: Path, base: str, made: dict[str, str]
) -> tuple[int, int, float]:
    """One way on one case, with nothing known but the baseline: runs, reruns of single tests,
    seconds.
    """
    place = Path(tempfile.mkdtemp(prefix=f"{way.replace(' ', '-')}-", dir=folder))
    repository = Repository.discover(folder / "source")
    store = Store.create(place / "run" / "store.git", repository, base, "bench")
    judge = Judge(
        checkouts=Workspaces(store, place / "run"),
        commits=store,
        reports=place / "reports",
        home=place / "homes",
        tag=f"bench-{place.name}",
        parallel=2,
    )
    works = {name: Contribution(name, base, commit) for name, commit in made.items()}
    batch = Batch(place, case, store, judge, base, works)

    async def go() -> float:
        try:
            await judge.baseline(batch.subject, base)
            started = time.perf_counter()
            found = await WAYS[way](batch)
            took = time.perf_counter() - started
            assert found == case.culprits, f"{way} on {case.name}: {sorted(found)}"
            return took
        finally:
            await judge.aclose()

    took = anyio.run(go)
    store.close()
    return batch.runs, batch.reruns, took


def measure(case: Case, times: int) -> dict[str, object]:
    runs: dict[str, int] = {}
    reruns: dict[str, int] = {}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="culprit-") as name:
        folder = Path(name)
        base, made = commits(folder / "source", case)
        for turn in range(times):
            for way in list(WAYS) if turn % 2 == 0 else reversed(WAYS):
                runs[way], reruns[way], took = carry_out(case, way, folder, base, made)
                seconds[way].append(round(took, 3))
                print(f"{case.name}: {way}: {runs[way]} runs, {took:.1f} s", file=sys.stderr)
    return {
        "case": case.name,
        "agents": case.agents,
        "runs": runs,
        "reruns": reruns,
        "seconds": seconds,
    }


def table(results: Sequence[dict[str, object]]) -> str:
    lines = [
        "| batch | " + " | ".join(f"{way}: runs, time" for way in WAYS) + " |",
        "|---|" + "---|" * len(WAYS),
    ]
    for result in results:
        runs, reruns, seconds = result["runs"], result["reruns"], result["seconds"]
        assert isinstance(reruns, dict)
        assert isinstance(runs, dict)
        assert isinstance(seconds, dict)
        ours = statistics.median(seconds["orchestrate"])
        cells = [f"{runs['orchestrate']} + {reruns['orchestrate']}, 1"]
        for way in list(WAYS)[1:]:
            ratios = [
                other / own for other, own in zip(seconds[way], seconds["orchestrate"], strict=True)
            ]
            cells.append(f"{runs[way]}, {statistics.median(ratios):.1f}")
        lines.append(f"| {result['case']} ({ours:.1f} s) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument(
        "--times", type=int, default=3, help="how often each case is measured; batches of 100 once"
    )
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    results = [
        measure(case, options.times if case.agents < 100 else 1) for case in cases(options.sizes)
    ]
    machine = {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "pytest": metadata.version("pytest"),
        "load_before": round(load, 1),
    }
    options.output.write_text(json.dumps({"machine": machine, "results": results}, indent=2) + "\n")
    print(table(results))


if __name__ == "__main__":
    main()
