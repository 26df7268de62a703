"""Prove the recording without the program that replays it: git and pytest alone.

    python missions/websocket/verify.py [--keep FOLDER]

Makes a throw-away repository from `target/` and, for each batch of `websocket.yaml` in order, shows that

1. its gate is red on the batch's base: every test that must turn green fails there or does not exist yet;
2. each agent's patch applies to that base by itself and touches only what the agent's `files` allow, of a file that
   is named with a symbol (`a.py::Class.method`) that symbol alone, and besides new imports and private helpers;
3. the agents' commits merge cleanly, in the order of the mission;
4. the gate is green on the merge, and no test that passed on the base is lost or broken.

At the end the whole suite of the target runs. Prints a table; exit code 1 on the first deviation.
Needs pytest, websockets, coverage, PyYAML and pathspec in the interpreter that runs it.
"""

import argparse
import ast
import fnmatch
import json
import operator
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pathspec
import yaml

HERE = Path(__file__).resolve().parent
MISSION = HERE.parent / "websocket.yaml"
WIDTHS = (12, 44, 8, 64, 13, 5)
COMPARE = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


class DeviationError(Exception):
    """The recording does not do what the mission says."""


def need(condition: object, message: str) -> None:
    """Deviate with `message` unless `condition` holds."""
    if not condition:
        raise DeviationError(message)


@dataclass
class Findings:
    """What the checks of a gate found on one tree."""

    tests: dict[str, str] = field(default_factory=dict)  # outcome by node id
    red_checks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def passed(self) -> set[str]:
        """The tests that passed."""
        return {test for test, outcome in self.tests.items() if outcome == "passed"}

    def below(self, target: str) -> dict[str, str]:
        """The tests at or under a path or node id."""
        under = (f"{target}/", f"{target}::", f"{target}[")
        return {
            test: how
            for test, how in self.tests.items()
            if test == target or test.startswith(under)
        }

    def __str__(self) -> str:
        return ", ".join([f"{len(self.passed())}/{len(self.tests)} passed", *self.notes])


class Sandbox:
    """A repository and an environment that owe nothing to the machine."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repository"
        home = folder / "home"
        home.mkdir()
        shutil.copytree(HERE / "target", self.root, ignore=shutil.ignore_patterns("__pycache__"))
        self.environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **{
                f"GIT_{role}_{what}": value
                for role in ("AUTHOR", "COMMITTER")
                for what, value in AUTHOR.items()
            },
        }
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("target")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the work tree."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        """Run git, which has to succeed."""
        finished = self.run("git", *arguments)
        need(
            finished.returncode == 0,
            f"git {' '.join(arguments)}: {finished.stdout}{finished.stderr}",
        )
        return finished.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything; the result is the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def checkout(self, commit: str) -> None:
        """A clean check-out."""
        self.git("checkout", "--quiet", "--force", "--detach", commit)
        self.git("clean", "-ffdxq")


AUTHOR = {"NAME": "verify", "EMAIL": "verify@example.invalid"}


def verify(sandbox: Sandbox, mission: dict) -> None:
    """Walk through the mission; raises DeviationError."""
    protect = pathspec.GitIgnoreSpec.from_lines(mission["workspace"]["protect"])
    base = sandbox.git("rev-parse", "HEAD")
    for batch in mission["batches"]:
        started = time.monotonic()
        checks = mission["gates"][batch["gate"]]["checks"]
        before = examine(sandbox, base, checks)
        needs_red(before, checks)
        commits = [apply(sandbox, base, agent, protect) for agent in batch["agents"]]
        candidate = merge(sandbox, base, commits)
        after = examine(sandbox, candidate, checks)
        needs_green(before, after, checks)
        proven = needs_proofs(sandbox, batch, after, checks)
        row(
            batch["id"],
            f"red: {before}",
            f"{len(commits)} clean",
            f"green: {after}",
            proven,
            since(started),
        )
        base = candidate
    started = time.monotonic()
    sandbox.checkout(base)
    whole = examine(sandbox, base, [{"pytest": "tests"}])
    need(whole.tests and not whole.red_checks, f"the whole suite is red: {whole.red_checks}")
    row("whole suite", "", "", f"green: {whole}", "", since(started))


def examine(sandbox: Sandbox, commit: str, checks: list[dict]) -> Findings:
    """Run the checks of a gate on a commit."""
    found = Findings()
    for check in checks:
        sandbox.checkout(commit)
        if "pytest" in check:
            red = run_pytest(sandbox, check, found)
        elif "command" in check:
            red = run_command(sandbox, check, found)
        else:
            red = run_metric(sandbox, check, found)
        if red:
            found.red_checks.append(f"{check.get('name', 'pytest')}: {red}")
    return found


def run_pytest(sandbox: Sandbox, check: dict, found: Findings) -> str:
    """Run tests and add their outcomes; says what is wrong, if anything."""
    wanted = listed(check["pytest"])
    present = [path for path in wanted if (sandbox.root / path.partition("::")[0]).exists()]
    if not present:
        return f"no {', '.join(wanted)}"
    junit = sandbox.root.parent / "junit.xml"
    junit.unlink(missing_ok=True)
    options = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={junit}"]
    finished = sandbox.run(sys.executable, "-m", "pytest", *options, *present)
    need(
        junit.exists(), f"pytest left no record: {finished.stdout[-2000:]}{finished.stderr[-2000:]}"
    )
    tests = outcomes(junit)
    found.tests |= tests
    executed = [test for test, outcome in tests.items() if outcome != "skipped"]
    failed = [test for test in executed if tests[test] == "failed"]
    if failed or finished.returncode:
        return f"{len(failed)} failed: {' '.join(failed[:5])}"
    if len(executed) < check.get("at_least", 1):
        return f"only {len(executed)} executed"
    return "" if present == wanted else "paths missing"


def outcomes(junit: Path) -> dict[str, str]:
    """Outcome by node id, from a JUnit record of the xunit1 family."""
    found = {}
    for case in ET.parse(junit).getroot().iter("testcase"):
        path = case.get("file", "")
        module = path.removesuffix(".py").replace("/", ".")
        classes = case.get("classname", "").removeprefix(module).strip(".").split(".")
        kinds = {child.tag for child in case}
        outcome = (
            "failed"
            if kinds & {"failure", "error"}
            else "skipped"
            if "skipped" in kinds
            else "passed"
        )
        found["::".join([path, *filter(None, classes), case.get("name", "")])] = outcome
    return found


def run_command(sandbox: Sandbox, check: dict, found: Findings) -> str:
    """Run a command; with a report it also has to show tests and no failure."""
    command = listed(check["command"])
    finished = sandbox.run(*command)
    if finished.returncode:
        return f"exit code {finished.returncode}"
    if "report" not in check:
        return ""
    report = sandbox.root / check["report"]
    if not report.exists():
        return "no report"
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = [
        case.get("name")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    found.notes.append(f"{check['name']} {len(cases) - len(failed)}/{len(cases)}")
    return f"{failed} failed" if failed else "" if cases else "nothing executed"


def run_metric(sandbox: Sandbox, check: dict, found: Findings) -> str:
    """Measure, and hold the number against what is required."""
    finished = sandbox.run(*shlex.split(check["metric"]))
    if finished.returncode:
        return f"exit code {finished.returncode}: {finished.stdout[-500:]}{finished.stderr[-500:]}"
    value = json.loads(finished.stdout)[check["value"]]
    sign, bound = check["require"].split()
    found.notes.append(f"{check['name']} {value}")
    return "" if COMPARE[sign](value, float(bound)) else f"{value}, required {check['require']}"


def needs_red(before: Findings, checks: list[dict]) -> None:
    """No test that must turn green is green yet, nor is any check by number or exit code."""
    for check in checks:
        for target in check.get("must_turn_green", []):
            green = [test for test, outcome in before.below(target).items() if outcome == "passed"]
            need(not green, f"already green on the base: {green}")
        if "pytest" not in check:
            red = any(line.startswith(f"{check['name']}: ") for line in before.red_checks)
            need(red, f"{check['name']} is already green on the base")


def needs_green(before: Findings, after: Findings, checks: list[dict]) -> None:
    """All checks are green, what had to turn green has, and nothing that passed is lost."""
    need(not after.red_checks, f"the candidate is red: {after.red_checks}")
    removable = [pattern for check in checks for pattern in check.get("may_remove", [])]
    for check in checks:
        for target in check.get("must_turn_green", []):
            need(after.below(target), f"nothing executed below {target}")
    for test in sorted(before.passed() - after.passed()):
        allowed = test not in after.tests and any(
            fnmatch.fnmatchcase(test, pattern) for pattern in removable
        )
        need(allowed, f"passed on the base and no longer: {test}")


def needs_proofs(sandbox: Sandbox, batch: dict, after: Findings, checks: list[dict]) -> str:
    """Every deliverable and criterion with a proof is proven; says how many of how many are."""
    names = {check["name"] for check in checks}
    claims = [claim for agent in batch["agents"] for claim in agent["deliverables"]] + batch[
        "criteria"
    ]
    for claim in claims:
        for proof in listed(claim.get("proof", [])):
            if isinstance(proof, dict):
                path = sandbox.root / proof["file"]
                need(path.is_file() and path.stat().st_size, f"{claim['text']}: no {proof['file']}")
            elif proof not in names:
                tests = after.below(proof)
                need(
                    tests and set(tests.values()) == {"passed"},
                    f"{claim['text']}: not proven by {proof}",
                )
    return f"{sum('proof' in claim for claim in claims)}/{len(claims)} proven"


def apply(sandbox: Sandbox, base: str, agent: dict, protect: pathspec.GitIgnoreSpec) -> str:
    """Commit an agent's patch on the base, by itself, and hold it against the agent's scope."""
    sandbox.checkout(base)
    patch = HERE / "recording" / f"{agent['id']}.patch"
    need(patch.is_file(), f"no {patch.name}")
    sandbox.git("apply", "--index", str(patch))
    commit = sandbox.commit(f"{agent['id']} {agent['name']}")
    symbols = {
        path: name for path, _, name in (entry.partition("::") for entry in agent["files"]) if name
    }
    scope = pathspec.GitIgnoreSpec.from_lines(entry.partition("::")[0] for entry in agent["files"])
    touched = sandbox.git("diff", "--name-only", "--no-renames", base, commit).splitlines()
    need(touched, f"{agent['id']} changes nothing")
    outside = [path for path in touched if not scope.match_file(path) or protect.match_file(path)]
    need(not outside, f"{agent['id']} touches {outside}, which is not its own")
    for path in set(symbols) & set(touched):
        old, new = (
            beside(sandbox.git("show", f"{rev}:{path}"), symbols[path]) for rev in (base, commit)
        )
        strange = set(old.items()) ^ set(new.items())
        lost = [name for name, _ in strange if name in old]
        added = [name for name, _ in strange if name not in old and not name.startswith("import ")]
        public = [
            name for name in added if "<" in name or not name.rpartition(".")[2].startswith("_")
        ]
        need(
            not lost and not public,
            f"{agent['id']} touches {lost + public} in {path}, which is not its own",
        )
    return commit


def beside(source: str, symbol: str) -> dict[str, str]:
    """What stands in a module beside one symbol: definitions, imported names and statements, as their syntax."""
    found: dict[str, str] = {}

    def walk(nodes: list[ast.stmt], above: str) -> None:
        for node in nodes:
            name = above + getattr(node, "name", f"<{ast.unparse(node)}>")
            if name == symbol:
                continue
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.update(
                    {
                        f"import {getattr(node, 'module', '')}.{name.name} {name.asname}": ""
                        for name in node.names
                    }
                )
            elif isinstance(node, ast.ClassDef):
                found[f"{name}.<header>"] = ast.unparse(
                    ast.ClassDef(node.name, node.bases, node.keywords, [], node.decorator_list)
                )
                walk(node.body, f"{name}.")
            else:
                found[name] = ast.unparse(node)

    walk(ast.parse(source).body, "")
    return found


def merge(sandbox: Sandbox, base: str, commits: list[str]) -> str:
    """Merge the agents' commits onto the base, in order; a conflict is a deviation."""
    sandbox.checkout(base)
    for commit in commits:
        sandbox.git("merge", "--quiet", "--no-ff", "--no-edit", commit)
    return sandbox.git("rev-parse", "HEAD")


def listed(value: object) -> list:
    """One or many, as many."""
    return value if isinstance(value, list) else [value]


def row(*cells: str) -> None:
    """One line of the table."""
    print(
        "  ".join(f"{cell:{width}}" for cell, width in zip(cells, WIDTHS, strict=True)), flush=True
    )


def since(started: float) -> str:
    """The time that has passed."""
    return f"{time.monotonic() - started:.0f} s"


@contextmanager
def folder(keep: Path | None):
    """The folder to work in: temporary, unless it shall be kept."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="verify-") as name:
            yield Path(name)
    else:
        keep.mkdir(parents=True)
        yield keep


def main() -> int:
    """Verify and say how it went."""
    parser = argparse.ArgumentParser(description="Prove the recording of the websocket mission.")
    parser.add_argument(
        "--keep", type=Path, help="work in this new folder and leave it for inspection"
    )
    arguments = parser.parse_args()
    mission = yaml.safe_load(MISSION.read_text(encoding="utf-8"))
    row("batch", "gate on base", "patches", "gate on merge", "claims", "time")
    with folder(arguments.keep) as place:
        try:
            verify(Sandbox(place), mission)
        except DeviationError as deviation:
            print(f"DEVIATION: {deviation}")
            return 1
    print("The recording does what the mission says.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
