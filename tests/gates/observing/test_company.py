"""Test runs that meet: what is red beside another run, or while agents are at work, is seen again
apart before it counts.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import anyio
import pytest

from orchestrator.gates.judge import Judge
from orchestrator.gates.observing.company import Company
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import Reason, Verdict
from tests.gates.helpers import Bench
from tests.gates.test_judge import TESTS, checks


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wants(port: int, *, fails: str = "pytest.fail(str(error))") -> dict[str, str]:
    """A test that has a port to itself for a while, and then asks for a value."""
    return {
        "value.py": "GOOD = True\n",
        "tests/test_port.py": f"""
            import socket, time, pytest, value

            def test_server():
                with socket.socket() as server:
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        server.bind(("127.0.0.1", {port}))
                        server.listen()
                    except OSError as error:
                        {fails}
                    time.sleep(1.5)
                assert value.GOOD
            """,
    }


@contextlib.contextmanager
def taken(port: int) -> Iterator[None]:
    """A server of somebody else's at the port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        yield


def side_by_side(judge: Judge, subject: Subject, candidates: list[str], base: str) -> list[Verdict]:
    async def run() -> list[Verdict]:
        found: dict[str, Verdict] = {}

        async def one(candidate: str) -> None:
            found[candidate] = await judge.judge(
                subject, candidate=candidate, base=base, may_rerun=False
            )

        await judge.baseline(subject, base)
        async with anyio.create_task_group() as tasks:
            for candidate in candidates:
                tasks.start_soon(one, candidate)
        return [found[candidate] for candidate in candidates]

    return anyio.run(run)


@pytest.mark.parametrize("fails", ["pytest.fail(str(error))", "pytest.skip(str(error))"])
def test_what_is_red_beside_another_run_is_seen_again_apart(
    bench: Bench, port: int, fails: str
) -> None:
    base = bench.commit({**wants(port, fails=fails), **bench.counting()})
    first = bench.commit({"a.txt": "a\n"})
    second = bench.commit({"a.txt": "b\n"})
    found = side_by_side(
        bench.judge(parallel=2), Subject(checks=checks(TESTS)), [first, second], base
    )
    assert [verdict.is_passed for verdict in found] == [True, True]
    told = " ".join(verdict.checks[0].text for verdict in found)
    assert "red beside another test run and green apart: tests/test_port.py::test_server" in told
    assert 4 <= bench.count <= 5  # the base, both, and again what was red


def test_what_is_red_apart_too_is_held_against_it(bench: Bench, port: int) -> None:
    base = bench.commit(wants(port))
    fine = bench.commit({"a.txt": "a\n"})
    broken = bench.commit({"value.py": "GOOD = False\n"})
    found = side_by_side(
        bench.judge(parallel=2), Subject(checks=checks(TESTS)), [fine, broken], base
    )
    assert [verdict.is_passed for verdict in found] == [True, False]
    assert found[1].checks[0].reason is Reason.BROKEN


def test_baselines_that_meet_are_not_red_for_it(bench: Bench, port: int) -> None:
    base = bench.commit(wants(port))
    subjects = [
        Subject(gate=name, checks=checks({**TESTS, "at_least": number}))
        for number, name in enumerate(("one", "two"), start=1)
    ]

    async def run() -> list[int]:
        judge = bench.judge(parallel=2)
        passed: list[int] = []

        async def one(subject: Subject) -> None:
            (seen,) = (await judge.baseline(subject, base)).values()
            passed.append(seen.counts.passed)

        async with anyio.create_task_group() as tasks:
            for subject in subjects:
                tasks.start_soon(one, subject)
        return passed

    assert anyio.run(run) == [1, 1]


def judged_after_agents(bench: Bench, base: str, candidate: str, port: int) -> Verdict:
    """The verdict on a candidate whose baseline was seen while an agent had the port."""

    async def run() -> Verdict:
        judge, subject = bench.judge(), Subject(checks=checks(TESTS))
        with taken(port):
            await judge.baseline(subject, base, among_agents=True)
        return await judge.judge(subject, candidate=candidate, base=base)

    return anyio.run(run)


@pytest.mark.slow
def test_a_base_that_was_red_while_agents_worked_excuses_nobody(bench: Bench, port: int) -> None:
    base = bench.commit(wants(port))
    broken = bench.commit({"value.py": "GOOD = False\n"})
    verdict = judged_after_agents(bench, base, broken, port)
    (result,) = verdict.checks
    assert (result.reason, result.pre_existing) == (Reason.BROKEN, ())


def test_what_was_red_before_still_is(bench: Bench, port: int) -> None:
    files = wants(port) | {"tests/test_red.py": "def test_red(): assert 0\n"}
    # Green by itself, and red after the one before it.
    files["tests/test_state.py"] = """
        import sys
        def test_first(): sys.spoilt = True
        def test_second(): assert not hasattr(sys, "spoilt")
        """
    base = bench.commit(files)
    harmless = bench.commit({"value.py": "GOOD = 1\n"})
    verdict = judged_after_agents(bench, base, harmless, port)
    assert verdict.is_passed, verdict.reasons()
    assert set(verdict.checks[0].pre_existing) == {
        "tests/test_red.py::test_red",
        "tests/test_state.py::test_second",
    }


def test_whoever_is_apart_waits_for_the_others_and_keeps_newcomers_waiting() -> None:
    story: list[str] = []

    async def visit(company: Company, name: str, *, apart: bool = False) -> None:
        async with company.enter(apart=apart) as found:
            story.append(f"{name} in")
            await anyio.sleep(0.05)
            story.append(f"{name} out{', met' if found.met else ''}")

    async def run() -> None:
        company = Company()
        async with anyio.create_task_group() as tasks:
            for name in ("a", "b", "c"):
                tasks.start_soon(lambda name=name: visit(company, name, apart=name == "c"))
                await anyio.sleep(0.01)
            tasks.start_soon(visit, company, "d")

    anyio.run(run)
    assert story == ["a in", "b in", "a out, met", "b out, met", "c in", "c out", "d in", "d out"]


def test_whoever_gives_up_waiting_stands_in_nobodys_way() -> None:
    async def run() -> bool:
        company = Company()
        async with company.enter() as first:
            with anyio.move_on_after(0.05):
                async with company.enter(apart=True):
                    raise AssertionError("it was not alone")
            async with company.enter():
                return first.met

    assert anyio.run(run)


def test_a_base_that_is_looked_at_afresh_is_run_again_and_what_it_says_is_remembered(
    bench: Bench,
) -> None:
    """What a search was told of nobody's work in one round must not be forgotten in the next."""
    ran = bench.folder / "ran"
    base = bench.commit(
        {
            "tests/test_a.py": f"""
            from pathlib import Path
            def test_once():
                ran = Path({str(ran)!r})
                before, _ = ran.exists(), ran.touch()
                assert not before
            """
        }
    )
    harmless = bench.commit({"a.txt": "a\n"})

    async def run() -> Verdict:
        judge, subject = bench.judge(), Subject(checks=checks(TESTS))
        await judge.baseline(subject, base)
        look = await judge.look(subject, "tests", commit=base, base=base, is_afresh=True)
        assert look.ran
        assert look.seen.counts.failed == 1
        again = await judge.look(subject, "tests", commit=base, base=base)
        assert not again.ran
        return await judge.judge(subject, candidate=harmless, base=base)

    (result,) = anyio.run(run).checks
    assert (result.broken, result.flaky) == ((), ("tests/test_a.py::test_once",))


def test_a_port_that_two_runs_want_is_not_taken_for_a_test_that_cares(
    bench: Bench, port: int
) -> None:
    """The gate is run with the changed functions broken, and beside that with marks in them."""
    files = wants(port)
    base = bench.commit({**files, "shop.py": "def total(): return 1\n"})
    changed = bench.commit({"shop.py": "def total(): return 2\n"})

    async def run() -> Verdict:
        subject = Subject(checks=checks(TESTS), exercise=True)
        return await bench.judge(parallel=2).judge(subject, candidate=changed, base=base)

    assert [result.reason for result in anyio.run(run).checks] == [None, Reason.VACUOUS]


def test_what_has_come_over_the_base_meanwhile_is_not_the_candidates(
    bench: Bench, port: int
) -> None:
    """An agent of another batch takes a port after the baseline has been seen, and keeps it."""
    base = bench.commit(wants(port))
    harmless = bench.commit({"a.txt": "a\n"})

    async def run() -> Verdict:
        judge, subject = bench.judge(), Subject(checks=checks({**TESTS, "at_least": 1}))
        await judge.baseline(subject, base)
        with taken(port):
            return await judge.judge(subject, candidate=harmless, base=base)

    (result,) = anyio.run(run).checks
    assert (result.broken, result.flaky) == ((), ("tests/test_port.py::test_server",))
