"""How long does a run take beyond the work in it, beside a shell script that does the same?

Generates a repository of 1,000 files and a mission in a temporary folder, then carries the mission
out with orchestrate and with `baseline.sh`, in turns. Speed is told as ratios of what ran side by
side; see README.md. Nothing here passes or fails by time: only a run that did not bring all the
work together is an error.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import orchestrator.errors
from orchestrator.isolation.clean_python import CleanPython

HERE = Path(__file__).resolve().parent
FILES = 1000
BATCHES = 4
AGENTS = 5
SLEEP_SECONDS = 1.0
PARALLEL = 5
SAMPLE_SECONDS = 0.02

# Both sides and the plain gates get the same, so that nobody's own configuration of git or pytest
# takes part.
ENVIRONMENT = {
    **{
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "PYTEST_", "ORCHESTRATE_"))
    },
    "PYTHONDONTWRITEBYTECODE": "1",
    # As orchestrate's gates do. Otherwise the ideal would hold the start of whatever is installed
    # (hypothesis: most of a second a gate), and orchestrate would look better by as much.
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHON": sys.executable,
    "NO_COLOR": "1",
}
GIT_ENVIRONMENT = {
    **ENVIRONMENT,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
}
"""For plain git; orchestrate has an identity of its own and reads nobody's configuration."""


@dataclass(frozen=True)
class Case:
    """Batches of agents, one after another, each agent with `sleep` seconds of work and one
    edit.
    """

    name: str
    batches: tuple[tuple[str, ...], ...]
    sleep: float

    @property
    def agents(self) -> tuple[str, ...]:
        return tuple(agent for batch in self.batches for agent in batch)


@dataclass
class Measured:
    """One case's figures, a number a run; `gates` and `ideal` are measured in the same session."""

    case: str
    batches: int
    agents: int
    sleep_seconds: float
    gates: list[float] = field(default_factory=list)
    ideal: list[float] = field(default_factory=list)
    orchestrate: list[float] = field(default_factory=list)
    shell: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        over = {
            "orchestrate_over_ideal": [
                a / b for a, b in zip(self.orchestrate, self.ideal, strict=True)
            ],
            "shell_over_ideal": [a / b for a, b in zip(self.shell, self.ideal, strict=True)],
            "orchestrate_over_shell": [
                a / b for a, b in zip(self.orchestrate, self.shell, strict=True)
            ],
        }
        return {
            **{
                f"{name}_seconds": median(getattr(self, name))
                for name in ("gates", "ideal", "orchestrate", "shell")
            },
            **{name: median(ratios) for name, ratios in over.items()},
            "orchestrate_peak_mib": max(self.peak_mib),
        }


def fixed(batches: int = BATCHES, agents: int = AGENTS) -> Case:
    ids = [[f"m{batch * agents + n:03d}" for n in range(agents)] for batch in range(batches)]
    return Case(f"{batches} batches of {agents}", tuple(map(tuple, ids)), SLEEP_SECONDS)


def many(count: int) -> Case:
    return Case(f"{count} trivial agents", (tuple(f"m{n:03d}" for n in range(count)),), 0.0)


# -- what is generated


def module(agent: str) -> Path:
    return Path("src") / agent[:-2] / f"{agent}.py"


def make_repository(folder: Path, case: Case) -> None:
    """1,000 modules of some 1 KiB in ten folders, and for each batch a test file that is red until
    all have edited.
    """
    body = "".join(
        f"\n\ndef function_{n}(value):\n    return value + VALUE + {n}\n" for n in range(20)
    )
    for n in range(FILES - len(case.batches)):
        path = folder / module(f"m{n:03d}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Module {n}."""\n\nVALUE = 1\n{body}')
    (folder / "tests").mkdir()
    for number, agents in enumerate(case.batches, 1):
        (folder / tests_of(number)).write_text(
            "import pathlib\n\nimport pytest\n\n"
            f"FILES = {[str(module(agent)) for agent in agents]!r}\n\n\n"
            "def is_edited(file):\n    return 'VALUE = 2\\n' in pathlib.Path(file).read_text()\n\n\n"
            "@pytest.mark.parametrize('number', range(min(5, len(FILES))))\n"
            "def test_edited(number):\n    assert is_edited(FILES[number])\n\n\n"
            "def test_all_edited():\n    assert all(map(is_edited, FILES))\n"
        )
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "base")


def tests_of(batch: int) -> str:
    return f"tests/test_batch_{batch}.py"


def make_mission(path: Path, case: Case, repository: Path) -> None:
    """JSON is YAML."""
    mission = {
        "version": 1,
        "name": "overhead",
        "objective": "Change one constant in many modules.",
        "repository": {"path": str(repository)},
        "backends": {
            "script": {
                "command": ["sh", str(HERE / "agent.sh"), "{agent}", f"{case.sleep:g}"],
                "brief": "none",
            }
        },
        "defaults": {
            "backend": "script",
            "timeout": "5m",
            "parallel": PARALLEL,
            "isolation": "worktree",  # as the shell: what a sandbox costs is `../isolation`s
        },
        "gates": {
            f"tests-{n}": {
                "checks": [
                    {"pytest": tests_of(n), "must_turn_green": [f"{tests_of(n)}::test_all_edited"]}
                ]
            }
            for n, _ in enumerate(case.batches, 1)
        },
        "batches": [
            {
                "id": f"b{n}",
                "title": f"Batch {n}",
                **({"needs": [f"b{n - 1}"]} if n > 1 else {}),
                "gate": f"tests-{n}",
                "agents": [
                    {
                        "id": agent,
                        "name": f"Editor of {agent}",
                        "mission": "Edit.",
                        "files": [str(module(agent))],
                    }
                    for agent in agents
                ],
            }
            for n, agents in enumerate(case.batches, 1)
        ],
    }
    path.write_text(json.dumps(mission, indent=1))


# -- what is measured


def run_orchestrate(case: Case, repository: Path, folder: Path) -> tuple[float, float]:
    """Seconds, and the peak memory of the orchestrator's own process in MiB; the run's files are
    below `folder`.
    """
    mission = folder / "mission.yaml"
    make_mission(mission, case, repository)
    program = shutil.which(
        "orchestrate", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if program is None:
        raise SystemExit("orchestrate is not installed here: pip install -e .")
    # On the same disk as the ideal's work trees, and gone with them. The interpreter that runs
    # tests is made once for each user, as an installation is.
    cache = folder / "cache"
    CleanPython(cache).place()
    argv = [
        "env",
        f"ORCHESTRATE_CACHE={cache}",
        program,
        "run",
        "--plain",
        "--root",
        str(folder),
        str(mission),
    ]
    seconds, peak = timed(argv, folder / "orchestrate.log", watch_memory=True)
    [report] = (folder / "reports").glob("*/report.json")
    outcomes = [
        agent["outcome"]
        for batch in json.loads(report.read_text())["batches"]
        for agent in batch["agents"]
    ]
    if outcomes != ["landed"] * len(case.agents):
        raise SystemExit(f"orchestrate did not land everything: {outcomes}")
    return seconds, peak


def run_shell(case: Case, repository: Path, folder: Path) -> float:
    batches = folder / "batches"
    batches.write_text(
        "".join(f"{tests_of(n)} {' '.join(agents)}\n" for n, agents in enumerate(case.batches, 1))
    )
    argv = [
        "sh",
        str(HERE / "baseline.sh"),
        str(repository),
        str(folder / "work"),
        str(HERE / "agent.sh"),
        f"{case.sleep:g}",
        str(PARALLEL),
        str(batches),
    ]
    seconds, _ = timed(argv, folder / "shell.log", env=GIT_ENVIRONMENT)
    missing = [
        agent
        for agent in case.agents
        if "VALUE = 2\n" not in (folder / "work/merged" / module(agent)).read_text()
    ]
    if missing:
        raise SystemExit(f"the shell script did not merge everything: {missing}")
    return seconds


def run_gates(case: Case, checkout: Path, folder: Path) -> float:
    """The same tests as plain pytest runs, green, one after another: what the gates cost if nothing
    else is done.
    """
    total = 0.0
    for number, _ in enumerate(case.batches, 1):
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests_of(number)]
        total += timed(argv, folder / f"gate-{number}.log", cwd=checkout)[0]
    return total


def timed(
    argv: Sequence[str],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] = ENVIRONMENT,
    watch_memory: bool = False,
) -> tuple[float, float]:
    """Run to the end: wall seconds, and the highest VmHWM seen in MiB: of the process itself, not
    of its children.
    """
    peak = 0.0
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while watch_memory and process.poll() is None:
            peak = max(peak, high_water(process.pid))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SAMPLE_SECONDS)
        code = process.wait()
        seconds = time.perf_counter() - started
    if code:
        raise SystemExit(
            f"{Path(argv[0]).name} exited with {code}:\n{log.read_text(errors='replace')[-4000:]}"
        )
    return seconds, peak


def high_water(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def measure(case: Case, runs: int, folder: Path, keep: Callable[[Path], None]) -> Measured:
    """`runs` times: gates, orchestrate and shell, each second time the other way round; one more of
    all to warm up.
    """
    template = folder / "template"
    template.mkdir(parents=True)
    make_repository(template, case)
    # As pip does for what it installs; an editable installation, in an environment that writes no
    # bytecode, has none.
    compileall.compile_dir(Path(orchestrator.errors.__file__).parent, quiet=1)
    done = shutil.copytree(template, folder / "done")
    for agent in case.agents:
        path = done / module(agent)
        path.write_text(path.read_text().replace("VALUE = 1\n", "VALUE = 2\n"))
    measured = Measured(case.name, len(case.batches), len(case.agents), case.sleep)
    run_gates(case, done, folder)
    for run in range(runs):
        place = folder / f"run-{run}"
        measured.load.append(round(os.getloadavg()[0], 2))

        def ours(place: Path = place) -> None:
            seconds, peak = run_orchestrate(case, fresh(template, place / "ours"), place / "ours")
            measured.orchestrate.append(seconds)
            measured.peak_mib.append(peak)

        def theirs(place: Path = place) -> None:
            measured.shell.append(
                run_shell(case, fresh(template, place / "theirs"), place / "theirs")
            )

        gates = run_gates(case, done, folder)
        for side in (ours, theirs) if run % 2 == 0 else (theirs, ours):
            side()
        gates = (gates + run_gates(case, done, folder)) / 2
        measured.gates.append(gates)
        measured.ideal.append(len(case.batches) * case.sleep + gates)
        keep(place)
        shutil.rmtree(place)
        say(
            f"{case.name}, run {run + 1} of {runs}: ideal {measured.ideal[-1]:.2f} s, "
            f"orchestrate {measured.orchestrate[-1]:.2f} s, shell {measured.shell[-1]:.2f} s, "
            f"load {measured.load[-1]}"
        )
    return measured


def fresh(template: Path, place: Path) -> Path:
    """A copy of the repository for one run, made while nobody is timed, with the disk at rest."""
    place.mkdir(parents=True)
    copied = shutil.copytree(template, place / "repository")
    git(copied, "update-index", "--refresh", "-q")
    os.sync()
    return copied


# -- what is told


def table(results: Sequence[Measured]) -> Iterator[str]:
    yield "| case | ideal | orchestrate | shell | orchestrate / ideal | shell / ideal | orchestrate / shell | peak |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for result in results:
        s = result.summary()
        # Where agents do nothing, the ideal is the gate alone, and a ratio over it says nothing.
        over = [
            f"{s[name]:.2f}" if result.sleep_seconds else "-"
            for name in ("orchestrate_over_ideal", "shell_over_ideal")
        ]
        yield (
            f"| {result.case} | {s['ideal_seconds']:.2f} s "
            f"| {s['orchestrate_seconds']:.2f} s | {s['shell_seconds']:.2f} s "
            f"| {over[0]} | {over[1]} | {s['orchestrate_over_shell']:.2f} | {s['orchestrate_peak_mib']:.0f} MiB |"
        )


def machine() -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "git": subprocess.check_output(["git", "--version"], text=True).split()[2],
        "pytest": metadata.version("pytest"),
        "orchestrate": metadata.version("orchestrate"),
    }


def median(numbers: Sequence[float]) -> float:
    return round(statistics.median(numbers), 3)


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], env=GIT_ENVIRONMENT, check=True)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="runs of each side (default 5)")
    parser.add_argument(
        "--many", type=int, default=0, metavar="N", help="also N agents without work in one batch"
    )
    parser.add_argument(
        "--many-runs", type=int, default=1, metavar="N", help="runs of that case (default 1)"
    )
    parser.add_argument("--only-many", action="store_true", help="leave the four batches out")
    parser.add_argument(
        "--json", action="store_true", help="print the results as JSON instead of a table"
    )
    parser.add_argument(
        "--output", type=Path, default=HERE / "results.json", help="where the results are written"
    )
    parser.add_argument(
        "--journals",
        type=Path,
        metavar="DIR",
        help="keep the runs' journals there, for timeline.py",
    )
    options = parser.parse_args()
    if options.only_many and not options.many:
        parser.error("--only-many needs --many N")
    if not 0 <= options.many <= FILES - 1:
        parser.error(f"--many: at most {FILES - 1}, one file for each")
    if min(options.runs, options.many_runs) < 1:
        parser.error("at least one run")

    with tempfile.TemporaryDirectory(prefix="overhead-") as temporary:

        def keep(place: Path) -> None:
            if options.journals:
                options.journals.mkdir(parents=True, exist_ok=True)
                for journal in place.glob("ours/reports/*/journal.jsonl"):
                    shutil.copy(
                        journal, options.journals / f"{place.parent.name}-{place.name}.jsonl"
                    )

        results = []
        if not options.only_many:
            results.append(measure(fixed(), options.runs, Path(temporary, "fixed"), keep))
        if options.many:
            results.append(
                measure(many(options.many), options.many_runs, Path(temporary, "many"), keep)
            )

    document = {
        "machine": machine(),
        "results": [{**asdict(r), "median": r.summary()} for r in results],
    }
    text = json.dumps(rounded(document), indent=2) + "\n"
    options.output.write_text(text)
    print(text if options.json else "\n".join(table(results)))


def rounded(value: object) -> object:
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {key: rounded(item) for key, item in value.items()}
        case list() | tuple():
            return [rounded(item) for item in value]
    return value


if __name__ == "__main__":
    main()
