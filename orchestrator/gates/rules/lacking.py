"""What a base lacks that nobody's work can bring: then its gate cannot run here, and nobody is to
blame.

Owns the line between the place and the product. A base on which tests cannot be collected is usual:
they ask for what agents are to write. So a module, command or file is *lacking* only where it is
not in the tree and no agent may make it, or where the project itself declares it as a dependency;
when in doubt it is not. Pure. What is declared is `declared`'s, what follows the engine's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from orchestrator.gates.observing.observation import GREEN, RED, Observation, RecordState
from orchestrator.gates.observing.selection import Families, ancestors, normal, path_of
from orchestrator.gates.rules.declared import is_declared
from orchestrator.gates.rules.words import named
from orchestrator.journal.facts import TestOutcome
from orchestrator.mission.model import AnyCheck, PytestCheck

INSTALL = "have `workspace.setup` install it"
RUNNER = "have `workspace.setup` install pytest too (`.venv/bin/pip install pytest`)"
PLUGINS = "install it, and name it in `plugins:`"
START = "start what it asks for before the run, or name it under `services`"
SERVICES = "mend what it needs here, or `services` of the mission; its log is beside the check's"
RUNNERS = frozenset({"pytest", "pip", "tox", "nox", "coverage"})
"""What is called as `python -m` and nobody writes anew."""
FIXTURES = {
    "mocker": "pytest-mock",
    "benchmark": "pytest-benchmark",
    "httpx_mock": "pytest-httpx",
    "requests_mock": "requests-mock",
    "aiohttp_client": "pytest-aiohttp",
    "event_loop": "pytest-asyncio",
    "freezer": "pytest-freezer",
    "django_db_setup": "pytest-django",
    "db": "pytest-django",
    "qtbot": "pytest-qt",
    "snapshot": "syrupy",
}
"""Fixtures that come with a plug-in, by name."""

SETTINGS = {
    "--cov": "pytest-cov",
    "--no-cov": "pytest-cov",
    "-n": "pytest-xdist",
    "--numprocesses": "pytest-xdist",
    "--dist": "pytest-xdist",
    "--maxprocesses": "pytest-xdist",
    "--timeout": "pytest-timeout",
    "timeout": "pytest-timeout",
    "--asyncio": "pytest-asyncio",
    "asyncio_": "pytest-asyncio",
    "--reruns": "pytest-rerunfailures",
    "--benchmark": "pytest-benchmark",
    "--randomly": "pytest-randomly",
    "--random-order": "pytest-random-order",
    "--ds": "pytest-django",
    "--reuse-db": "pytest-django",
    "--nomigrations": "pytest-django",
    "DJANGO_": "pytest-django",
    "--mypy": "pytest-mypy",
    "--flake8": "pytest-flake8",
    "--ruff": "pytest-ruff",
    "--html": "pytest-html",
    "--json-report": "pytest-json-report",
    "--snapshot-update": "syrupy",
    "--hypothesis": "hypothesis",
    "--forked": "pytest-forked",
    "--disable-socket": "pytest-socket",
    "--allow-hosts": "pytest-socket",
    "--sugar": "pytest-sugar",
    "--doctest-plus": "pytest-doctestplus",
    "--mpl": "pytest-mpl",
    "env": "pytest-env",
    "mock_": "pytest-mock",
    "qt_": "pytest-qt",
}
"""Options and settings that come with a plug-in, by what they begin with."""

_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_NO_RUNNER = re.compile(r"No module named '?_?(?:pytest|pluggy|iniconfig)\b(?!_)[\w.]*'?")
_NODE_MODULE = re.compile(r"Cannot find (?:module|package) '([^'./][^']*)'")
_PLUGIN = re.compile(r"Error importing plugin \"([^\"]+)\"")
_ARGUMENTS = re.compile(r"error: unrecognized arguments: (.+)")
_SETTING = re.compile(r"Unknown config option: (\S+)")
_REQUIRED = re.compile(r"Missing required plugins: (.+)")
_FIXTURE = re.compile(r"fixture '(\w+)' not found")
_ASYNC = "async def functions are not natively supported"
_COMMAND = re.compile(r"(?:^|: )([\w.@/+-]+): (?:command )?not found$", re.MULTILINE)
_SERVICE = re.compile(
    r"^.*(?:Connection refused|could not connect to server|Can't connect to|"
    r"Name or service not known|Temporary failure in name resolution).*$",
    re.MULTILINE,
)
_FILE = re.compile(r"FileNotFoundError: \[Errno 2\] No such file or directory: '([^']+)'")


@dataclass(frozen=True)  # without slots: what is derived is kept
class Reach:
    """What is in a base's tree, what agents may put there, and what the project says it needs."""

    paths: frozenset[str]
    may_make: Callable[[str], bool]
    """Whether somebody's work may hold a file at a path."""
    names: frozenset[str] = frozenset()
    """Parts of the paths that scopes spell out."""
    declared: frozenset[str] = frozenset()
    """Names of distributions, as `declared` reads them."""

    @cached_property
    def _parts(self) -> frozenset[str]:
        found: set[str] = set()
        for path in self.paths:
            *folders, file = path.split("/")
            found.update(folders)
            found.add(file)
            found.add(file.partition(".")[0])
        return frozenset(found)

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        """Folders from which modules are imported, as far as a tree tells."""
        modules = [PurePosixPath(path) for path in self.paths if path.endswith(".py")]
        packages = {path.parent for path in modules if path.name == "__init__.py"}
        folders = {path.parent for path in modules} | {path.parent for path in packages}
        roots = {"", "src/"} | {
            f"{folder}/" if str(folder) != "." else "" for folder in folders - packages
        }
        return tuple(sorted(roots))

    def lacks_module(self, name: str) -> bool:
        """Whether a Python module is none of the project's, and none that an agent may write."""
        top = name.partition(".")[0]
        if top in self._parts or top in self.names or f"{top}.py" in self.names:
            return False
        if is_declared(top, self.declared) or top in sys.stdlib_module_names | RUNNERS:
            return True
        return not any(
            self.may_make(f"{root}{made}")
            for root in self._roots
            for made in (f"{top}.py", f"{top}/__init__.py")
        )

    def lacks_node_module(self, name: str) -> bool:
        """The same for a package of Node: only what is declared is known to be none of ours."""
        package = "/".join(name.split("/")[: 2 if name.startswith("@") else 1])
        return package in self.declared and package not in self._parts

    def lacks_file(self, path: str) -> bool:
        """Whether a file is neither in the tree nor to be made; of a path that is not relative to
        the tree, any end may be what is meant.
        """
        parts = PurePosixPath(path).parts
        ends = ["/".join(parts[at:]).lstrip("/") for at in range(len(parts))]
        return parts[-1] not in self._parts and not any(self.may_make(end) for end in ends if end)

    def lacks_command(self, name: str) -> bool:
        """Whether a program is neither in the tree nor to be made."""
        path = name.removeprefix("./")
        if "/" not in name:
            return True
        return path.startswith("/") or (path not in self.paths and not self.may_make(path))


Lack = tuple[str, str]
"""The line that says what is missing, and the mend."""


def lack_of(
    check: AnyCheck, seen: Observation, required: Iterable[str], reach: Reach
) -> Lack | None:
    """Why a check cannot run on a base, for nobody's fault; None where it can, or may be made to by
    somebody's work. `required` are the tests that must be green in the end.
    """
    if seen.not_ready:
        return " ".join(seen.not_ready.split()), "mend `workspace.setup` or `workspace.python`"
    if seen.no_service:
        return " ".join(seen.no_service.split()), SERVICES
    if seen.not_started:
        return _not_started(check, seen, reach)
    if isinstance(check, PytestCheck):
        return _of_tests(check, seen, tuple(required), reach)
    if seen.exit_code and not seen.tests:
        return _of_program(seen, reach)
    return None


def _not_started(check: AnyCheck, seen: Observation, reach: Reach) -> Lack | None:
    program = seen.not_started.partition(":")[0]
    if isinstance(check, PytestCheck) or reach.lacks_command(program):
        return seen.not_started, "install it, or have `workspace.setup` make it"
    return None


def _of_program(seen: Observation, reach: Reach) -> Lack | None:
    if seen.exit_code == 127 and (found := _COMMAND.search(seen.tail)):
        if reach.lacks_command(found[1]):
            return found[0].strip(": "), "install it, or have `workspace.setup` install it"
        return None
    return _of_text(seen.tail, reach)


def _of_tests(
    check: PytestCheck, seen: Observation, required: Sequence[str], reach: Reach
) -> Lack | None:
    if not seen.tests and not seen.collection_errors:
        is_cut = seen.record is not RecordState.COMPLETE or seen.exit_code in (3, 4)
        return _of_runner(seen, reach) if is_cut and seen.exit_code else None
    red = {**seen.collection_errors}
    red |= {i: test.message for i, test in seen.tests.items() if test.outcome in RED}
    required = (*check.must_turn_green, *required)
    lacks = {unit: lack for unit in red if (lack := _of_unit(unit, seen, required, reach))}
    if not lacks:
        return None
    is_green = any(test.outcome in GREEN for test in seen.tests.values())
    if not is_green and lacks.keys() == red.keys():
        return _summed(lacks)
    units = Families(lacks)
    for entry in required:
        above = [path for path in ancestors(normal(entry)) if path in lacks]
        if found := [*above, *units[entry]]:
            return _summed({unit: lacks[unit] for unit in found})
    return None


def _of_runner(seen: Observation, reach: Reach) -> Lack | None:
    """Why pytest itself did not begin."""
    tail = seen.tail
    if found := _NO_RUNNER.search(tail):
        return found[0], RUNNER
    if found := _PLUGIN.search(tail):
        missing = _MODULE.findall(tail)
        if reach.lacks_module(missing[-1] if missing else found[1]):
            return f'the plug-in "{found[1]}" cannot be imported', INSTALL
        return None
    if (found := _ARGUMENTS.search(tail)) or (found := _SETTING.search(tail)):
        told = found[1].strip()
        return f"pytest does not know {told}, which the project's settings give it", _plugins(told)
    if found := _REQUIRED.search(tail):
        return found[0], PLUGINS
    return _of_text(tail, reach)


def _plugins(told: str) -> str:
    """What to do about options and settings that no plug-in knows."""
    words = re.split(r"[\s=]+", told)
    known = dict.fromkeys(
        plugin for word in words for start, plugin in SETTINGS.items() if word.startswith(start)
    )
    if not known:
        return "the plug-in that does must be installed, and named in `plugins:`"
    return f"have `workspace.setup` install it, and name it: `plugins: [{', '.join(known)}]`"


def _of_text(text: str, reach: Reach) -> Lack | None:
    """The last thing that a text misses, if that is none of the project's."""
    if modules := _MODULE.findall(text):
        if reach.lacks_module(modules[-1]):
            return f"No module named '{modules[-1]}'", INSTALL
        return None
    if (packages := _NODE_MODULE.findall(text)) and reach.lacks_node_module(packages[-1]):
        return f"Cannot find module '{packages[-1]}'", INSTALL
    return None


def _of_unit(unit: str, seen: Observation, required: Sequence[str], reach: Reach) -> Lack | None:
    """What a red test, or a file that cannot be collected, misses."""
    test = seen.tests.get(unit)
    message = test.message if test else seen.collection_errors.get(unit, "")
    if test and (lack := _of_plugins(unit, message, reach)):
        return lack
    if lack := _of_text(message, reach):
        return lack
    # What a test itself does not find may well be what it is to find.
    if test is None or test.outcome is TestOutcome.ERROR:
        return _of_surroundings(unit, message, required, reach)
    return None


def _of_plugins(test_id: str, message: str, reach: Reach) -> Lack | None:
    if _ASYNC in message:
        return _ASYNC, "install what runs them, such as pytest-asyncio; name it in `plugins:`"
    if (found := _FIXTURE.search(message)) and not _may_bring_fixture(test_id, found[1], reach):
        plugin = f" (of {FIXTURES[found[1]]})" if found[1] in FIXTURES else ""
        return f"fixture '{found[1]}' not found{plugin}", PLUGINS
    return None


def _of_surroundings(unit: str, message: str, required: Sequence[str], reach: Reach) -> Lack | None:
    """A file or a service that a set-up asks for."""
    if (found := _FILE.search(message)) and reach.lacks_file(found[1]):
        return (
            f"No such file: '{found[1]}'",
            "name it in `workspace.copy`, or have `workspace.setup` make it",
        )
    is_promised = any(normal(entry) in ancestors(unit) for entry in required)
    if (found := _SERVICE.search(message)) and not is_promised:
        return found[0].removeprefix("E ").strip()[:200], START
    return None


def _may_bring_fixture(test_id: str, fixture: str, reach: Reach) -> bool:
    if fixture in FIXTURES:
        return False
    file = path_of(test_id)
    folders = [str(folder) for folder in PurePosixPath(file).parents]
    conftests = (f"{folder}/conftest.py" if folder != "." else "conftest.py" for folder in folders)
    return any(map(reach.may_make, (file, *conftests)))


def _summed(lacks: dict[str, Lack]) -> Lack:
    """One line for all that is lacking, the commonest first."""
    by_lack: dict[Lack, list[str]] = {}
    for unit, lack in lacks.items():
        by_lack.setdefault(lack, []).append(unit)
    most = sorted(by_lack.items(), key=lambda item: -len(item[1]))
    lines = (f"{named(units)}: {line}" for (line, _), units in most[:3])
    mends = dict.fromkeys(mend for (_, mend), _ in most[:3])
    return "; ".join(lines), "; ".join(mends)


def names_of(globs: Iterable[str]) -> Iterator[str]:
    """The parts of globs that are spelled out, and what modules of that name are called."""
    for glob in globs:
        for part in glob.split("/"):
            if part and not any(sign in part for sign in "*?["):
                yield part
                yield part.partition(".")[0]
