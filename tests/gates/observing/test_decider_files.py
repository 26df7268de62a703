"""What is put back of the files that a command decides by, and what of them stays the
candidate's.
"""

from __future__ import annotations

import json

import anyio
import pytest

from orchestrator.gates.observing.decider_files import put_back_for, undone
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import Decision, Reason, Verdict
from orchestrator.mission.deciders import Decider
from orchestrator.mission.model import Gate
from tests.gates.helpers import Bench

PACKAGE = {"name": "x", "scripts": {"test": "jest"}, "jest": {"bail": True}, "dependencies": {}}


def as_json(**more: object) -> bytes:
    return json.dumps({**PACKAGE, **more}).encode()


def test_scripts_are_put_back_and_dependencies_stay() -> None:
    decider = Decider("package.json", ("jest", "scripts"))
    before = as_json()
    after = as_json(scripts={"test": "true"}, dependencies={"left-pad": "1"})
    found = json.loads(undone(decider, before, after) or b"")
    assert found == {**PACKAGE, "dependencies": {"left-pad": "1"}}
    honest = as_json(dependencies={"left-pad": "1"})
    assert undone(decider, before, honest) == honest, "not a byte of it changes"
    for broken in (b"{", b"[]", b"null", b""):
        assert undone(decider, before, broken) == before
    none = json.dumps({"name": "x"}).encode()
    assert json.loads(undone(decider, none, as_json()) or b"") == {"name": "x", "dependencies": {}}


TOML = b"[project]\ndependencies = []\n\n[tool.ruff]\nline-length = 80\n\n[tool.other]\na = 1\n"


@pytest.mark.parametrize(
    "after",
    [
        TOML.replace(b"80", b"800"),
        TOML.replace(b"[tool.ruff]\nline-length = 80\n", b""),
        TOML + b'[tool.ruff.lint]\nignore = ["ALL"]\n',
    ],
)
def test_tables_are_put_back(after: bytes) -> None:
    import tomllib

    decider = Decider("pyproject.toml", ("tool.ruff",))
    after = after.replace(b"dependencies = []", b'dependencies = ["a"]')
    found = tomllib.loads((undone(decider, TOML, after) or b"").decode())
    assert found["tool"] == tomllib.loads(TOML.decode())["tool"]
    assert found["project"]["dependencies"] == ["a"]
    honest = TOML.replace(b"a = 1", b"a = 2")
    assert undone(decider, TOML, honest) == honest
    assert undone(decider, TOML, b"[") == TOML


CFG = b"[metadata]\nname = x\n\n[mypy]\nstrict = True\n\n[mypy-a.*]\nignore_errors = False\n\n[other]\nb = 1\n"


def test_sections_are_put_back() -> None:
    decider = Decider("setup.cfg", ("mypy",))
    after = CFG.replace(b"strict = True", b"strict = False").replace(b"name = x", b"name = y")
    found = undone(decider, CFG, after) or b""
    assert b"strict = True" in found
    assert b"name = y" in found
    assert b"strict = False" not in found
    assert found.count(b"[mypy-a.*]") == 1
    new = undone(decider, b"[metadata]\nname = x\n", CFG) or b""
    assert b"mypy" not in new
    assert b"[other]" in new
    honest = CFG.replace(b"b = 1", b"b = 2")
    assert undone(decider, CFG, honest) == honest


BASE = {
    "package.json": as_json().decode(),
    "scripts/audit.py": "import limits\n",
    "scripts/limits.py": "MOST = 3\n",
    "src/a.py": "x = 1\n",
    "Makefile": "check:\n\tpython scripts/audit.py src/a.py\n",
}


@pytest.mark.parametrize(
    ("command", "files", "allowed", "expected"),
    [
        ("make check", {"scripts/audit.py": "print(100)\n"}, "", ["scripts/audit.py"]),
        ("make check", {"scripts/limits.py": "MOST = 9\n"}, "", ["scripts/limits.py"]),
        ("make check", {"Makefile": "check:\n\ttrue\n"}, "", ["Makefile"]),
        ("make check", {"GNUmakefile": "check:\n\ttrue\n"}, "", ["GNUmakefile"]),
        ("npm test", {"jest.config.js": "module.exports = {}\n"}, "", ["jest.config.js"]),
        ("npm test", {"package.json": as_json(scripts={}).decode()}, "", ["package.json"]),
        ("npm test", {"package.json": as_json(version="2").decode()}, "", []),
        ("make check", {"src/a.py": "x = 2\n", "scripts/more.py": ""}, "", []),
        ("make check", {"scripts/audit.py": "print(100)\n"}, "scripts/audit.py", []),
        # A script that the work is to bring decides nothing that was decided before.
        ("python scripts/new.py", {"scripts/new.py": "print(1)\n"}, "", []),
    ],
)
def test_what_is_put_back_of_a_candidate(
    bench: Bench, command: str, files: dict[str, str], allowed: str, expected: list[str]
) -> None:
    base = bench.commit(BASE)
    commit = bench.commit(files)
    bench.judge()
    assert bench._store is not None
    found = dict(
        put_back_for(command.split(), bench._store, base, commit, lambda path: path == allowed)
    )
    assert list(found) == expected
    for path, content in found.items():
        assert content is None or path == "package.json" or content.decode() == BASE[path]


AUDIT = """
    import sys
    from limits import MOST
    found = open("src/a.py").read().count("bad")
    print("found", found)
    sys.exit(found > MOST)
"""
HONEST = {"src/a.py": "x = 2\n"}
AUDITED = {
    "scripts/audit.py": AUDIT,
    "scripts/limits.py": "MOST = 0\n",
    "src/a.py": "bad = 1\n",
    "Makefile": "check:\n\tpython scripts/audit.py\n",
}
CHECKS = (
    {"command": "python scripts/audit.py"},
    {"command": "make check"},
    {"metric": "python scripts/audit.py", "value": r"found (\d+)", "require": "< 1"},
)


@pytest.mark.parametrize("check", CHECKS, ids=["script", "make", "metric"])
def test_a_check_is_decided_by_the_base(bench: Bench, check: dict[str, object]) -> None:
    base = bench.commit(AUDITED)
    judge = bench.judge()

    def judged(
        check: dict[str, object], files: dict[str, str], remove: tuple[str, ...] = ()
    ) -> Verdict:
        bench.go_to(base)
        commit = bench.commit(files, remove)
        checks = Gate.model_validate({"checks": [check]}).checks
        subject = Subject(checks=checks)
        return anyio.run(lambda: judge.judge(subject, candidate=commit, base=base))

    assert judged(check, HONEST).decision is Decision.PASSED
    cheats: list[tuple[dict[str, str], tuple[str, ...]]] = [
        ({"scripts/audit.py": "print('found 0')\n"}, ()),
        ({"scripts/limits.py": "MOST = 9\nimport sys; print('found 0'); sys.exit(0)\n"}, ()),
        ({"Makefile": "check:\n\ttrue\n", "scripts/audit.py": "print('found 0')\n"}, ()),
    ]
    for files, removed in cheats:
        (result,) = judged(check, files, removed).checks
        assert result.decision is Decision.FAILED, files
        (result,) = judged(check, {**files, **HONEST}, removed).checks
        assert (result.decision, result.reason) == (Decision.FAILED, Reason.TEST_SIDE_CHANGED)
        assert "may_change" in result.text
    allowed = {**check, "may_change": ["scripts/*", "Makefile"]}
    stricter = {**HONEST, "scripts/audit.py": AUDIT.replace("bad", "worse")}
    assert judged(allowed, stricter).decision is Decision.PASSED
