"""Projects that nobody here wrote, from their source distributions, with their own suites and
settings: a defect is put in, its real fix is to be accepted, and work that leaves it is to be
refused.

What a project needs in its mission to be judged is all that its row says; of suites that wait for
much, a part is run. Needs the package index.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cli.helpers import environment, git
from tests.ready import PROGRAM

pytestmark = [pytest.mark.slow, pytest.mark.integration]

SECONDS = 900


@dataclass(frozen=True)
class Project:
    """One release; `defect` is a file of it, a text in it that is right, and one that is wrong.

    `check` and `workspace` are what its mission says beside what all say.
    """

    name: str
    tests: tuple[str, ...]
    turns: str
    defect: tuple[str, str, str]
    needs: tuple[str, ...] = ()
    check: dict[str, Any] = field(default_factory=dict)
    workspace: dict[str, Any] = field(default_factory=dict)


PROJECTS = (
    Project(
        "marshmallow==4.4.0",
        ("tests",),
        "tests/test_validate.py::test_range_min",
        (
            "src/marshmallow/validate.py",
            "value < self.min if self.min_inclusive else value <= self.min",
            "value < self.min",
        ),
        needs=("simplejson",),
    ),
    Project(
        "asgiref==3.13.0",
        ("tests/test_compatibility.py", "tests/test_wsgi.py", "tests/test_server.py"),
        "tests/test_compatibility.py::test_is_double_callable",
        (
            "asgiref/compatibility.py",
            "    if inspect.isclass(application):\n        return True\n",
            "    if inspect.isclass(application):\n        return False\n",
        ),
        needs=("pytest-asyncio", "packaging"),
        check={"plugins": ["pytest-asyncio"]},
    ),
    Project(
        "simplejson==4.3.0",
        ("simplejson/tests",),
        "simplejson/tests/test_indent.py::TestIndent::test_separators",
        (
            "simplejson/encoder.py",
            "            self.item_separator = ','",
            "            self.item_separator = ', '",
        ),
    ),
    Project(
        "pytest-mock==3.17.0",
        ("tests",),
        "tests/test_pytest_mock.py::TestSpy::test_instance_method",
        (
            "src/pytest_mock/plugin.py",
            "            spy_obj.spy_return_list.append(r)\n",
            "",
        ),
        needs=("pytest-asyncio",),
        check={"plugins": ["pytest-mock", "pytest-asyncio"]},
    ),
    Project(
        "more-itertools==11.2.1",
        ("tests/test_more.py",),
        "tests/test_more.py::ChunkedTests::test_strict_being_true",
        (
            "more_itertools/more.py",
            (
                "                if len(chunk) != n:\n"
                "                    raise ValueError('iterable is not divisible by n.')\n"
                "                yield chunk\n\n        return ret()\n    else:\n"
                "        return iterator\n\n\ndef first"
            ),
            (
                "                yield chunk\n\n        return ret()\n    else:\n"
                "        return iterator\n\n\ndef first"
            ),
        ),
    ),
    Project(
        "click==8.5.1",
        ("tests",),
        "tests/test_command_decorators.py",
        (
            "src/click/decorators.py",
            'f.__name__.lower().replace("_", "-")',
            "f.__name__.lower()",
        ),
    ),
    Project(
        "attrs==26.1.0",
        ("tests",),
        "tests/test_validators.py::TestIn_::test_fail",
        (
            "src/attr/validators.py",
            "        if not in_options:",
            "        if in_options is None:",
        ),
        needs=("hypothesis", "cloudpickle", "pympler"),
    ),
    Project(
        "pluggy==1.7.0",
        ("testing",),
        "testing/test_tracer.py::test_escape_surrogates_in_labels",
        (
            "src/pluggy/_tracing.py",
            (
                "    if text.isascii():\n        return text\n"
                '    return text.encode("utf-8", "backslashreplace").decode("utf-8")'
            ),
            "    return text",
        ),
        needs=("pytest-benchmark",),
        check={"plugins": ["pytest-benchmark"]},
    ),
    Project(
        "starlette==1.10.0",
        ("tests/test_routing.py", "tests/test_convertors.py", "tests/test_requests.py"),
        "tests/test_routing.py::test_route_converters",
        ("starlette/convertors.py", "return float(value)\n", "return float(value) + 1\n"),
        needs=(
            *("httpx2", "trio", "itsdangerous", "jinja2", "python-multipart", "pyyaml", "anyio"),
            *("blockbuster", "opentelemetry-sdk", "importlib-metadata"),
        ),
        check={"plugins": ["anyio"]},
    ),
    Project(
        "python-dateutil==4.0.0",
        ("tests/test_easter.py", "tests/test_relativedelta.py"),
        "tests/test_easter.py",
        ("src/dateutil/easter.py", "            e = 10\n", "            e = 11\n"),
        needs=("hypothesis", "freezegun"),
    ),
    Project(
        "tabulate==0.10.0",
        ("test",),
        "test/test_cli.py::test_script_sep_option",
        (
            "tabulate/__init__.py",
            '    fmt = "{0:>%ds}" % width\n',
            '    fmt = "{0:<%ds}" % width\n',
        ),
        needs=("wcwidth",),
    ),
    # Runs on several processes, under coverage, with doctests and a plug-in of its own.
    Project(
        "cheroot==11.1.2",
        tuple(f"cheroot/test/test_{name}.py" for name in ("cli", "core", "dispatch", "errors")),
        "cheroot/test/test_cli.py::test_Aplication_resolve",
        ("cheroot/cli.py", "app_path or 'application'", "app_path or 'app'"),
        needs=(
            *("pytest-xdist", "pytest-cov", "pytest-mock", "psutil", "trustme", "requests"),
            *("requests-toolbelt", "requests-unixsocket", "jaraco.text", "portend", "pypytools"),
        ),
        check={
            "plugins": ["pytest-xdist", "pytest-cov", "pytest-mock"],
            # Of a part of its tests, what it asks of all of them is not reached.
            "env": {"PYTEST_ADDOPTS": "--cov-fail-under=0"},
        },
    ),
)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_the_real_fix_is_accepted_and_the_defect_is_not(project: Project, tmp_path: Path) -> None:
    user = unpacked(project, tmp_path)
    path, right, wrong = project.defect
    source = (user / path).read_text()
    assert source.count(right) == 1
    (user / path).write_text(source.replace(right, wrong))
    git(user, "init", "-q", "-b", "main")
    git(user, "add", "-A", "-f")
    git(user, "commit", "-q", "-m", "A release with a defect")
    git(user, "checkout", "-q", "-b", "kept")
    (user / path).write_text(f"{source.replace(right, wrong)}\n\ndef _of_no_use():\n    return 1\n")
    git(user, "commit", "-q", "-a", "-m", "Fix it, they say")
    git(user, "checkout", "-q", "-b", "fix", "main")
    (user / path).write_text(source)
    git(user, "commit", "-q", "-a", "-m", "Fix it")
    (tmp_path / "mission.json").write_text(json.dumps(mission(project)))
    fixed = gate(tmp_path, "fix")
    assert fixed["decision"] == "passed", told(fixed)
    kept = gate(tmp_path, "kept")
    assert kept["decision"] == "failed", told(kept)
    (found,) = kept["gates"]
    reasons = {check["reason"] for check in found["verdict"]["checks"]}
    assert "did_not_turn_green" in reasons, told(kept)


def unpacked(project: Project, folder: Path) -> Path:
    """The project's files, as they are released."""
    argv = ["download", "-q", "--no-deps", "--no-binary", ":all:", project.name]
    subprocess.run(
        [sys.executable, "-m", "pip", *argv], cwd=folder, check=True, timeout=SECONDS, stdout=2
    )
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()
    (user,) = folder.iterdir()
    return user.rename(folder / "user")


def mission(project: Project) -> dict[str, Any]:
    install = ".venv/bin/pip install -q --disable-pip-version-check -e . pytest"
    return {
        "version": 1,
        "name": "real",
        "objective": "The defect is mended.",
        "repository": {"path": "user", "base": "main"},
        "backends": {"script": {"command": ["true"], "brief": "none"}},
        "defaults": {"backend": "script", "gate_timeout": f"{SECONDS}s"},
        "workspace": {
            "setup": ["python -m venv .venv", " ".join((install, *project.needs))],
            "setup_inputs": ["pyproject.toml", "setup.*"],
            **project.workspace,
        },
        "gates": {
            "suite": {
                "checks": [
                    {
                        "name": "suite",
                        "pytest": list(project.tests),
                        "must_turn_green": [project.turns],
                        **project.check,
                    }
                ]
            }
        },
        "batches": [
            {
                "id": "only",
                "gate": "suite",
                "agents": [
                    {"id": "one", "name": "One", "mission": "Mend it.", "files": ["**"]},
                ],
            }
        ],
    }


def gate(folder: Path, candidate: str) -> Any:
    argv = [PROGRAM, "gate", "mission.json", "--base", "main", "--candidate", candidate, "--json"]
    done = subprocess.run(
        argv,
        cwd=folder,
        env={**environment(), "ORCHESTRATE_CACHE": os.fspath(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS * 2,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def told(verdict: Any) -> str:
    """Why, for whoever has to find out what a project still needs."""
    checks = [check for found in verdict["gates"] for check in found["verdict"]["checks"]]
    return "\n".join(f"{check['name']}: {check['decision']}: {check['text']}" for check in checks)
