"""What `orchestrate gate` shows while it works, on a terminal and elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from orchestrator.engine.beside.judgement import Case, Judgement, Side
from orchestrator.gates.subject import Progress
from orchestrator.journal.facts import CheckResult, Decision, Reason, Verdict
from orchestrator.ui.gate_view import LiveGate, PlainGate, render_judgement

CASE = Case(
    mission="shop",
    mission_file=Path("shop.yaml"),
    repository=Path("/user"),
    base=Side("main", "b" * 40),
    candidate=Side("c" * 12, "c" * 40),
    gates=("core", "rest"),
    unjudged=2,
    folder=Path("/root/reports/gate-shop"),
)
BROKEN = CheckResult(
    name="tests",
    kind="pytest",
    decision=Decision.FAILED,
    reason=Reason.BROKEN,
    text="passed on the base and no longer do: t.py::a; 1 new failure: t.py::\x1b[31mb",
    broken=tuple(f"t.py::test_{number}" for number in range(30)),
)
VERDICT = Verdict(
    decision=Decision.FAILED,
    commit="c" * 40,
    tree="t" * 40,
    base="b" * 40,
    checks=(BROKEN,),
    seconds=3,
)


def drawn(live: LiveGate) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(live)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_live_view_follows_each_gate() -> None:
    live = LiveGate(Console(file=io.StringIO()))
    assert "looking at the commits" in drawn(live)
    live.on_case(CASE)
    assert drawn(live).split("\n")[:2] == ["▶ core", "· rest"]
    live.on_progress("core", Progress("tests", 3, 12, 1, on_base=True))
    assert "▶ core tests: 3 of 12 tests on the base, 1 red" in drawn(live)
    live.on_verdict("core", VERDICT)
    assert drawn(live).split("\n")[:2] == ["✘ failed core failed in 3.0s", "▶ rest"]


def test_plain_lines_say_each_thing_once() -> None:
    out = io.StringIO()
    with PlainGate(out, clock=lambda: 0.0) as plain:
        plain.on_case(CASE)
        for done in (11, 12, 12):
            plain.on_progress("core", Progress("tests", done, 12, 0))
        plain.on_verdict("core", VERDICT)
    assert out.getvalue().splitlines() == [
        "0.0s shop: cccccccccccc against bbbbbbbbbb (main); gates core, rest",
        "0.0s only commits are judged: 2 uncommitted paths of /user left out (--uncommitted judges them)",
        "0.0s core tests: 12 of 12 tests on the candidate, 0 red",
        "0.0s core failed in 3.0s",
    ]


def test_findings_are_whole_bounded_and_clean() -> None:
    console = Console(file=io.StringIO(), width=60)
    render_judgement(Judgement(CASE, {"core": VERDICT}, "SIGINT"), console)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert (
        "✘ tests (broken): passed on the base and no longer do: t.py::a\n  1 new failure: t.py::b\n"
        in told
    )
    assert "t.py::test_19\n    and 10 more" in told
    assert "stopped by SIGINT; not judged: rest" in told
    assert "\x1b" not in told
