"""What a brief says, and to whom `auto` gives it."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from orchestrator.agents.brief import OTHERS_SHOWN, Briefs, EarlierAttempt
from orchestrator.agents.registry import make_backend
from orchestrator.engine.attempts.reviewing import findings_in
from orchestrator.errors import EnvironmentRefused
from orchestrator.mission.model import Mission
from orchestrator.mission.scope import Scope
from orchestrator.mission.symbols import exactly
from orchestrator.plan import make_plan
from tests.reports.builder import agent, batch, mission


def rendered(
    made: Mission,
    id: str = "1.1",
    earlier: tuple[EarlierAttempt, ...] = (),
    template: Path | None = None,
):
    plan = make_plan(made)
    return Briefs(made, template).render(plan.batch(plan.agent(id).batch), plan.agent(id), earlier)


def test_everything_that_an_agent_has_to_know() -> None:
    one = agent("1.1", tasks=["Make the pool", "Fill the pool"], files=["src/pool.py", "docs/**"])
    text = rendered(mission(batch("core", one, "1.2"), workspace={"protect": ["tests/**"]}))
    for part in (
        "Agent 1.1 (1.1)",
        "Do the work of 1.1",
        "Fix WebSocket event delivery",
        "batch `core`",
        "The core batch",
        "- Make the pool",
        "- Fill the pool",
        "`src/pool.py`",
        "`docs/**`",
        "tests/**",
        "1.1 works — proven by tests/test_1.1.py::test_works",
        "- 1.1 is integrated",
        "`python -m pytest tests`",
        "1.2 Agent 1.2: src/1.2.py",
    ):
        assert part in text, part
    assert "## Attempt" not in text


def test_symbols_of_a_file_come_with_what_may_be_added_to_it() -> None:
    one = agent(
        "1.1", files=["src/pool.py::Pool.open", "src/a.py:214"], imports="deny", new_symbols="allow"
    )
    made = mission(batch("core", one, agent("1.2", files=["src/a.py:7"])))
    plan = make_plan(made)
    known = {id: Scope(plan.agent(id).scope.patterns, "deny", "allow", (("src/a.py:214", exactly(("A", "run"))),))
             for id in ("1.1",)}  # fmt: skip
    briefs = Briefs(made)
    briefs.scopes = known
    text = briefs.render(plan.batch("core"), plan.agent("1.1"))
    assert "- `src/pool.py::Pool.open`\n- `src/a.py::A.run`\n" in text
    for part in (
        "this symbol alone",
        "not touch the imports",
        "add new symbols",
        "1.2 Agent 1.2: src/a.py:7",
    ):
        assert part in text, part
    other = briefs.render(plan.batch("core"), plan.agent("1.2"))
    assert "1.1 Agent 1.1: src/pool.py::Pool.open, src/a.py::A.run" in other
    for part in ("add imports to such a file", "add private helpers"):
        assert part in other, part
    assert "symbol" not in rendered(mission(batch("core", "1.1")))


def test_earlier_attempts_come_with_their_evidence() -> None:
    earlier = (
        EarlierAttempt(
            1, "out_of_scope", "changed what it may not change: x.py", "- x.py: not in its scope"
        ),
        EarlierAttempt(2, "rejected", "gate tests is red", "{{ not a template }} <b>&amp;</b>"),
    )
    text = rendered(mission(batch("core", "1.1")), earlier=earlier)
    assert text.index("Attempt 1 ended as out_of_scope") < text.index("Attempt 2 ended as rejected")
    assert "- x.py: not in its scope" in text
    assert "{{ not a template }} <b>&amp;</b>" in text, (
        "what an agent printed is text, not a template"
    )


def test_a_reviewer_is_told_that_it_may_change_nothing() -> None:
    text = rendered(mission(batch("core", agent("1.1", files=[]))))
    assert "Any change that you make is discarded" in text
    assert "FINDING high|medium|low PATH:LINE: " in text
    # Who only repeats its brief has found nothing, and has not said so either.
    assert findings_in(text.splitlines()) == ((), False)
    assert "FINDING" not in rendered(mission(batch("core", agent("1.1"))))


def test_the_others_of_a_large_batch_do_not_drown_it() -> None:
    text = rendered(mission(batch("core", "1.1", *(f"x{n}" for n in range(OTHERS_SHOWN + 7)))))
    assert "and 7 more" in text
    assert text.count("\n- x") == OTHERS_SHOWN


def test_kinds_of_checks_are_told_as_commands() -> None:
    checks = [
        {"pytest": ["tests/a", "tests/b"]},
        {"command": ["make", "it so"]},
        {"metric": "python m.py", "value": "x", "require": ">= 1"},
        {"approval": "looks good"},
    ]
    text = rendered(mission(batch("core", "1.1"), gates={"tests": {"checks": checks}}))
    for part in (
        "`python -m pytest tests/a tests/b`",
        "`make 'it so'`",
        "`python m.py`",
        "sign-off: looks good",
    ):
        assert part in text


def test_a_mission_extends_the_template(tmp_path: Path) -> None:
    own = tmp_path / "own.md.j2"
    own.write_text(
        '{% extends "brief.md.j2" %}{% block more %}House rules for {{ agent.id }}.{% endblock %}'
    )
    text = rendered(mission(batch("core", "1.1")), template=own)
    assert text.startswith("# Agent 1.1 (1.1)")
    assert "House rules for 1.1." in text


def test_a_template_with_a_wrong_name_is_an_error(tmp_path: Path) -> None:
    own = tmp_path / "own.md.j2"
    own.write_text("{{ agnet.id }}")
    with pytest.raises(jinja2.TemplateError, match="agnet"):
        rendered(mission(batch("core", "1.1")), template=own)


def choose(tmp_path: Path, **backends: object) -> str:
    made = mission(batch("core", "1.1"), defaults={"backend": "auto"}, backends=backends)
    return make_backend("auto", made, tmp_path).name


def test_auto_takes_the_first_that_is_preferred_and_works(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    backends = {
        "missing": {"command": "no-such-agent"},
        "shell": {"command": "sh"},
        "replay": {"dir": "rec"},
    }
    assert choose(tmp_path, auto={"prefer": ["missing", "shell"]}, **backends) == "shell"
    assert choose(tmp_path, auto={"prefer": ["missing"]}, **backends) == "replay"
    assert choose(tmp_path, **backends) == "replay"


def test_auto_with_nothing_that_works_says_what_it_tried(tmp_path: Path) -> None:
    with pytest.raises(
        EnvironmentRefused, match=r"missing \(no-such-agent is not on PATH\), replay \(there is no"
    ):
        choose(
            tmp_path,
            auto={"prefer": ["missing"]},
            missing={"command": "no-such-agent"},
            replay={"dir": "rec"},
        )
    with pytest.raises(EnvironmentRefused, match="names no backend and no recording"):
        choose(tmp_path)


def test_a_backend_by_name_that_does_not_work_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    made = mission(batch("core", "1.1"), backends={"missing": {"command": "no-such-agent"}})
    with pytest.raises(
        EnvironmentRefused, match="backend `missing` cannot work here: no-such-agent is not on PATH"
    ):
        make_backend("missing", made, tmp_path)


def test_what_is_red_on_the_base_is_told_truthfully_and_bounded() -> None:
    made = mission(batch("core", "1.1"))
    plan = make_plan(made)

    def told(red: list[str] | None) -> str:
        return Briefs(made).render(plan.batch("core"), plan.agent("1.1"), red=red)

    assert "on the base" not in told(None), "nobody has looked"
    assert "Nothing of it is red on the base." in told([])
    text = told([f"tests/test_{n}.py::test" for n in range(25)])
    assert "(25 in all)" in text
    assert "- `tests/test_19.py::test`" in text
    assert "test_20" not in text
    assert "- and 5 more" in text
