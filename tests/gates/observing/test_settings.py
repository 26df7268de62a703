"""Which of pytest's settings count: as pytest itself finds them, and as cheats would have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from _pytest.config.exceptions import UsageError
from _pytest.config.findpaths import locate_config

from orchestrator.gates.observing.runner_files import hooks_that_change, says_otherwise, undone
from orchestrator.gates.observing.settings import UNREADABLE, effective, load
from tests.gates.shop import BASE, CHECK, FIX, PYPROJECT, Court

INI = "[pytest]\naddopts = -k nothing\n"
LAYOUTS: dict[str, Mapping[str, str]] = {
    "nothing": {"a.py": ""},
    "pytest.ini": {"pytest.ini": INI},
    "an empty pytest.ini hides what follows": {"pytest.ini": "", "pyproject.toml": PYPROJECT},
    "pytest.ini without a section": {"pytest.ini": "[other]\nx = 1\n", "tox.ini": INI},
    "pyproject": {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q"\n'},
    "pyproject without settings": {"pyproject.toml": "[project]\nname = 'x'\n", "tox.ini": INI},
    "tox.ini before setup.cfg": {"tox.ini": INI, "setup.cfg": "[tool:pytest]\naddopts = -x\n"},
    "setup.cfg": {"setup.cfg": "[tool:pytest]\naddopts = -x\n"},
    "setup.cfg of another tool": {"setup.cfg": "[flake8]\nx = 1\n"},
    "nearer ones": {"tests/tox.ini": INI, "pytest.ini": "[pytest]\naddopts = -q\n"},
    "an empty one that is nearer": {"tests/pytest.ini": "", "pyproject.toml": PYPROJECT},
    "one that is deeper than what is run": {"tests/unit/pytest.ini": INI, "tox.ini": INI},
    "carriage returns": {"tox.ini": "[pytest]\r\naddopts = -q\r\n"},
    "old line ends": {"tox.ini": "[pytest]\raddopts = -q\r"},
    "values of several lines": {
        "tox.ini": "[pytest]\naddopts =\n    -q\n    -x\ntestpaths = a b\n"
    },
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_they_are_those_that_pytest_finds(tmp_path: Path, name: str) -> None:
    for path, content in LAYOUTS[name].items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode())
    (tmp_path / "tests").mkdir(exist_ok=True)

    def read(path: str) -> bytes | None:
        place = tmp_path / path
        return place.read_bytes() if place.is_file() else None

    for arguments in (["tests"], ["tests/unit"], [], ["a", "tests"], [".", "tests"]):
        folder = tmp_path / (arguments[0] if len(arguments) == 1 else ".")
        found = locate_config(tmp_path, [folder])
        path, values = found[1], found[2]
        seen = effective(read, arguments)
        if path is not None and path.name == "pyproject.toml" and not values:
            path = None  # it is the root, and says nothing
        assert seen.path == ("" if path is None else path.relative_to(tmp_path).as_posix())
        plain: dict[str, Any] = {key: getattr(each, "value", each) for key, each in values.items()}
        assert dict(seen.values) == plain


def test_what_cannot_be_read_is_taken_and_pytest_says_so(tmp_path: Path) -> None:
    for name, content in (("pytest.ini", "addopts\n"), ("pyproject.toml", "[tool.pytest")):
        (tmp_path / name).write_text(content)
        with pytest.raises(UsageError):
            locate_config(tmp_path, [tmp_path])
        assert load(name, content.encode()) is UNREADABLE
        (tmp_path / name).unlink()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_bases_settings_are_put_into_the_candidates_file(end: str) -> None:
    before = b"[metadata]\nname = x\n\n[tool:pytest]\naddopts = -q\n"
    after = "[metadata]\nname = y\n\n[tool:pytest]\naddopts = -k z\n[flake8]\na = 1\n"
    made = undone("setup.cfg", before, after.replace("\n", end).encode())
    assert made is not None
    assert not says_otherwise("setup.cfg", before, made)
    assert b"name = y" in made
    assert b"[flake8]" in made


def test_a_conftest_that_is_too_deep_may_hold_anything() -> None:
    deep = f"x = {' + '.join('1' * 5000)}\n".encode()
    assert hooks_that_change(None, deep) == "what its hooks do (too deep to be read)"
    assert not hooks_that_change(deep, deep)
    assert not hooks_that_change(None, b"def pytest_x(:")


TESTED = {
    "an empty file that hides the settings": {"pytest.ini": ""},
    "an empty file beside the tests": {"tests/pytest.ini": ""},
    "a hidden file": {"tests/.pytest.ini": "[pytest]\naddopts = -q -k discount\n"},
    "pyproject beside the tests": {"tests/pyproject.toml": "[tool.pytest.ini_options]\n"},
    "line ends of old": {"tests/tox.ini": "[pytest]\raddopts = --co\r"},
    "setup.cfg beside the tests": {"tests/setup.cfg": "[tool:pytest]\naddopts = --co\n"},
    "keys of pytest's own table": {
        "pyproject.toml": PYPROJECT.replace("-q", "-q --deselect tests/test_more.py")
    },
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    made = Court(tmp_path_factory.mktemp("shop"), BASE)
    yield made
    made.bench.close()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if n % 3 else [])
        for n, name in enumerate(TESTED)
    ],
)
def test_settings_that_would_count_are_the_bases(shop: Court, name: str) -> None:
    files = TESTED[name]
    shop.bench.go_to(shop.base)
    candidate = shop.bench.commit({**FIX, **files})
    refused = shop.judge(candidate, CHECK).checks[0]
    assert refused.reason == "runner_changed", refused.text
    assert f"{next(iter(files))}: pytest's settings" in refused.text
    assert "9 passed" not in refused.text
    assert refused.counts is not None
    assert refused.counts.passed == 9


def test_settings_that_pytest_passes_over_are_no_finding(shop: Court) -> None:
    shop.bench.go_to(shop.base)
    files = {
        "tox.ini": "[pytest]\naddopts = --co\n",
        "docs/pytest.ini": "[pytest]\naddopts = --co\n",
        "tests/more/pytest.ini": "",
        "tests/setup.cfg": "[flake8]\nmax-line-length = 100\n",
    }
    verdict = shop.judge(shop.bench.commit({**FIX, **files}), CHECK)
    assert verdict.is_passed, verdict.reasons()
