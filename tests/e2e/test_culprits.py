"""Batches in which some agents break something: who it was is found out, the others land, the
guilty try again.

Real runs on real repositories with real tests. Every agent of a batch works for 0 seconds on a file
of its own, so that what is seen is the search: one test for each agent's own file, and others that
several files decide.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from math import ceil, log2
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.helpers import Bench, check_story, ending, eventually, make_repository, write
from tests.params import few

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: culprits
objective: Change many things and break few.
repository: {{path: ../user}}
backends:
  script: {{command: [sh, "{{mission_dir}}/agent.sh", "{{agent}}", "{{mission_dir}}"], brief: stdin}}
defaults: {{isolation: worktree, backend: script, timeout: 1m, parallel: 8, attempts: {attempts}{defaults}}}
gates:
  tests: {{checks: [{check}]}}
batches:
  - id: many
    gate: tests
{batch}
    agents:
{agents}
"""
AGENT = """\
# What an agent does stands in a file of its name; what it does when it is told of a failure, in another one.
cat > "$2/$1.brief"
if grep -q "^## Attempt" "$2/$1.brief" && [ -e "$2/$1.again" ]; then . "$2/$1.again"; else . "$2/$1.first"; fi
"""
TESTS = """\
from pathlib import Path

import pytest

VALUES = {path.stem: path.read_text().strip() for path in Path("parts").glob("*.dat")}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_part(name):
    assert VALUES[name] != "bad", f"{name} is bad"


def test_no_two_are_odd():
    assert list(VALUES.values()).count("odd") < 2


def test_red_before():
    assert False, "as ever"
"""
Deeds = Mapping[str, str]


def bench_of(
    folder: Path,
    n: int,
    deeds: Deeds | None = None,
    again: Deeds | None = None,
    *,
    tests: str = TESTS,
    files: Mapping[str, str] | None = None,
    attempts: int = 2,
    defaults: str = "",
    batch: str = "",
    check: str = "{pytest: tests}",
    extra: Mapping[str, str] | None = None,
    rest: str = "",
) -> Bench:
    """A mission of `n` agents, each of which says in its part that it is done; `deeds` are those of
    some instead.
    """
    ids = [f"a{number}" for number in range(n)]
    parts = {f"parts/{id}.dat": "begun\n" for id in ids}
    make_repository(folder / "user", {"tests/test_parts.py": tests, **parts, **(files or {})})
    told = "\n".join(
        f"      - {{id: {id}, name: {id.upper()}, mission: Do your part., "
        f"files: [parts/{id}.dat, 'extra/**', 'tests/**']{(extra or {}).get(id, '')}}}"
        for id in ids
    )
    text = (
        MISSION.format(attempts=attempts, defaults=defaults, batch=batch, agents=told, check=check)
        + rest
    )
    scripts = {f"{id}.first": (deeds or {}).get(id, f"echo done > parts/{id}.dat\n") for id in ids}
    scripts |= {f"{id}.again": deed for id, deed in (again or {}).items()}
    write(folder / "mission", {"mission.yaml": text, "agent.sh": AGENT, **scripts})
    return Bench(folder / "root")


def says(id: str, value: str) -> str:
    return f"echo {value} > parts/{id}.dat\n"


def run(bench: Bench, *, code: int = 0) -> dict[str, Any]:
    """Carry the mission out; its one batch as `report.json` has it, with the agents by id."""
    bench.run("run", bench.root.parent / "mission" / "mission.yaml", "--plain", code=code)
    return told(bench)


def told(bench: Bench) -> dict[str, Any]:
    check_story(bench.events())
    bench.store.fsck()
    batch = bench.summary()["batches"][0]
    return {**batch, **{agent["id"]: agent for agent in batch["agents"]}}


def value(bench: Bench, id: str) -> str:
    return bench.store("show", f"{bench.tip}:parts/{id}.dat")


def brief(bench: Bench, attempt: str) -> str:
    return (bench.report / "briefs" / f"{attempt}.md").read_text(encoding="utf-8")


def sets(search: Mapping[str, Any]) -> list[tuple[list[str], list[str], list[str]]]:
    return [
        (c["agents"], c["guilty"], [s["test"] for s in c["symptoms"]]) for c in search["culprits"]
    ]


def found(bench: Bench) -> list[dict[str, Any]]:
    return bench.events("search_finished")


def attempts(batch: Mapping[str, Any]) -> dict[str, int]:
    """Of those who needed more than one."""
    return {
        agent["id"]: len(agent["attempts"])
        for agent in batch["agents"]
        if len(agent["attempts"]) != 1
    }


def part(id: str) -> str:
    return f"tests/test_parts.py::test_part[{id}]"


def one_culprit(folder: Path, n: int, culprit: str) -> Bench:
    """One agent breaks its part, and mends it when it is told; all others land before."""
    bench = bench_of(folder, n, {culprit: says(culprit, "bad")}, {culprit: says(culprit, "good")})
    batch = run(bench)
    (search,) = found(bench)
    assert sets(search) == [([culprit], [culprit], [part(culprit)])]
    assert search["left"] == [f"a{number}" for number in range(n) if f"a{number}" != culprit]
    assert search["runs"] <= 2 * ceil(log2(n)) + 2
    assert search["runs"] == sum(probe["ran"] for probe in bench.events("probe_finished")) + 1
    assert attempts(batch) == {culprit: 2}
    assert (batch["outcome"], value(bench, culprit)) == ("landed", "good")
    first, second = batch["landings"]
    assert (first["agents"], second["agents"]) == (search["left"], [culprit])
    assert batch[culprit]["attempts"][1]["base"] == first["commit"], (
        "on top of the others' work, which has landed"
    )
    return bench


@pytest.mark.parametrize(
    ("n", "culprit"), [(5, "a3"), pytest.param(20, "a13", marks=pytest.mark.slow)]
)
def test_one_culprit(tmp_path: Path, n: int, culprit: str) -> None:
    bench = one_culprit(tmp_path, n, culprit)
    text = brief(bench, f"{culprit}-2")
    assert (
        f"- `{part(culprit)}` (check `pytest-1`) passes without this work, and does not with it"
        in text
    )
    assert f"AssertionError: {culprit} is bad" in text
    assert "+bad" in text, "what it had changed"
    red = "Red on the base already, before anybody's work (1 in all)"
    assert red in text
    assert "- `tests/test_parts.py::test_red_before`" in text.partition(red)[2]


@pytest.mark.slow
@pytest.mark.parametrize("culprit", ["a0", "a50", "a99"])
def test_one_culprit_among_a_hundred(tmp_path: Path, culprit: str) -> None:
    one_culprit(tmp_path, 100, culprit)


def test_ids_that_change_from_run_to_run_convict_nobody_else(tmp_path: Path) -> None:
    ids = "ids=lambda name: f'{name}-{random.random()}'"
    tests = "import random\n" + TESTS.replace("sorted(VALUES))", f"sorted(VALUES), {ids})")
    bench = bench_of(tmp_path, 4, {"a2": says("a2", "bad")}, tests=tests, attempts=1)
    batch = run(bench, code=1)
    assert {id: batch[id]["outcome"] for id in ("a0", "a1", "a2", "a3")} == {
        **dict.fromkeys(("a0", "a1", "a3"), "landed"),
        "a2": "rejected",
    }


WANTS_A_PORT = """
import socket
import time


def test_a_server_can_be_started():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", {port}))
        server.listen()
        time.sleep(0.8)
    assert "bad" not in VALUES.values()
"""


@pytest.mark.slow
def test_probes_that_want_one_port_convict_nobody_else(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tests = TESTS.partition("@pytest")[0] + WANTS_A_PORT.format(port=port)
    bench = bench_of(tmp_path, 4, {"a2": says("a2", "bad")}, tests=tests, attempts=1)
    batch = run(bench, code=1)
    assert {id: batch[id]["outcome"] for id in ("a0", "a1", "a2", "a3")} == {
        **dict.fromkeys(("a0", "a1", "a3"), "landed"),
        "a2": "rejected",
    }
    (search,) = found(bench)
    assert [culprit["agents"] for culprit in search["culprits"]] == [["a2"]]
    assert search["runs"] <= 2 * ceil(log2(4)) + 2
    repeated = [probe["confirmed"] for probe in bench.events("probe_finished")]
    assert search["confirmed"] == sum(repeated) > 0


@pytest.mark.parametrize("n", few([5, 20, 100]))
def test_two_culprits(tmp_path: Path, n: int) -> None:
    guilty = ["a1", f"a{n - 2}"]
    bench = bench_of(
        tmp_path, n, {id: says(id, "bad") for id in guilty}, {id: says(id, "good") for id in guilty}
    )
    batch = run(bench)
    (search,) = found(bench)
    assert sorted(sets(search)) == sorted(([id], [id], [part(id)]) for id in guilty)
    assert attempts(batch) == dict.fromkeys(guilty, 2)
    assert len(batch["landings"][0]["agents"]) == n - 2
    assert batch["outcome"] == "landed"


@pytest.mark.parametrize("n", few([5, 20, 100]))
def test_an_interacting_pair(tmp_path: Path, n: int) -> None:
    """Two that are well alone: the later one is tried again on top of the other, and told of
    both.
    """
    first, later = "a1", f"a{n - 1}"
    bench = bench_of(
        tmp_path, n, {id: says(id, "odd") for id in (first, later)}, {later: says(later, "even")}
    )
    batch = run(bench)
    (search,) = found(bench)
    assert sets(search) == [([first, later], [later], ["tests/test_parts.py::test_no_two_are_odd"])]
    assert attempts(batch) == {later: 2}
    assert (value(bench, first), value(bench, later)) == ("odd", "even")
    text = brief(bench, f"{later}-2")
    assert f"together with that of {first}, and not without either" in text
    assert f"What {first} changed" in text
    report = (bench.report / "report.md").read_text(encoding="utf-8")
    assert f"`{first}`, `{later}`" in report


FLAKY = """\
import os
from pathlib import Path


def test_now_and_then():
    # Outside of every tree: it fails the first time that it is run on work, and never again.
    mark = Path(os.environ["HOME"]).parents[3] / "flaky"
    if any(path.read_text() != "begun\\n" for path in Path("parts").glob("*.dat")) and not mark.exists():
        mark.write_text("was red once")
        raise AssertionError("now and then")
"""


@pytest.mark.parametrize("n", few([5, 20, 100]))
def test_a_flaky_test_evicts_nobody(tmp_path: Path, n: int) -> None:
    bench = bench_of(tmp_path, n, files={"tests/test_flaky.py": FLAKY})
    batch = run(bench)
    assert (bench.root / "flaky").exists() or list(tmp_path.rglob("flaky")), "it has been red"
    assert attempts(batch) == {}
    assert (batch["outcome"], len(batch["landings"])) == ("landed", 1)
    for search in found(bench):
        assert (search["culprits"], search["open"]) == ([], [])
        assert [symptom["test"] for symptom in search["flaky"]] == [
            "tests/test_flaky.py::test_now_and_then"
        ]


def test_a_test_that_fails_only_after_another_is_searched_for_with_all_of_the_gate(
    tmp_path: Path,
) -> None:
    """By itself it is green, as a flaky one would be; but whenever the whole gate is run, it is
    red.
    """
    spoils = 'printf \'import os\\n\\n\\ndef test_a3():\\n    os.environ["A3"] = "was here"\\n\' > tests/test_a3.py\n'
    after = "import os\n\n\ndef test_clean():\n    assert 'A3' not in os.environ\n"
    bench = bench_of(
        tmp_path, 5, {"a3": spoils}, {"a3": says("a3", "good")}, files={"tests/test_z.py": after}
    )
    batch = run(bench)
    (search,) = found(bench)
    assert sets(search) == [(["a3"], ["a3"], ["tests/test_z.py::test_clean"])]
    assert search["flaky"] == []
    assert attempts(batch) == {"a3": 2}


def test_flaky_and_guilty_are_told_apart(tmp_path: Path) -> None:
    bench = bench_of(
        tmp_path,
        5,
        {"a2": says("a2", "bad")},
        {"a2": says("a2", "good")},
        files={"tests/test_flaky.py": FLAKY},
    )
    batch = run(bench)
    (search,) = found(bench)
    assert [culprit["agents"] for culprit in search["culprits"]] == [["a2"]]
    assert attempts(batch) == {"a2": 2}


@pytest.mark.parametrize("n", few([5, 20, 100]))
def test_a_failure_from_before_evicts_nobody(tmp_path: Path, n: int) -> None:
    bench = bench_of(tmp_path, n)
    batch = run(bench)
    assert not found(bench)
    assert attempts(batch) == {}
    assert batch["gates"][0]["checks"][0]["pre_existing"] == [
        "tests/test_parts.py::test_red_before"
    ]


def test_who_is_never_mended_is_rejected_and_the_others_stay_landed(tmp_path: Path) -> None:
    rest = (
        "  - {id: later, needs: [many], agents: [{id: z, name: Z, mission: Wait., files: [z]}]}\n"
    )
    bench = bench_of(tmp_path, 5, {"a2": says("a2", "bad")}, rest=rest)
    batch = run(bench, code=1)
    assert (batch["outcome"], batch["a2"]["outcome"]) == ("rejected", "rejected")
    assert attempts(batch) == {"a2": 2}
    assert {batch[id]["outcome"] for id in ("a0", "a1", "a3", "a4")} == {"landed"}
    assert value(bench, "a2") == "begun"
    assert (
        "gate tests is red with its work: tests/test_parts.py::test_part[a2]"
        in batch["a2"]["reason"]
    )
    assert bench.summary()["batches"][1]["outcome"] == "blocked"
    first, second = found(bench)
    assert second["runs"] == 1, (
        "one agent alone is known to be guilty once it is red with it, and green without it"
    )
    assert first["left"] == ["a0", "a1", "a3", "a4"]


def test_a_batch_that_lands_whole_waits_for_the_guilty(tmp_path: Path) -> None:
    bench = bench_of(
        tmp_path, 5, {"a2": says("a2", "bad")}, {"a2": says("a2", "good")}, batch="    land: whole"
    )
    batch = run(bench)
    assert attempts(batch) == {"a2": 2}
    (landing,) = batch["landings"]
    assert len(landing["agents"]) == 5


def test_a_person_is_asked_when_all_of_the_batch_is_there(tmp_path: Path) -> None:
    """Not for the work of those who are left while the guilty try again."""
    check = "{pytest: tests}, {approval: Is it good?, name: sign-off}"
    bench = bench_of(
        tmp_path, 5, {"a2": says("a2", "bad")}, {"a2": says("a2", "good")}, check=check
    )

    def waiting() -> list[dict[str, Any]]:
        return [e for e in bench.events("gate_finished") if e["verdict"]["decision"] == "waiting"]

    with ending(bench.start("run", tmp_path / "mission" / "mission.yaml", "--plain")) as process:
        eventually("a person is asked", waiting)
        bench.run("approve", bench.run_id, "tests")
        assert process.wait() == 0, process.text
    batch = told(bench)
    (asked,) = waiting()
    assert asked["agents"] == ["a0", "a1", "a2", "a3", "a4"]
    (landing,) = batch["landings"]
    assert len(landing["agents"]) == 5
    assert attempts(batch) == {"a2": 2}


def test_what_did_not_turn_green_is_held_against_whoever_was_to_mend_it(tmp_path: Path) -> None:
    """The others wait with what they have: without the guilty their gate cannot be green."""
    tests = TESTS + "\n\ndef test_fixed():\n    assert VALUES['a2'] == 'fixed'\n"
    claim = ", deliverables: [{text: Fixed., proof: 'tests/test_parts.py::test_fixed'}]"
    bench = bench_of(
        tmp_path,
        5,
        again={"a2": says("a2", "fixed")},
        tests=tests,
        check="{pytest: tests, must_turn_green: ['tests/test_parts.py::test_fixed']}",
        extra={"a2": claim},
    )
    batch = run(bench)
    search = found(bench)[0]
    assert sets(search) == [(["a2"], ["a2"], ["tests/test_parts.py::test_fixed"])]
    assert search["runs"] <= 3
    assert attempts(batch) == {"a2": 2}
    (landing,) = batch["landings"]
    assert len(landing["agents"]) == 5


def test_a_file_and_a_symbol_that_are_missing_are_held_against_those_who_promised_them(
    tmp_path: Path,
) -> None:
    claims = {
        "a1": ", deliverables: [{text: Notes., proof: {file: extra/notes}}]",
        "a3": ", deliverables: [{text: Code., proof: {symbol: 'extra/code.py::helper'}}]",
    }
    again = {
        "a1": "mkdir -p extra\necho told > extra/notes\n",
        "a3": "mkdir -p extra\nprintf 'def helper():\\n    return 1\\n' > extra/code.py\n",
    }
    bench = bench_of(tmp_path, 5, again=again, extra=claims)
    batch = run(bench)
    search = found(bench)[0]
    assert sorted(sets(search)) == [
        (["a1"], ["a1"], ["extra/notes"]),
        (["a3"], ["a3"], ["extra/code.py::helper"]),
    ]
    assert attempts(batch) == {"a1": 2, "a3": 2}
    assert [landing["agents"] for landing in batch["landings"]] == [
        ["a0", "a2", "a4"],
        ["a1", "a3"],
    ]


def test_who_spoils_anothers_fix_is_the_one_to_go_back(tmp_path: Path) -> None:
    tests = (
        TESTS
        + "\n\ndef test_fixed():\n    assert VALUES['a1'] == 'fixed' and VALUES['a3'] != 'spoils'\n"
    )
    claim = ", deliverables: [{text: Fixed., proof: 'tests/test_parts.py::test_fixed'}]"
    bench = bench_of(
        tmp_path,
        5,
        {"a1": says("a1", "fixed"), "a3": says("a3", "spoils")},
        {"a3": says("a3", "good")},
        tests=tests,
        check="{pytest: tests, must_turn_green: ['tests/test_parts.py::test_fixed']}",
        extra={"a1": claim},
    )
    batch = run(bench)
    assert sets(found(bench)[0]) == [(["a1", "a3"], ["a3"], ["tests/test_parts.py::test_fixed"])]
    assert attempts(batch) == {"a3": 2}
    assert [landing["agents"] for landing in batch["landings"]] == [
        ["a0", "a1", "a2", "a4"],
        ["a3"],
    ]


CRASH = "printf 'import os\\n\\n\\ndef test_it():\\n    os._exit(0)\\n' > tests/test_a2.py\n"
MORE = {"tests/test_more.py": "def test_more():\n    pass\n"}


@pytest.mark.parametrize(
    ("deed", "kind", "test"),
    [
        pytest.param(
            "echo 'def test(:' > tests/test_a2.py\n", "uncollected", "tests/test_a2.py", id="syntax"
        ),
        pytest.param("rm tests/test_parts.py\n", "check", "", id="deletes-tests"),
        pytest.param(CRASH, "check", "", id="crash"),
        pytest.param(
            "printf 'def test_it():\\n    assert False\\n' > tests/test_a2.py\n",
            "new_failure",
            "tests/test_a2.py::test_it",
            id="new-red-test",
        ),
    ],
)
def test_other_ways_to_make_a_gate_red(
    tmp_path: Path, deed: str, kind: str, test: str | None
) -> None:
    bench = bench_of(tmp_path, 5, {"a2": deed}, {"a2": says("a2", "good")}, files=MORE)
    batch = run(bench)
    (search,) = found(bench)
    ((agents, guilty, tests),) = sets(search)
    assert (agents, guilty) == (["a2"], ["a2"])
    assert search["culprits"][0]["symptoms"][0]["kind"] == kind
    assert test in {None, *tests}
    assert attempts(batch) == {"a2": 2}


def test_a_command_with_a_report_and_one_without(tmp_path: Path) -> None:
    check = (
        "{command: [sh, check.sh], report: out.xml}, {command: [sh, -c, '! grep -rq worse parts']}"
    )
    script = (
        "echo '<testsuite>' > out.xml; code=0\n"
        "for file in parts/*.dat; do\n"
        "  if grep -q bad $file; then code=1\n"
        "    echo \"<testcase classname='parts' name='$file'><failure/></testcase>\" >> out.xml\n"
        "  else echo \"<testcase classname='parts' name='$file'/>\" >> out.xml; fi\n"
        "done\necho '</testsuite>' >> out.xml; exit $code\n"
    )
    deeds = {"a1": says("a1", "bad"), "a3": says("a3", "worse")}
    again = {"a1": says("a1", "good"), "a3": says("a3", "good")}
    bench = bench_of(tmp_path, 5, deeds, again, check=check, files={"check.sh": script})
    batch = run(bench)
    (search,) = found(bench)
    assert sorted(sets(search)) == [
        (["a1"], ["a1"], ["parts::parts/a1.dat"]),
        (["a3"], ["a3"], [""]),
    ]
    assert attempts(batch) == {"a1": 2, "a3": 2}


def test_who_stands_on_the_guilty_goes_back_too(tmp_path: Path) -> None:
    bench = bench_of(
        tmp_path,
        5,
        {"a1": says("a1", "bad")},
        {"a1": says("a1", "good")},
        extra={"a3": ", needs: [a1]"},
    )
    batch = run(bench)
    (search,) = found(bench)
    assert sets(search) == [(["a1"], ["a1"], [part("a1")])]
    assert search["left"] == ["a0", "a2", "a4"]
    assert attempts(batch) == {"a1": 2, "a3": 2}
    assert batch["outcome"] == "landed"
    assert value(bench, "a3") == "done"


SLOW = (
    TESTS
    + "\n\ndef test_slow():\n    import time\n    time.sleep(0.2)\n    assert 'bad' not in VALUES.values()\n"
)


@pytest.mark.parametrize("at", few([3, 1, 4]))
def test_a_search_that_is_killed_goes_on_where_it_was(tmp_path: Path, at: int) -> None:
    """Every answer that was journalled is used; only the probes that were under way are run
    again.
    """
    deeds, again = {"a13": says("a13", "bad")}, {"a13": says("a13", "good")}
    bench = bench_of(tmp_path, 20, deeds, again, tests=SLOW, defaults=", gate_parallel: 1")
    with ending(bench.start("run", tmp_path / "mission" / "mission.yaml", "--plain")) as process:
        eventually(
            "some probes have ended", lambda: len(bench.events("probe_finished")) >= at, pause=0.002
        )
        process.kill_everything()
    known = len(bench.events("probe_finished"))
    bench.run("resume", "--plain")
    batch = told(bench)
    (search,) = found(bench)
    assert [culprit["agents"] for culprit in search["culprits"]] == [["a13"]]
    probes = bench.events("probe_finished")
    assert len({(tuple(probe["agents"]), probe["again"]) for probe in probes}) == len(probes), (
        "none is made twice"
    )
    reds = [
        event for event in bench.events("gate_finished") if event["verdict"]["decision"] == "failed"
    ]
    assert len(reds) == 1, "the red candidate is not judged again"
    assert len(probes) > known or at > 3
    assert attempts(batch) == {"a13": 2}


def test_what_people_read_of_it(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, 5, {"a2": says("a2", "bad")}, {"a2": says("a2", "good")})
    out = bench.run("run", tmp_path / "mission" / "mission.yaml", "--plain")
    (search,) = found(bench)
    assert re.search(
        r"many - looks for who made the gate red: 1 symptom in the work of 5 agents", out
    )
    apart = r"( and \d+ repetitions? apart)?"
    assert re.search(
        rf"many - found who made the gate red in {search['runs']} runs{apart}: a2", out
    )
    (report,) = bench.summary()["batches"][0]["searches"]
    assert report["culprits"][0]["agents"] == ["a2"]
    assert report["runs"] == search["runs"]
    assert (bench.report / report["culprits"][0]["log"]).is_file()
    assert "+bad" in (bench.report / report["culprits"][0]["diffs"]["a2"]).read_text(
        encoding="utf-8"
    )
    text = (bench.report / "report.md").read_text(encoding="utf-8")
    assert f"| `a2` | `{part('a2')}` |".replace("[", "[") in text
    assert f"in {search['runs']} runs" in text
    assert json.loads((bench.report / "report.json").read_text(encoding="utf-8"))["batches"][0][
        "searches"
    ]
