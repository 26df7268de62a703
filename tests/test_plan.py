"""The plan: order, defaults, findings, and how they are shown."""

from __future__ import annotations

import io
import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from orchestrator.errors import ExitCode, UsageError
from orchestrator.inspection import FindingKind, Findings, Severity, inspect
from orchestrator.mission.model import Land, Mission, OnConflict, Overlap
from orchestrator.mission.symbols import Outline, OutlineSymbol
from orchestrator.plan import make_plan
from orchestrator.ui.plan_view import count, duration, plan_document, render_plan

steadily = settings(max_examples=50, deadline=None)  # a busy machine is no failure


def agent(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name.upper(), "mission": f"Mend {name}", **more}


def batch(name: str, *agents: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": name, "agents": list(agents) or [agent(f"{name}-1")], **more}


def mission(*batches: dict[str, Any], **more: Any) -> Mission:
    data = {
        "version": 1,
        "name": "m",
        "objective": "Mend it",
        "repository": {"path": "."},
        "batches": list(batches),
    }
    return Mission.model_validate({**data, **more})


def test_waves_and_dependents() -> None:
    plan = make_plan(
        mission(
            batch("d", needs=["b", "c"]),
            batch("a"),
            batch("b", needs=["a"]),
            batch("c", needs=["a"]),
            batch("e"),
        )
    )
    assert [one.id for one in plan.batches] == ["d", "a", "b", "c", "e"]
    assert plan.waves == (("a", "e"), ("b", "c"), ("d",))
    assert plan.wave("d") == 2
    assert plan.dependents("a") == {"b", "c", "d"}
    assert plan.dependents("d") == frozenset()
    assert [one.id for one in plan.agents] == ["d-1", "a-1", "b-1", "c-1", "e-1"]
    with pytest.raises(KeyError):
        plan.batch("nowhere")
    with pytest.raises(KeyError):
        plan.agent("nowhere")


def test_agents_of_a_batch() -> None:
    plan = make_plan(
        mission(
            batch("a", agent("x"), agent("y", needs=["x"]), agent("z", needs=["y"]), agent("w"))
        )
    )
    assert plan.agent_dependents("x") == {"y", "z"}
    assert plan.agent_dependents("w") == frozenset()
    assert plan.agent("y").needs == ("x",)
    assert plan.agent("z").batch == "a"


def test_defaults_are_resolved() -> None:
    plan = make_plan(
        mission(
            batch(
                "a",
                agent("x"),
                agent("y", backend="mine", timeout="90s", attempts=1, files=["src/**"]),
            ),
            batch(
                "b",
                parallel=1,
                land="whole",
                overlap="refuse",
                on_conflict="fail",
                gate="g",
                title="Second",
            ),
            defaults={
                "backend": "other",
                "timeout": "1h30m",
                "attempts": 3,
                "parallel": 7,
                "land": "passing",
            },
            gates={"g": {"checks": [{"command": "true"}]}},
        )
    )
    x, y = plan.agent("x"), plan.agent("y")
    assert (x.backend, x.timeout, x.attempts) == ("other", 5400.0, 3)
    assert (y.backend, y.timeout, y.attempts) == ("mine", 90.0, 1)
    assert y.scope.allows("src/a.py")
    assert not x.scope
    a, b = plan.batches
    assert (a.parallel, a.land, a.overlap, a.on_conflict) == (
        7,
        Land.PASSING,
        Overlap.WARN,
        OnConflict.RETRY,
    )
    assert (a.gate_name, a.gate, a.title) == (None, None, "a")
    assert (b.parallel, b.land, b.overlap, b.on_conflict) == (
        1,
        Land.WHOLE,
        Overlap.REFUSE,
        OnConflict.FAIL,
    )
    assert (b.gate_name, b.gate, b.title) == ("g", plan.mission.gates["g"], "Second")


def test_the_critical_path_is_the_longest_in_time_not_in_steps() -> None:
    plan = make_plan(
        mission(
            batch("a", agent("a1", timeout="1m")),
            batch("b", agent("b1", timeout="1m"), needs=["a"]),
            batch("c", agent("c1", timeout="1m"), needs=["b"]),
            batch("slow", agent("s1", timeout="1h"), needs=["a"]),
        )
    )
    assert plan.critical_path == ("a", "slow")
    assert plan.ceiling == 3660


def test_a_batch_takes_its_longest_chain_or_its_queue() -> None:
    chain = mission(
        batch(
            "a", agent("x", timeout=10), agent("y", timeout=20, needs=["x"]), agent("z", timeout=5)
        )
    )
    assert make_plan(chain).ceiling == 30
    queue = mission(
        batch("a", *(agent(f"x{number}", timeout=10) for number in range(6)), parallel=2)
    )
    assert make_plan(queue).ceiling == 30


def test_a_cycle_that_nobody_caught_before_is_an_error() -> None:
    with pytest.raises(UsageError, match="a cycle of needs: a → b → a"):
        make_plan(mission(batch("a", needs=["b"]), batch("b", needs=["a"])))


@st.composite
def missions(draw: st.DrawFn) -> Mission:
    size = draw(st.integers(1, 8))
    order = draw(st.permutations(range(size)))
    batches = []
    for rank, number in enumerate(order):
        needs = draw(st.lists(st.sampled_from(order[:rank]), unique=True)) if rank else []
        team: list[dict[str, Any]] = []
        for member in range(draw(st.integers(1, 3))):
            mates = [one["id"] for one in team]
            wanted = draw(st.lists(st.sampled_from(mates), unique=True)) if mates else []
            team.append(
                agent(f"{number}-{member}", needs=wanted, timeout=draw(st.integers(1, 100)))
            )
        batches.append(batch(f"b{number}", *team, needs=[f"b{need}" for need in needs]))
    return mission(*draw(st.permutations(batches)))


@steadily
@given(missions())
def test_waves_respect_every_need_and_nothing_waits_longer(planned: Mission) -> None:
    plan = make_plan(planned)
    assert sorted(name for wave in plan.waves for name in wave) == sorted(
        one.id for one in planned.batches
    )
    assert [one.id for one in plan.batches] == [one.id for one in planned.batches]
    for one in plan.batches:
        assert one.id in plan.waves[plan.wave(one.id)]
        assert plan.wave(one.id) == max((plan.wave(need) + 1 for need in one.needs), default=0)
    for wave in plan.waves:
        positions = [[one.id for one in plan.batches].index(name) for name in wave]
        assert positions == sorted(positions)


@steadily
@given(missions())
def test_dependents_are_the_transitive_closure(planned: Mission) -> None:
    plan = make_plan(planned)
    for one in plan.batches:
        direct = {other.id for other in plan.batches if one.id in other.needs}
        assert plan.dependents(one.id) == direct.union(
            *(plan.dependents(other) for other in direct)
        )
    for member in plan.agents:
        team = plan.batch(member.batch).agents
        direct = {other.id for other in team if member.id in other.needs}
        assert plan.agent_dependents(member.id) == direct.union(
            *(plan.agent_dependents(other) for other in direct)
        )


@steadily
@given(missions())
def test_no_chain_is_longer_than_the_critical_path(planned: Mission) -> None:
    from orchestrator.plan import batch_seconds

    plan = make_plan(planned)
    path = plan.critical_path
    assert all(before in plan.batch(after).needs for before, after in pairwise(path))
    longest: dict[str, float] = {}
    for name in (name for wave in plan.waves for name in wave):
        before = max((longest[need] for need in plan.batch(name).needs), default=0)
        longest[name] = before + batch_seconds(plan.batch(name))
    assert plan.ceiling == pytest.approx(max(longest.values()))


@steadily
@given(missions())
def test_a_plan_is_the_same_for_the_same_mission(planned: Mission) -> None:
    assert make_plan(planned) == make_plan(planned)


BASE = ["src/a.py", "src/b.py", "tests/conftest.py", "tests/test_a.py"]


def found(planned: Mission, kind: FindingKind) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (one.where, str(one.severity), one.items)
        for one in inspect(make_plan(planned), BASE).of(kind)
    ]


@pytest.mark.parametrize(
    ("policy", "severity"), [("allow", "note"), ("warn", "warning"), ("refuse", "refused")]
)
def test_overlaps_follow_the_policy(policy: str, severity: str) -> None:
    planned = mission(
        batch(
            "a",
            agent("x", files=["src/*.py"]),
            agent("y", files=["src/a.py"]),
            agent("z"),
            overlap=policy,
        )
    )
    assert found(planned, FindingKind.OVERLAP) == [("x and y", severity, ("src/a.py",))]
    findings = inspect(make_plan(planned), BASE)
    assert bool(findings.refused) == (policy == "refuse")
    if policy == "refuse":
        with pytest.raises(UsageError, match=r"x and y may both change src/a\.py") as caught:
            findings.raise_if_refused()
        assert caught.value.exit_code is ExitCode.USAGE
    else:
        findings.raise_if_refused()


@pytest.mark.parametrize(
    ("one", "other", "policy", "expected"),
    [
        (["src/**"], ["*.rst"], "warn", ("note", ("src/** & *.rst",))),
        (["src/**", "tests/*.py"], ["**/*.md", "CHANGES"], "warn", "note"),
        (["*.md"], ["*.rst", "docs/**"], "warn", "note"),
        (["src/**"], ["*.rst"], "refuse", "refused"),
        (["src/**"], ["*.rst"], "allow", "note"),
        # What is there, what is named, and one folder in another are meant.
        (["src/**"], ["*.py"], "warn", ("warning", ("src/a.py", "src/b.py"))),
        (["src/**", "*.md"], ["src/a.py", "*.rst"], "warn", ("warning", ("src/a.py",))),
        (["src/**"], ["src/new/*.ts"], "warn", ("warning", ("src/** & src/new/*.ts",))),
        (["src/**"], ["src/new.rst"], "warn", ("warning", ("src/new.rst",))),
        (["*.md"], ["*.md"], "warn", ("warning", ("*.md",))),
    ],
)
def test_patterns_that_meet_where_nothing_is_are_a_note(
    one: list[str], other: list[str], policy: str, expected: object
) -> None:
    planned = mission(batch("a", agent("x", files=one), agent("y", files=other), overlap=policy))
    told = found(planned, FindingKind.OVERLAP)
    if isinstance(expected, str):
        assert [severity for _, severity, _ in told] == [expected]
    else:
        assert [(severity, items) for _, severity, items in told] == [expected]


def test_agents_that_take_turns_do_not_overlap() -> None:
    planned = mission(
        batch(
            "a",
            agent("x", files=["src/a.py"]),
            agent("y", needs=["x"]),
            agent("z", files=["src/**"], needs=["y"]),
        )
    )
    assert found(planned, FindingKind.OVERLAP) == []


def test_batches_do_not_overlap_with_one_another() -> None:
    planned = mission(
        batch("a", agent("x", files=["src/a.py"])), batch("b", agent("y", files=["src/a.py"]))
    )
    assert found(planned, FindingKind.OVERLAP) == []


@pytest.mark.parametrize(
    ("pattern", "is_warned"),
    [
        ("src/a.py", False),
        ("src/*.py", False),
        ("src/new.py", False),  # a new file in a folder that is there
        ("src/Makefile", False),
        ("new/deep/x.py", False),  # by its extension
        ("new/Makefile", True),
        ("notes.md", False),
        ("Makefile", True),
        ("scr/", True),
        ("scr/*.py", True),
        ("Src/a.txt/**", True),
        ("**/*.rs", True),
    ],
)
def test_scopes_that_match_nothing(pattern: str, is_warned: bool) -> None:
    warned = found(mission(batch("a", agent("x", files=[pattern]))), FindingKind.MATCHES_NOTHING)
    assert warned == ([("x", "warning", (pattern,))] if is_warned else [])


def test_what_lands_unchecked_is_said() -> None:
    planned = mission(
        batch(
            "a",
            agent("x", deliverables=["one", {"text": "two", "proof": "tests/test_a.py"}]),
            criteria=["three"],
        ),
        batch("b", agent("y", files=["src/a.py"]), gate="g"),
        gates={"g": {"checks": [{"pytest": "tests"}]}},
    )
    assert found(planned, FindingKind.NO_GATE) == [("a", "warning", ())]
    assert found(planned, FindingKind.READ_ONLY) == [("x", "note", ())]
    assert found(planned, FindingKind.UNPROVEN) == [
        ("a", "note", ("three",)),
        ("x", "note", ("one",)),
    ]


@pytest.mark.parametrize(
    ("proof", "files", "is_missing"),
    [
        ("tests/test_a.py::test_it", ["src/a.py"], False),
        ("tests", ["src/a.py"], False),
        ("tests/test_new.py", ["src/a.py"], True),
        ("tests/test_new.py::test_it", ["tests/test_new.py"], False),
        ("tests/new", ["tests/**"], False),
        ({"file": "docs/guide.md"}, ["src/a.py"], True),
        ({"file": "docs/guide.md"}, ["docs/"], False),
        ({"symbol": "src/a.py::thing"}, ["src/b.py"], False),
        ({"symbol": "src/z.py::thing"}, ["src/b.py"], True),
        ("pytest-1", ["src/a.py"], False),
    ],
)
def test_proofs_that_nobody_can_write(proof: object, files: list[str], is_missing: bool) -> None:
    planned = mission(
        batch("a", agent("x", files=files, deliverables=[{"text": "t", "proof": proof}]), gate="g"),
        gates={"g": {"checks": [{"pytest": "tests"}]}},
    )
    missed = found(planned, FindingKind.UNPROVABLE)
    assert [(where, severity) for where, severity, _ in missed] == [("x", "warning")] * is_missing
    console = Console(width=100, record=True, file=io.StringIO())
    plan = make_plan(planned)
    render_plan(plan, inspect(plan, BASE), console)
    assert f"{int(not is_missing)} of 1 claim provable" in console.export_text()


def test_protected_paths_inside_a_scope() -> None:
    planned = mission(
        batch(
            "a",
            agent("x", files=["tests/**"]),
            agent("y", files=["tests/conftest.py"]),
            agent("z", files=["src/"]),
        ),
        batch("b", agent("w", files=[".github/new.yml"])),
        workspace={"protect": ["tests/conftest.py", ".github/**"]},
    )
    assert found(planned, FindingKind.PROTECTED) == [
        ("x", "note", ("tests/conftest.py",)),
        ("y", "warning", ("tests/conftest.py",)),
        ("w", "warning", (".github/new.yml",)),
    ]


STORE = Outline((OutlineSymbol(("Store",), 1, 9), OutlineSymbol(("Store", "put"), 2, 5)), lines=9)


DECIDING = {
    "scripts/audit.py": "import limits",
    "scripts/limits.py": "",
    "Makefile": "test:\n\tpython scripts/audit.py\n",
    "src/a.py": "",
    "package.json": '{"scripts": {"x": "true"}}',
}


@pytest.mark.parametrize(
    ("files", "check", "protect", "expected"),
    [
        (["scripts/audit.py"], {}, [], ("warning", ("scripts/audit.py",))),
        (["scripts/**", "src/"], {}, [], ("warning", ("scripts/audit.py", "scripts/limits.py"))),
        (["**"], {}, [], ("note", ("Makefile", "scripts/audit.py", "scripts/limits.py"))),
        (["src/**"], {}, [], None),
        (["scripts/new.py"], {}, [], None),
        (["scripts/audit.py"], {}, ["scripts/**"], None),
        (["scripts/audit.py"], {"may_configure": ["scripts/*"]}, [], None),
        (["Makefile"], {"command": "make"}, [], ("warning", ("Makefile",))),
        (["package.json"], {"command": "npm run x"}, [], ("note", ("package.json",))),
        (["Makefile"], {"command": "python src/a.py"}, [], None),
        (["src/a.py"], {"command": "ruff check src/a.py"}, [], None),
    ],
)
def test_what_a_gate_decides_by_and_an_agent_may_change(
    files: list[str], check: dict[str, object], protect: list[str], expected: object
) -> None:
    checks = [{"name": "audit", "command": "make", **check}]
    planned = mission(
        batch("a", agent("x", files=files), agent("y", files=["README.md"]), gate="g"),
        gates={"g": {"checks": checks}},
        workspace={"protect": protect},
    )
    found = inspect(
        make_plan(planned), list(DECIDING), read=lambda path: DECIDING[path].encode()
    ).of(FindingKind.DECIDES)
    told = [(str(one.severity), one.items) for one in found]
    assert told == ([expected] if expected else [])
    for one in found:
        assert one.text.startswith(f"x may change {one.items[0]}")
        assert one.text.endswith("by which the gate decides (audit)")
        assert "`workspace.protect`" in one.mend


def test_a_metric_is_decided_by_its_program() -> None:
    checks = [{"metric": "python scripts/audit.py", "value": "n", "require": "> 1"}]
    planned = mission(
        batch("a", agent("x", files=["scripts/audit.py"]), gate="g"),
        gates={"g": {"checks": checks}},
    )
    read = {path: text.encode() for path, text in DECIDING.items()}.get
    (one,) = inspect(make_plan(planned), list(DECIDING), read=read).of(FindingKind.DECIDES)
    assert one.text == "x may change scripts/audit.py, by which the gate decides (metric-1)"


def test_symbols_are_held_against_the_base() -> None:
    planned = mission(
        batch(
            "a",
            agent("x", files=["src/a.py::Store.put"]),
            agent("y", files=["src/a.py::Store.puts", "src/a.py:3", "src/a.py:10"]),
            agent("z", files=["src/b.py", "src/b.py::X"]),
            overlap="allow",
        )
    )
    outlines = {"src/a.py": STORE, "src/b.py": STORE}
    findings = inspect(make_plan(planned), BASE, outlines)
    symbols = [(one.where, str(one.severity), one.items) for one in findings.of(FindingKind.SYMBOL)]
    assert symbols == [
        ("y", "warning", ("src/a.py::Store.puts",)),
        ("y", "refused", ("src/a.py:10",)),
        ("z", "warning", ("src/b.py::X",)),
    ]
    (overlap,) = findings.of(FindingKind.OVERLAP)
    assert overlap.text == "x and y may both change src/a.py::Store.put"
    with pytest.raises(UsageError, match=r"y: `src/a\.py:10`: src/a\.py has 9 lines in the base"):
        findings.raise_if_refused()


def test_a_plan_with_symbols_says_what_its_lines_stand_for() -> None:
    files = ["src/a.py:3", "src/a.py::Store.put", f"src/{'long/' * 12}a.py::Store.put"]
    plan = make_plan(mission(batch("a", agent("x", files=files)))).resolved({"src/a.py": STORE})
    stream = io.StringIO()
    render_plan(
        plan, Findings(), Console(file=stream, width=120, color_system=None, legacy_windows=False)
    )
    text = "\n".join(line.rstrip() for line in stream.getvalue().split("\n"))
    assert "files  src/a.py:3 → Store.put\n" in text
    assert "src/a.py::Store.put\n" in text
    assert "long/a.py ::Store.put beside" in " ".join(text.split())
    assert "beside its symbols  imports added, private helpers" in text


def test_sixty_agents_are_inspected_quickly() -> None:
    agents = [
        agent(f"x{number}", files=[f"pkg{number}/**", f"tests/test_{number}_*.py"])
        for number in range(60)
    ]
    base = [f"pkg{number % 200}/module_{number}.py" for number in range(4000)]
    assert inspect(make_plan(mission(batch("a", *agents))), base).of(FindingKind.OVERLAP) == ()


def test_two_thousand_agents_are_inspected_in_a_second() -> None:
    """Paths and symbols meet in dictionaries; only what has wildcards is held against others."""
    base = [f"pkg{number // 100}/module_{number}.py" for number in range(2000)]
    agents = [agent(f"x{number}", files=[path]) for number, path in enumerate(base[:900])]
    agents += [agent(f"n{number}", files=[f"name_{number}.py"]) for number in range(500)]
    agents += [agent(f"w{number}", files=[f"pkg9/module_{number}_*.py"]) for number in range(300)]
    agents += [agent(f"s{number}", files=[f"pkg19/big.py::f{number}"]) for number in range(300)]
    agents += [agent("last", files=["pkg8/module_899.py", "pkg19/big.py::f7"])]
    started = time.process_time()
    found = inspect(make_plan(mission(batch("a", *agents))), base).of(FindingKind.OVERLAP)
    seconds = time.process_time() - started
    assert [finding.agents for finding in found] == [("x899", "last"), ("s7", "last")]
    assert seconds < 5  # a second on a machine at rest, a minute where each pair is looked at


def example() -> Mission:
    return mission(
        batch(
            "core",
            agent(
                "1.1",
                files=["src/a.py", "src/*.py"],
                deliverables=["Works", {"text": "x", "proof": "tests/test_a.py"}],
            ),
            agent(
                "1.2", files=["src/a.py"], backend="mine", timeout="90s", attempts=1, optional=True
            ),
            agent("1.3", needs=["1.1"], files=[f"src/{letter}.py" for letter in "cdefgh"]),
            title="Core infrastructure",
            gate="fast",
            overlap="refuse",
            criteria=[{"text": "Green", "proof": "pytest-1"}],
        ),
        batch("docs", agent("2.1", files=["dosc/**"]), needs=["core"], land="whole"),
        batch("review", agent("3.1"), needs=["core"], gate="people"),
        gates={
            "fast": {
                "checks": [
                    {"pytest": ["tests"], "at_least": 12, "must_turn_green": "tests/test_a.py"},
                    {
                        "metric": "python audit.py",
                        "value": "score",
                        "require": ">= 95",
                        "name": "audit",
                    },
                ]
            },
            "people": {
                "checks": [
                    {"approval": "It reads well"},
                    {"command": "make smoke", "report": "out.xml"},
                ]
            },
            "unused": {"checks": [{"command": "true"}]},
        },
        defaults={"backend": "recording", "parallel": 2},
        repository={"path": "../backend", "base": "main"},
    )


SHOWN = """\
m  ../backend at main
Mend it

Waves
├── Wave 1  1 batch
│   └── core  Core infrastructure
│       3 agents · 2 at once · gate fast · criteria 1/1 provable
│       ├── 1.1  1.1
│       │   recording · 1h · 2 attempts · deliverables 1/2 provable
│       │   files  src/a.py
│       │          src/*.py
│       ├── 1.2  1.2
│       │   mine · 1m30s · optional
│       │   files  src/a.py
│       └── 1.3  1.3
│           recording · 1h · 2 attempts · needs 1.1
│           files  src/c.py
│                  src/d.py
│                  src/e.py
│                  src/f.py
│                  and 2 more
└── Wave 2  2 batches, side by side
"""


def shown(planned: Mission, width: int) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None, legacy_windows=False)
    plan = make_plan(planned)
    render_plan(plan, inspect(plan, BASE), console)
    return "\n".join(line.rstrip() for line in stream.getvalue().split("\n"))


def test_the_tree() -> None:
    assert shown(example(), 80).startswith(SHOWN)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_wider_than_the_console_and_nothing_is_lost(width: int) -> None:
    text = shown(example(), width)
    assert max(map(len, text.split("\n"))) <= width
    flat = " ".join(text.split())
    for words in (
        "✗ refused core 1.1 and 1.2",
        "! warning docs no gate",
        "`dosc/**` matches nothing",
        "· note review 3.1: no files",
        "files none: read-only",
        "Critical path core → docs",
        "3 batches in 2 waves, 5 agents, 9 attempts at most, 2 of 3 claims provable",
        "✗ refused: 1 finding must be mended first",
    ):
        assert words in flat or width < 80
    assert "unused" not in text


def test_a_plan_without_findings_or_gates() -> None:
    text = shown(mission(batch("a", agent("x", files=["src/a.py"]))), 80)
    assert "Gates" not in text
    assert "refused" not in text


def test_the_document() -> None:
    plan = make_plan(example())
    document = json.loads(json.dumps(plan_document(plan, inspect(plan, BASE))))
    assert (document["format"], document["version"]) == ("orchestrate/plan", 1)
    assert document["waves"] == [["core"], ["docs", "review"]]
    assert document["is_refused"] is True
    core = document["batches"][0]
    assert core["dependents"] == ["docs", "review"]
    assert core["agents"][1]["timeout_seconds"] == 90
    assert core["agents"][0]["deliverables"] == [
        {"text": "Works", "proof": []},
        {"text": "x", "proof": ["tests/test_a.py"]},
    ]
    assert [check["name"] for check in document["gates"]["fast"]] == ["pytest-1", "audit"]
    assert [check["kind"] for check in document["gates"]["people"]] == ["approval", "command"]
    assert {finding["severity"] for finding in document["findings"]} == {
        "note",
        "warning",
        "refused",
    }
    assert plan_document(plan, Findings())["findings"] == []


def test_words() -> None:
    assert [count(1, "batch"), count(2, "batch"), count(0, "wave")] == [
        "1 batch",
        "2 batches",
        "0 waves",
    ]
    assert [duration(5400), duration(90), duration(3600), duration(0.25)] == [
        "1h30m",
        "1m30s",
        "1h",
        "0.25s",
    ]
    assert Severity("note") is Severity.NOTE


@pytest.mark.parametrize(
    ("files", "gate", "check", "told"),
    [
        (["tests/test_a.py"], {}, {}, ["tests/test_a.py"]),
        (["src/a.py", "/tests/data/golden.json"], {}, {}, ["tests/data/golden.json"]),
        (["tests/test_a.py::test_one"], {}, {}, ["tests/test_a.py"]),
        (["tests/test_a.py"], {"may_change": ["tests/**"]}, {}, []),
        (["tests/test_a.py"], {}, {"may_change": ["tests/test_a.py"]}, []),
        (["tests/test_new.py"], {}, {}, []),
        (["tests/**"], {}, {}, []),
        (["src/a.py"], {}, {}, []),
    ],
)
def test_tests_that_an_agent_is_given_and_its_gate_puts_back(
    files: list[str], gate: dict[str, object], check: dict[str, object], told: list[str]
) -> None:
    planned = mission(
        batch("a", agent("x", files=files), gate="g"),
        gates={"g": {**gate, "checks": [{"pytest": "tests", **check}]}},
    )
    paths = ["src/a.py", "tests/test_a.py", "tests/data/golden.json"]
    found = inspect(
        make_plan(planned), paths, is_of_tests=lambda path: path.startswith("tests/")
    ).of(FindingKind.TESTS)
    assert [path for one in found for path in one.items] == told
    assert all("`may_change`" in one.mend for one in found)
