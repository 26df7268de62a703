"""Symbol scopes from end to end: several agents in one file, breaches and what comes of them, lines
of the base.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, check_story, make_repository, write

pytestmark = pytest.mark.integration

SERVICE = '''\
"""A service."""

import json


class Store:
    """Keeps things."""

    limit = 3

    def put(self, thing):
        return json.dumps(thing)

    def get(self, text):
        return json.loads(text)


class Door:
    """Is open or closed."""

    def on_open(self):
        return "open"

    def on_close(self):
        return "close"


def main():
    return Store().put(Door().on_open())
'''
TEST = "import service\n\n\ndef test_main():\n    assert service.main()\n"
MISSION = """\
version: 1
name: scopes
objective: Change one file in many places.
repository: {{path: ../user}}
backends:
  script: {{command: [python, "{{mission_dir}}/{{agent}}.py", "{{brief_file}}"], brief: file}}
defaults: {{isolation: worktree, backend: script, timeout: 1m}}
gates: {{tests: {{checks: [{{pytest: tests}}]}}}}
batches:
{batches}
"""
EDIT = """\
import pathlib, subprocess, sys
brief = pathlib.Path(sys.argv[1]).read_text()
path = pathlib.Path("service.py")

def edit(old, new):
    text = path.read_text()
    assert old in text, old
    path.write_text(text.replace(old, new, 1))

"""


def bench_of(folder: Path, batches: str, scripts: dict[str, str]) -> tuple[Bench, Path]:
    make_repository(
        folder / "user", {"service.py": SERVICE, "tests/test_service.py": TEST, "notes.txt": "x\n"}
    )
    written = {f"{name}.py": EDIT + script for name, script in scripts.items()}
    write(folder / "mission", {"mission.yaml": MISSION.format(batches=batches), **written})
    return Bench(folder / "root"), folder / "mission" / "mission.yaml"


def agents_of(bench: Bench) -> dict[str, dict[str, object]]:
    return {agent["id"]: agent for batch in bench.summary()["batches"] for agent in batch["agents"]}


BATCHES = """\
  - id: one
    overlap: refuse
    gate: tests
    agents:
      - {id: put, name: Put, mission: Check what is put., files: ["service.py::Store.put"]}
      - {id: doors, name: Doors, mission: Ring., files: ["service.py::Door.on_*"], new_symbols: deny}
      - {id: main, name: Main, mission: Say more., files: ["service.py:28"]}
  - id: two
    needs: [one]
    gate: tests
    agents:
      - {id: get, name: Get, mission: Check what is got., files: ["service.py:14"]}
"""
SCRIPTS = {
    # Its own symbol, an import and a private helper; committed, as some agents do.
    "put": 'edit("import json\\n", "import json\\nfrom typing import Any\\n")\n'
    'edit("    def put(self, thing):\\n", "    def put(self, thing: Any):\\n        self._check(thing)\\n")\n'
    'edit("    def get", "    def _check(self, thing):\\n        assert thing\\n\\n    def get")\n'
    'git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.invalid"]\n'
    'subprocess.run([*git, "commit", "-qam", "done"], check=True)\n',
    "doors": "edit('\"open\"', '\"ring, open\"')\nedit('\"close\"', '\"ring, close\"')\n",
    # Told by its brief what the line means; reaches too far once, and mends it when it is told.
    "main": 'assert "`service.py::main`" in brief, brief\n'
    'edit("    return Store", "    print()\\n    return Store")\n'
    'if "Attempt 1" not in brief:\n    edit("limit = 3", "limit = 4")\n'
    'else:\n    assert "- service.py:9 Store.limit: changed outside of the scope" in brief, brief\n',
    # By now, line 14 of the file is another symbol's.
    "get": 'assert "`service.py::Store.get`" in brief, brief\n'
    'assert "def get" not in path.read_text().splitlines()[13]\n'
    'edit("        return json.loads", "        assert text\\n        return json.loads")\n',
}


def test_agents_share_a_file_and_each_keeps_to_its_symbols(tmp_path: Path) -> None:
    bench, mission = bench_of(tmp_path, BATCHES, SCRIPTS)
    told = bench.run("run", mission, "--plain")
    agents = agents_of(bench)
    assert {id: agent["outcome"] for id, agent in agents.items()} == dict.fromkeys(
        SCRIPTS, "landed"
    )
    assert {id: len(agent["attempts"]) for id, agent in agents.items()} == {
        "put": 1,
        "doors": 1,
        "main": 2,
        "get": 1,
    }
    assert "changed what it may not change: service.py:9 Store.limit; will be tried again" in told
    landed = bench.store("show", f"{bench.tip}:service.py")
    for line in ("limit = 3", "self._check(thing)", '"ring, close"', "    print()", "assert text"):
        assert line in landed
    (first, *_) = [event for event in bench.events("attempt_ended") if event["agent"] == "main"]
    assert first["breaches"] == [
        {
            "path": "service.py",
            "reason": "changed outside of the scope",
            "symbol": "Store.limit",
            "line": 9,
        }
    ]
    check_story(bench.events())
    bench.require_no_leftovers()


STRAY = """\
  - id: one
    agents:
      - {id: stray, name: Stray, mission: Stray., files: ["service.py::Store.put"]}
      - {id: fine, name: Fine, mission: Stay., files: ["service.py::main"]}
"""


def test_an_agent_that_does_not_keep_to_its_symbols_ends_out_of_scope(tmp_path: Path) -> None:
    scripts = {
        "stray": 'edit("import json", "import os")\nedit("return json.loads(text)", "return None")\n'
        'edit("def main", "def start():\\n    pass\\n\\n\\ndef main")\npath.chmod(0o755)\n',
        "fine": 'edit("return Store", "return  Store")\n',
    }
    bench, mission = bench_of(tmp_path, STRAY, scripts)
    bench.run("run", mission, "--plain", code=1)
    agents = agents_of(bench)
    assert (agents["stray"]["outcome"], agents["fine"]["outcome"]) == ("out_of_scope", "landed")
    places = [(breach["line"], breach["symbol"]) for breach in agents["stray"]["breaches"]]
    assert places == [(0, ""), (3, "<imports>"), (15, "Store.get"), (28, "start")]
    brief = (bench.report / "briefs" / "stray-2.md").read_text(encoding="utf-8")
    for line in (
        "- service.py: its mode was changed from 100644 to 100755",
        "- service.py:3 <imports>: `json` was taken from the imports, which may only be added to",
        "- service.py:15 Store.get: changed outside of the scope",
        "- service.py:28 start: a new symbol that is not private, and not named by the scope",
    ):
        assert line in brief
    assert "you may change this symbol alone" in brief
    report = (bench.report / "report.md").read_text(encoding="utf-8")
    assert "`service.py:15 Store.get`" in report
    assert bench.store("diff", "--stat", bench.events()[0]["base"], bench.tip).endswith(
        "1 file changed, 1 insertion(+), 1 deletion(-)"
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ("service.py:99", "service.py has 29 lines in the base"),
        ("service.py:3", "no symbol holds that line of service.py in the base"),
        ("absent.py:3", "there is no such file in the base"),
        ("notes.txt::main", "the symbols of notes.txt cannot be told"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_spent(
    tmp_path: Path, files: str, said: str
) -> None:
    batches = f'  - {{id: one, agents: [{{id: a, name: A, mission: M., files: ["{files}"]}}]}}\n'
    bench, mission = bench_of(tmp_path, batches, {"a": ""})
    told = bench.run("run", mission, "--plain", code=2)
    assert f"a: `{files}`: " in " ".join(told.split())
    assert said in " ".join(told.split())
    assert not bench.has_begun


PLANNED = """\
  - id: one
    overlap: {policy}
    agents:
      - {{id: a, name: A, mission: M., files: ["service.py::Store"]}}
      - {{id: b, name: B, mission: M., files: ["service.py:14", "service.py::Door.on_opn"]}}
      - {{id: c, name: C, mission: M., files: ["*.py::Door.*"], imports: deny}}
"""


def test_overlaps_are_shown_by_symbol(tmp_path: Path) -> None:
    from tests.cli.helpers import orchestrate

    bench, mission = bench_of(tmp_path, PLANNED.format(policy="refuse"), {})
    told = orchestrate(tmp_path, "plan", mission, code=2).out
    flat = " ".join(told.split())
    assert "✗ refused one a and b service.py::Store.get" in flat
    assert "service.py:14 → Store.get" in flat
    assert "`service.py::Door.on_opn` is no symbol of the base" in flat
    assert "did you mean `service.py::Door.on_open`?" in flat
    assert "no imports, private helpers" in flat
    bench.run("run", mission, "--plain", code=2)
    assert not bench.has_begun
    document = json.loads(orchestrate(tmp_path, "plan", mission, "--json", code=2).out)
    agents = document["batches"][0]["agents"]
    assert agents[1]["symbols"] == [
        {"entry": "service.py:14", "symbol": "Store.get", "found": {"service.py": ["Store.get"]}},
        {"entry": "service.py::Door.on_opn", "symbol": "Door.on_opn", "found": {"service.py": []}},
    ]
    found = agents[2]["symbols"][0]["found"]
    assert found == {"service.py": ["Door.on_open", "Door.on_close"], "tests/test_service.py": []}
    assert (agents[2]["imports"], agents[2]["new_symbols"]) == ("deny", "private")
    overlaps = [
        finding["items"] for finding in document["findings"] if finding["kind"] == "overlap"
    ]
    assert overlaps == [["service.py::Store.get"], ["service.py::Door.on_opn"]]
