"""The judge on real commits: baselines, verdicts, proofs, approvals, and what is not run twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from orchestrator.gates.judge import Judge
from orchestrator.gates.rules.claims import is_proven
from orchestrator.gates.subject import Approval, Progress, Subject
from orchestrator.isolation.processes import TAG
from orchestrator.journal.facts import Decision, Reason, Verdict
from orchestrator.mission.model import AnyCheck, ApprovalCheck, Claim, CommandCheck, Gate
from tests.gates.helpers import Bench

RED = "def test_x(): assert 0\n"
GREEN = "def test_x(): assert 1\n"
FAULTY = {
    "tests/test_a.py": "import value\ndef test_x(): assert value.GOOD\n",
    "value.py": "GOOD = False\n",
}
MENDED = {"value.py": "GOOD = True\n"}
OTHER = "def test_y(): assert 1\n"


def checks(*written: dict[str, Any]) -> tuple[AnyCheck, ...]:
    return Gate.model_validate({"checks": list(written)}).checks


def claims(*written: object) -> tuple[Claim, ...]:
    return tuple(
        Claim.model_validate({"text": text} if isinstance(text, str) else text) for text in written
    )


TESTS = {"pytest": "tests", "name": "tests"}
EDITABLE = {**TESTS, "may_change": "tests/**"}
"""For what says by its tests how it comes out."""


def judge(judge: Judge, subject: Subject, candidate: str, base: str, **more: Any) -> Verdict:
    async def run() -> Verdict:
        return await judge.judge(subject, candidate=candidate, base=base, **more)

    return anyio.run(run)


def test_a_fix_is_seen_as_one(bench: Bench) -> None:
    base = bench.commit({**FAULTY, "tests/test_b.py": OTHER})
    fixed = bench.commit(MENDED)
    subject = Subject(
        gate="core", checks=checks({**TESTS, "must_turn_green": "tests/test_a.py::test_x"})
    )
    told: list[Progress] = []
    verdict = judge(bench.judge(), subject, fixed, base, on_progress=told.append)
    assert verdict.is_passed, verdict.reasons()
    assert (verdict.commit, verdict.base, verdict.cached) == (fixed, base, False)
    assert len(verdict.tree) == 40
    assert verdict.environment
    (result,) = verdict.checks
    assert result.turned_green == ("tests/test_a.py::test_x",)
    assert (result.name, result.kind, result.exit_code, result.text) == (
        "tests",
        "pytest",
        0,
        "2 tests passed, 1 turned green",
    )
    reports = bench.folder / "reports"
    assert "2 passed" in (reports / result.log).read_text()
    rows = json.loads((reports / result.evidence).read_text())["tests"]
    assert [(row["id"], row["base"], row["candidate"]) for row in rows] == [
        ("tests/test_a.py::test_x", "failed", "passed"),
        ("tests/test_b.py::test_y", "passed", "passed"),
    ]
    assert {
        (progress.check, progress.on_base, progress.done, progress.red) for progress in told
    } >= {
        ("tests", True, 2, 1),
        ("tests", False, 2, 0),
    }


def test_what_a_candidate_breaks_and_what_was_broken(bench: Bench) -> None:
    base = bench.commit(
        {"tests/test_a.py": RED, "tests/test_b.py": OTHER, "tests/test_c.py": GREEN}
    )
    worse = bench.commit(
        {"tests/test_b.py": "def test_y(): assert 0\n"}, remove=("tests/test_c.py",)
    )
    verdict = judge(bench.judge(), Subject(checks=checks(EDITABLE)), worse, base)
    (result,) = verdict.checks
    assert (verdict.decision, result.reason) == (Decision.FAILED, Reason.BROKEN)
    assert result.broken == ("tests/test_b.py::test_y", "tests/test_c.py::test_x")
    assert result.pre_existing == ("tests/test_a.py::test_x",)
    assert verdict.reasons() == "tests: " + result.text


def test_new_tests_of_new_code_are_absent_on_the_base(bench: Bench) -> None:
    base = bench.commit({"tests/test_b.py": OTHER})
    fixed = bench.commit(
        {
            "new.py": "def f(): return 1\n",
            "tests/test_new.py": "import new\ndef test_n(): assert new.f()\n",
        }
    )
    later = bench.commit(
        {"tests/more/test_m.py": "import new\ndef test_m(): assert new.f() == 1\n"}
    )
    for candidate, asked in (
        (fixed, ["tests/test_new.py"]),
        (later, ["tests/more", "tests/test_new.py::test_n"]),
    ):
        subject = Subject(checks=checks({"pytest": asked, "must_turn_green": asked}))
        verdict = judge(bench.judge(), subject, candidate, base)
        assert verdict.is_passed, verdict.reasons()
        assert verdict.checks[0].base_counts is not None
        assert verdict.checks[0].base_counts.collected == 0


def test_tests_of_code_that_the_base_lacks_do_not_hide_its_others(bench: Bench) -> None:
    base = bench.commit(
        {"tests/test_a.py": "import new\ndef test_n(): pass\n", "tests/test_b.py": OTHER}
    )
    fixed = bench.commit({"new.py": "", "tests/test_b.py": "def test_y(): assert 0\n"})
    subject = Subject(checks=checks({**EDITABLE, "must_turn_green": "tests/test_a.py"}))
    (result,) = judge(bench.judge(), subject, fixed, base).checks
    assert (result.reason, result.broken) == (Reason.BROKEN, ("tests/test_b.py::test_y",))


def test_passes_are_not_run_again_and_failures_are(bench: Bench) -> None:
    other = "import value\ndef test_y(): assert value.FINE\n"
    values = "GOOD, FINE = False, True\n"
    base = bench.commit(
        {**FAULTY, **bench.counting(), "value.py": values, "tests/test_b.py": other}
    )
    fixed = bench.commit({"value.py": values.replace("False", "True")})
    worse = bench.commit({"value.py": values.replace("False, True", "True, False")})
    subject = Subject(gate="core", checks=checks(TESTS))
    first = bench.judge()
    anyio.run(first.baseline, subject, base)
    anyio.run(first.baseline, subject, base)
    assert bench.count == 1
    assert judge(first, subject, fixed, base).is_passed
    assert bench.count == 2
    again = judge(first, subject, fixed, base)
    assert (again.is_passed, again.cached, bench.count) == (True, True, 2)
    resumed = bench.judge()
    assert (judge(resumed, subject, fixed, base).cached, bench.count) == (True, 2)
    assert not judge(resumed, subject, worse, base).is_passed
    assert (
        bench.count == 7
    )  # what is red is run by itself, twice on the candidate and twice on the base
    red = judge(resumed, subject, worse, base)
    assert (red.is_passed, red.cached, bench.count) == (False, False, 8)
    # What was a candidate is the base of the next one, and needs no run of its own.
    assert not judge(resumed, subject, worse, fixed).is_passed
    assert bench.count == 11


def test_another_check_or_environment_is_another_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = bench.commit({**bench.counting(), "tests/test_a.py": GREEN})
    anyio.run(bench.judge().baseline, Subject(checks=checks(TESTS)), base)
    anyio.run(bench.judge().baseline, Subject(checks=checks({**TESTS, "at_least": 2})), base)
    assert bench.count == 2
    monkeypatch.setattr(
        "orchestrator.gates.observing.observer.environment_fingerprint", lambda _: "another"
    )
    anyio.run(bench.judge().baseline, Subject(checks=checks(TESTS)), base)
    assert bench.count == 3


def test_two_who_ask_at_once_share_one_run(bench: Bench) -> None:
    base = bench.commit({**bench.counting(), "tests/test_a.py": GREEN})
    subject, made = Subject(checks=checks(TESTS)), bench.judge(parallel=2)

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.baseline, subject, base)
            tasks.start_soon(made.baseline, subject, base)

    anyio.run(both)
    assert bench.count == 1


def test_what_one_check_leaves_behind_is_not_there_for_the_next(bench: Bench) -> None:
    suite = """
        import os, pathlib
        def test_x():
            assert not pathlib.Path("left.txt").exists() and not pathlib.Path.home().joinpath("left.txt").exists()
            pathlib.Path("left.txt").write_text("x")
            pathlib.Path.home().joinpath("left.txt").write_text("x")
            pathlib.Path("tests/test_a.py").write_text("def test_x(): pass")
    """
    base = bench.commit({"tests/test_a.py": suite})
    subject = Subject(
        checks=checks(TESTS, {**TESTS, "name": "again", "at_least": 1, "timeout": 60})
    )
    verdict = judge(bench.judge(), subject, bench.commit({"x.py": ""}), base)
    assert verdict.is_passed, verdict.reasons()
    assert [result.name for result in verdict.checks] == ["tests", "again"]


def test_all_kinds_of_checks_come_together(bench: Bench) -> None:
    base = bench.commit({"tests/test_a.py": GREEN, "n.json": '{"n": 90}'})
    better = bench.commit({"n.json": '{"n": 97}'})
    written = checks(
        TESTS,
        {"command": ["true"]},
        {
            "command": {"shell": "echo '<testsuite><testcase name=\"a\"/></testsuite>' > out.xml"},
            "report": "out.xml",
        },
        {"metric": ["cat", "n.json"], "value": "n", "require": ">= 95"},
    )
    verdict = judge(bench.judge(), Subject(checks=written), better, base)
    assert verdict.is_passed, verdict.reasons()
    assert [(result.name, result.text) for result in verdict.checks] == [
        ("tests", "1 test passed"),
        ("command-1", "exit code only: 0"),
        ("command-2", "1 test passed"),
        ("metric-1", "97 is >= 95"),
    ]
    assert verdict.checks[3].base_value == 90
    assert (
        judge(bench.judge(), Subject(checks=written), base, better).checks[3].reason
        is Reason.BELOW_THRESHOLD
    )


def test_true_with_a_report_is_no_proof(bench: Bench) -> None:
    base = bench.commit({"out.xml": "<testsuite><testcase name='a'/></testsuite>"})
    subject = Subject(checks=checks({"command": ["true"], "report": "out.xml"}))
    (result,) = judge(bench.judge(), subject, bench.commit({"a.py": ""}), base).checks
    assert (result.decision, result.reason) == (Decision.FAILED, Reason.REPORT_MISSING)


def test_a_check_that_does_not_end_or_start_is_never_green_nor_remembered(bench: Bench) -> None:
    base = bench.commit({"a.py": ""})
    slow = Subject(
        checks=checks(
            {"command": ["sleep", "30"], "timeout": 0.5}, {"command": ["no-such-program"]}
        )
    )
    verdict = judge(bench.judge(), slow, bench.commit({"b.py": ""}), base)
    assert verdict.decision is Decision.ERRORED
    assert [result.reason for result in verdict.checks] == [Reason.TIMED_OUT, Reason.NOT_STARTED]
    kept = list((bench.folder / "reports" / "evidence" / "observations").iterdir())
    assert len(kept) == 2  # the slow one, on both trees


def test_claims_get_what_the_evidence_says(bench: Bench) -> None:
    base = bench.commit(
        {
            "tests/test_a.py": RED,
            "tests/test_b.py": OTHER,
            "more/test_m.py": GREEN,
            "empty.md": " \n",
        }
    )
    fixed = bench.commit({"tests/test_a.py": GREEN, "doc.md": "done\n"})
    subject = Subject(
        gate="core",
        checks=checks(EDITABLE),
        criteria=claims({"text": "a", "proof": "tests"}, "b"),
        deliverables={
            "one": claims(
                {"text": "c", "proof": "tests/test_a.py::test_x"},
                {"text": "d", "proof": {"file": "doc.md"}},
            ),
            "two": claims({"text": "e", "proof": "more"}, "f"),
            "three": claims({"text": "g", "proof": ["tests/test_gone.py", {"file": "gone.md"}]}),
        },
    )
    verdict = judge(bench.judge(), subject, fixed, base, absent={"three": "its work conflicts"})
    assert verdict.is_passed, verdict.reasons()
    assert [(result.name, result.kind, result.text) for result in verdict.checks] == [
        ("tests", "pytest", "2 tests passed, 1 turned green"),
        ("proofs", "proofs", "1 test passed, 1 file there"),
    ]
    everything = (
        *verdict.criteria,
        *(claim for of in verdict.deliverables.values() for claim in of),
    )
    assert {claim.text: claim.status.value for claim in everything} == {
        "a": "validated",
        "b": "unvalidated",
        "c": "validated",
        "d": "validated",
        "e": "validated",
        "f": "unvalidated",
        "g": "unvalidated",
    }
    assert verdict.deliverables["three"][0].detail == "its work conflicts"
    for claim in everything:
        assert all((bench.folder / "reports" / evidence).exists() for evidence in claim.evidence)
        assert bool(claim.evidence) is (claim.status == "validated")


def test_a_proof_that_fails_makes_the_gate_red(bench: Bench) -> None:
    base = bench.commit({"tests/test_a.py": RED, "tests/test_b.py": OTHER, "more/test_m.py": RED})
    (bench.source / "link.md").symlink_to("README.md")
    candidate = bench.commit({"empty.md": "", "x.py": ""})
    made = bench.judge()
    for proof, reason in (
        ("tests/test_a.py", Reason.TESTS_FAILED),  # as on the base, but named
        ("tests/test_gone.py", Reason.PROOF_MISSING),
        ("more/test_m.py", Reason.TESTS_FAILED),
        ("more/test_gone.py", Reason.PROOF_MISSING),
        ({"file": "gone.md"}, Reason.PROOF_MISSING),
        ({"file": "empty.md"}, Reason.PROOF_MISSING),
        ({"file": "tests"}, Reason.PROOF_MISSING),
        ({"file": "../README.md"}, Reason.PROOF_MISSING),
        ({"file": "link.md"}, Reason.PROOF_MISSING),
    ):
        asked = claims({"text": "a", "proof": proof})
        for more in ({"criteria": asked}, {"deliverables": {"one": asked}}):
            subject = Subject(checks=checks(TESTS), **more)
            verdict = judge(made, subject, candidate, base)
            assert verdict.decision is Decision.FAILED
            assert [result.reason for result in verdict.checks if result.reason] == [reason]
            (claim,) = verdict.criteria or verdict.deliverables["one"]
            assert claim.status == "failed"
            assert claim.detail


def test_what_the_proofs_of_an_agent_say_of_a_commit_that_it_did_not_change(bench: Bench) -> None:
    base = bench.commit({"tests/test_a.py": GREEN, "tests/test_b.py": RED, "doc.md": "x"})
    made = bench.judge()

    def proven(*proofs: object) -> bool:
        async def run() -> bool:
            fixing = {
                "pytest": "tests/test_a.py",
                "name": "fix",
                "must_turn_green": "tests/test_a.py",
            }
            subject = Subject(checks=checks(TESTS, {"command": ["true"], "name": "audit"}, fixing))
            written = claims(*({"text": "t", "proof": proof} for proof in proofs), "no proof")
            return is_proven(await made.prove(written, commit=base, subject=subject))

        return anyio.run(run)

    assert not proven()
    assert proven("tests/test_a.py", {"file": "doc.md"})
    assert proven("audit")
    assert proven("fix")  # it is so already
    assert not proven("tests")
    assert not proven("audit", "tests/test_b.py::test_x")
    assert not proven("tests/test_gone.py")
    assert not proven({"file": "gone.md"})


def test_a_check_called_as_one_of_ours_is_not_hidden(bench: Bench) -> None:
    base = bench.commit({"tests/test_a.py": GREEN})
    written = checks(
        {"command": ["false"], "name": "proofs"},
        {**TESTS, "name": "changes", "must_turn_green": "tests/n.py"},
    )
    subject = Subject(checks=written, criteria=claims({"text": "a", "proof": {"file": "doc.md"}}))
    verdict = judge(bench.judge(), subject, bench.commit({"doc.md": "x"}), base)
    assert [(result.name, result.decision.value) for result in verdict.checks] == [
        ("proofs", "failed"),
        ("changes", "failed"),
        ("proofs-of-ours", "passed"),
        ("changes-of-ours", "failed"),
    ]
    assert verdict.criteria[0].status == "validated"


APPROVED = {"by": "ada", "at": "2026-01-01T00:00:00Z"}


def test_people_are_asked_last_and_only_about_what_passes(bench: Bench) -> None:
    base = bench.commit({**bench.counting(), "tests/test_a.py": GREEN})
    fine = bench.commit({"x.py": ""})
    bad = bench.commit({"tests/test_a.py": RED})
    subject = Subject(
        checks=checks({"approval": "ship it?", "name": "sign-off"}, TESTS),
        criteria=claims({"text": "users agree", "proof": "sign-off"}),
    )
    made = bench.judge()
    asked = judge(made, subject, fine, base)
    assert asked.decision is Decision.WAITING
    assert [result.name for result in asked.checks] == ["tests", "sign-off"]
    assert asked.criteria[0].status == "unvalidated"
    runs = bench.count
    elsewhere = Approval(**APPROVED, tree="another")
    assert (
        judge(made, subject, fine, base, approvals={"sign-off": elsewhere}).decision
        is Decision.WAITING
    )
    given = Approval(**APPROVED, tree=asked.tree)
    done = judge(made, subject, fine, base, approvals={"sign-off": given})
    assert (done.decision, done.cached, bench.count) == (Decision.PASSED, True, runs)
    assert (done.checks[1].approved_by, done.criteria[0].status) == ("ada", "validated")
    red = judge(made, subject, bad, base, approvals={"sign-off": given})
    assert (red.decision, [result.name for result in red.checks]) == (Decision.FAILED, ["tests"])


def test_documentation_is_not_a_fix(bench: Bench) -> None:
    base = bench.commit(
        {
            "tests/test_a.py": "import pathlib\ndef test_x(): assert pathlib.Path('DONE.md').exists()\n"
        }
    )
    prose = bench.commit({"DONE.md": "completely resolved\n"})
    subject = Subject(checks=checks({**TESTS, "must_turn_green": "tests/test_a.py"}))
    verdict = judge(bench.judge(), subject, prose, base)
    assert verdict.decision is Decision.FAILED
    assert [(result.name, result.reason) for result in verdict.checks] == [
        ("tests", None),
        ("changes", Reason.NO_CODE_CHANGED),
    ]
    assert judge(bench.judge(), Subject(checks=checks(TESTS)), prose, base).is_passed


def test_nothing_asked_is_nothing_proven(bench: Bench) -> None:
    base = bench.commit({"a.py": ""})
    subject = Subject(criteria=claims("all is well"))
    verdict = judge(bench.judge(), subject, bench.commit({"b.py": ""}), base)
    assert (verdict.decision, verdict.checks, verdict.cached) == (Decision.NOT_CHECKED, (), False)
    assert verdict.criteria[0].status == "unvalidated"


def test_a_judge_that_is_stopped_leaves_no_process_and_no_tree_lent(
    bench: Bench, tmp_path: Path
) -> None:
    base = bench.commit({"a.py": ""})
    pids = tmp_path / "pids"
    slow = Subject(checks=checks({"command": {"shell": f"echo $$ >> {pids}; sleep 60"}}))
    made = bench.judge()

    async def stop_and_go_on() -> Verdict:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(made.baseline, slow, base)
                while not (  # noqa: ASYNC110  (another process writes it)
                    pids.exists() and pids.read_text().endswith("\n")
                ):
                    await anyio.sleep(0.02)
                tasks.cancel_scope.cancel()
        return await made.judge(
            Subject(checks=checks({"command": ["true"]})), candidate=base, base=base
        )

    assert anyio.run(stop_and_go_on).is_passed
    (pid,) = pids.read_text().split()
    assert not Path(f"/proc/{pid}").exists()


def test_models_are_what_they_say() -> None:
    assert isinstance(checks({"approval": "x"})[0], ApprovalCheck)
    assert isinstance(checks({"command": "x"})[0], CommandCheck)


@pytest.mark.parametrize("fate", ["waits", "was killed", "is not there"])
def test_a_test_process_that_was_started_in_advance_judges_alike(bench: Bench, fate: str) -> None:
    base = bench.commit(
        {**FAULTY, "json.py": "raise SystemExit(0)\n", "sitecustomize.py": "x = 1 / 0\n"}
    )
    fixed = bench.commit(MENDED)
    subject = Subject(
        gate="core", checks=checks({**TESTS, "must_turn_green": "tests/test_a.py::test_x"})
    )

    async def run() -> tuple[Verdict, list[int]]:
        async with contextlib.aclosing(bench.judge()) as judge:
            await judge.baseline(subject, base)
            if fate != "is not there":
                await judge.prepare(subject)
                [prepared] = await processes_started(f"{bench.tag}/")
                if fate == "was killed":
                    os.kill(prepared, signal.SIGKILL)
                    await anyio.sleep(0.2)
            return await judge.judge(subject, candidate=fixed, base=base), processes_tagged(
                f"{bench.tag}/"
            )

    verdict, left = anyio.run(run)
    assert verdict.is_passed, verdict.reasons()
    assert verdict.checks[0].turned_green == ("tests/test_a.py::test_x",)
    assert left == []


def test_a_test_process_that_nobody_needed_is_ended(bench: Bench) -> None:
    subject = Subject(gate="core", checks=checks(EDITABLE))

    async def run() -> list[int]:
        async with contextlib.aclosing(bench.judge()) as judge:
            await judge.prepare(subject)
            await judge.prepare(subject)
            return await processes_started(f"{bench.tag}/")

    assert len(anyio.run(run)) == 1
    assert processes_tagged(f"{bench.tag}/") == []


async def processes_started(prefix: str) -> list[int]:
    """The same once there is one: a process that has just been started has no environment for an
    instant.
    """
    with anyio.fail_after(10):
        while not (found := processes_tagged(prefix)):  # noqa: ASYNC110  (the kernel sends no events)
            await anyio.sleep(0.01)
    return found


def processes_tagged(prefix: str) -> list[int]:
    """The living processes whose environment carries a tag that begins so."""
    return [
        process.pid
        for process in psutil.process_iter()
        if environment_of(process).get(TAG, "").startswith(prefix)
    ]


def environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ() if process.status() != psutil.STATUS_ZOMBIE else {}
    except psutil.Error:  # it is gone
        return {}


def test_a_symbol_that_is_there_is_a_proof(bench: Bench) -> None:
    base = bench.commit(
        {"shop.py": "class Shop:\n    def open(self): ...\n", "shop.bas": "10 GOTO 10\n"}
    )
    made = bench.commit(
        {
            "shop.py": "class Shop:\n    def open(self): ...\n    def on_sale(self): ...\n",
            "web.ts": "export class Page {\n  show() {\n    return 1;\n  }\n}\n",
            "bad.py": "def f(:\n",
        }
    )

    def said(*symbols: str, commit: str = made) -> dict[str, tuple[str, str]]:
        asked = claims(*({"text": symbol, "proof": {"symbol": symbol}} for symbol in symbols))
        subject = Subject(gate="core", criteria=asked)
        verdict = judge(bench.judge(), subject, commit, base)
        assert verdict.is_passed == all(claim.status == "validated" for claim in verdict.criteria)
        return {claim.text: (claim.status, claim.detail) for claim in verdict.criteria}

    there = said(
        "shop.py::Shop.on_sale", "shop.py::Shop", "shop.py::Shop.on_*", "web.ts::Page.show"
    )
    assert set(there.values()) == {("validated", "")}
    missing = said("shop.py::Shop.opn", "gone.py::f", "shop.bas::f", "bad.py::g")
    assert {status for status, _ in missing.values()} == {"failed"}
    details = {symbol: detail.removeprefix(f"{symbol} ") for symbol, (_, detail) in missing.items()}
    assert details["shop.py::Shop.opn"] == "does not exist; there is Shop.open"
    assert details["gone.py::f"] == "does not exist: there is no file gone.py"
    assert (
        details["shop.bas::f"]
        == "cannot be looked for: the language is not known by the file's ending"
    )
    assert details["bad.py::g"].startswith("does not exist (the file does not parse in 1 place)")

    async def unchanged() -> bool:
        asked = claims({"text": "x", "proof": {"symbol": "shop.py::Shop.open"}})
        return is_proven(await bench.judge().prove(asked, commit=base))

    assert anyio.run(unchanged), "who changed nothing may have had nothing to do"


def test_programs_see_the_variables_of_their_gate(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Constants and names, of the gate and of a check; another value is another observation."""
    test = (
        "import os\ndef test_x(): assert (os.environ['SQLITE'], os.environ['URL']) == ('1', 'u')\n"
    )
    base = bench.commit({"tests/test_a.py": test, "proofs/test_p.py": test})
    fixed = bench.commit({"a": ""})
    gate = Gate.model_validate(
        {
            "env": [{"SQLITE": "0"}, "URL"],
            "checks": [
                {**TESTS, "env": {"SQLITE": "1"}},
                {"command": {"shell": 'test "$SQLITE$URL" = 0u'}, "name": "plain"},
            ],
        }
    )
    subject = Subject(checks=gate.checks, env=gate.env)
    for url, decision in (("u", Decision.PASSED), ("other", Decision.FAILED)):
        monkeypatch.setenv("URL", url)
        verdict = judge(bench.judge(), subject, fixed, base)
        assert [check.decision for check in verdict.checks] == [decision, decision], url
    monkeypatch.setenv("URL", "u")
    proven = Subject(
        env=Gate.model_validate({"env": {"SQLITE": "1", "URL": "u"}, "checks": [TESTS]}).env,
        criteria=claims({"text": "It is so", "proof": "proofs/test_p.py"}),
    )
    assert judge(bench.judge(), proven, fixed, base).is_passed


def test_what_the_base_lacks_too_is_not_held_against_a_candidate(bench: Bench) -> None:
    base = bench.commit({"tests/test_a.py": "import not_here\n", "requirements.txt": "not-here\n"})
    adds = bench.commit({"tests/test_b.py": "import not_here\n"})
    mends = bench.commit({"not_here.py": "", "tests/test_a.py": GREEN, "tests/test_b.py": GREEN})
    subject = Subject(checks=checks(EDITABLE))
    (result,) = judge(bench.judge(), subject, adds, base).checks
    assert (result.decision, result.reason) == (Decision.ERRORED, Reason.CANNOT_RUN)
    assert "No module named 'not_here'" in result.text
    assert judge(bench.judge(), subject, mends, base).is_passed
