"""Checks with services beside them: on ports of their own, and never red for what a service lacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.gates.judge import Judge
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import Decision, Reason, Verdict
from orchestrator.mission.model import Check, CommandCheck, MetricCheck, PytestCheck, Service
from orchestrator.services.services import Services
from tests.gates.helpers import Bench

SERVES = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
WEB = {"command": SERVES, "env": {"URL": "http://127.0.0.1:{port}/", "DATABASE": "{database}"}}
SHOP = {
    "shop.txt": "open",
    "shop.py": "def price():\n    return 2\n",
    "tests/test_shop.py": """
        import os, urllib.request
        import shop

        def fetched(name):
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            return opener.open(os.environ["URL"] + name, timeout=10).read().decode()

        def test_it_is_open():
            assert fetched("shop.txt") == "open"

        def test_price():
            assert shop.price() == 3
    """,
}
TESTS = PytestCheck.model_validate(
    {"pytest": "tests", "must_turn_green": "tests/test_shop.py::test_price"}
)
MENDED = {"shop.py": "def price():\n    return 3\n"}


def judge_of(bench: Bench, services: dict[str, Any], *, parallel: int = 1) -> Judge:
    made = {name: Service.model_validate(keys) for name, keys in services.items()}
    place = Services(made, folder=bench.folder / "services", tag=bench.tag)
    return bench.judge(parallel, services=place)


def verdict_of(
    bench: Bench, services: dict[str, Any], base: str, candidate: str, *checks: Check, **more: Any
) -> Verdict:
    subject = Subject(checks=checks or (TESTS,), services=("web",), **more)

    async def judge() -> Verdict:
        made = judge_of(bench, services)
        try:
            return await made.judge(subject, base=base, candidate=candidate)
        finally:
            await made.aclose()

    found = anyio.run(judge)
    left = bench.folder / "services"
    assert not left.exists() or not list(left.iterdir())
    return found


def logs_of(bench: Bench) -> dict[str, str]:
    return {path.name: path.read_text() for path in (bench.folder / "reports/logs/gates").iterdir()}


def test_tests_reach_a_server_of_their_own_tree(bench: Bench) -> None:
    base, candidate = bench.commit(SHOP), bench.commit(MENDED)
    found = verdict_of(bench, {"web": WEB}, base, candidate)
    assert found.decision is Decision.PASSED, found.reasons()
    servers = [text for name, text in logs_of(bench).items() if name.endswith("-web.log")]
    assert sum("GET /shop.txt" in text for text in servers) >= 2


def test_commands_and_metrics_are_given_the_same(bench: Bench) -> None:
    script = (
        "import os, urllib.request as u; print(u.urlopen(os.environ['URL'] + 'shop.txt').status)"
    )
    commit = bench.commit(SHOP)
    ask = [sys.executable, "-c", script]
    command = CommandCheck.model_validate({"command": ask})
    metric = MetricCheck.model_validate({"metric": ask, "value": r"^(\d+)$", "require": "== 200"})
    without = CommandCheck.model_validate(
        {"command": ["sh", "-c", 'test -z "$URL"'], "services": []}
    )
    database = CommandCheck.model_validate(
        {"command": ["sh", "-c", 'test "$DATABASE"'], "env": {"DATABASE": ""}}
    )
    found = verdict_of(bench, {"web": WEB}, commit, commit, command, metric, without, database)
    assert [check.decision for check in found.checks] == [Decision.PASSED] * 4, found.reasons()


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("it ends", {"command": ["sh", "-c", "echo no such disk; exit 5"], "ready": {"log": "up"}}, "no such disk"),
    ("it hangs", {"command": ["sleep", "600", "{port}"], "timeout": 0.2}, "was not ready after 0.2 s"),
    ("it is not there", {"command": ["no-such-server", "{port}"]}, "no-such-server"),
    ("its set-up fails", {**WEB, "setup": "sh -c 'echo full; exit 1'"}, "full"),
    ("it cannot be filled", {**WEB, "fill": "no-such-client"}, "`fill` cannot be started"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "said"), [pytest.param(*it[1:], id=it[0]) for it in BROKEN])
def test_a_service_that_cannot_be_had_is_the_places_fault(
    bench: Bench, service: dict[str, Any], said: str
) -> None:
    base, candidate = bench.commit(SHOP), bench.commit({"shop.py": "def price():\n    return 9\n"})
    found = verdict_of(bench, {"web": service}, base, candidate)
    (check,) = found.checks
    assert check.decision is Decision.ERRORED
    assert check.reason is Reason.CANNOT_RUN
    assert "service web" in check.text
    assert said in check.text
    assert not check.failing
    assert not check.broken

    async def lacks() -> None:
        subject = Subject(checks=(TESTS,), services=("web",))
        (fault,) = await judge_of(bench, {"web": service}).lacks(subject, base)
        assert said in fault.line
        assert "`services`" in fault.mend

    anyio.run(lacks)
    # When it has been mended, what was seen without it does not count.
    assert verdict_of(bench, {"web": WEB}, base, candidate).decision is Decision.FAILED


ENDS_THE_SERVER = """
def price():
    import os, signal
    os.kill(int(open("server.pid").read()), signal.SIGKILL)
    {then}
"""


@pytest.mark.parametrize(
    "then",
    ["return 3", "return 2", "import time; time.sleep(600)", "os._exit(1)", "raise KeyError"],
)
def test_what_its_end_makes_of_tests_is_not_held_against_them(bench: Bench, then: str) -> None:
    noting = [sys.executable, "-u", "-c", """
import os, runpy, sys
open("server.pid", "w").write(str(os.getpid()))
sys.argv = ["server", "--bind", "127.0.0.1", "{port}"]
runpy.run_module("http.server", run_name="__main__")
"""]  # fmt: skip
    base = bench.commit(SHOP)
    candidate = bench.commit({"shop.py": ENDS_THE_SERVER.format(then=then)})
    found = verdict_of(bench, {"web": {**WEB, "command": noting}}, base, candidate)
    (check,) = found.checks
    assert check.decision is Decision.ERRORED, found.reasons()
    assert check.reason is Reason.SERVICE_FAILED
    assert "service web was ended by signal 9 while it was needed" in check.text
    assert not check.failing


def test_a_candidate_that_its_own_server_cannot_start_does_not_pass(bench: Bench) -> None:
    own = {
        **SHOP,
        "serve.py": "import sys, http.server\nsys.argv[1:] = sys.argv[1:]\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), "
        "http.server.SimpleHTTPRequestHandler).serve_forever()\n",
    }
    base = bench.commit(own)
    candidate = bench.commit({**MENDED, "serve.py": "raise SystemExit('no flour')\n"})
    service = {**WEB, "command": [sys.executable, "serve.py", "{port}"]}
    (check,) = verdict_of(bench, {"web": service}, base, candidate).checks
    assert check.decision is Decision.ERRORED
    assert check.reason is Reason.SERVICE_FAILED
    assert "no flour" in check.text


def test_what_is_known_of_another_service_is_not_used(bench: Bench) -> None:
    commit = bench.commit(SHOP)
    counts = CommandCheck.model_validate({"command": ["sh", "-c", f"printf x >> {bench.runs}"]})

    def runs(
        service: dict[str, Any], check: Check = counts, wanted: tuple[str, ...] = ("web",)
    ) -> int:
        before = bench.count
        subject = Subject(checks=(check,), services=wanted)
        seen = anyio.run(lambda: judge_of(bench, {"web": service}).baseline(subject, commit))
        assert [it.exit_code for it in seen.values()] == [0]
        return bench.count - before

    assert runs(WEB) == 1
    assert runs(WEB) == 0
    others = [
        {**WEB, "env": {**WEB["env"], "MORE": "1"}},
        {**WEB, "command": [*SERVES, "--directory", "."]},
        {**WEB, "fill": "true"},
        {**WEB, "ready": {"http": "http://127.0.0.1:{port}/"}},
        {**WEB, "stop": "INT"},
    ]
    assert [runs(service) for service in others] == [1] * 5
    assert runs({**WEB, "needs": (), "stop": "SIGTERM"}) == 0, "that is what it is anyway"
    own = counts.model_copy(update={"services": ("web",)})
    assert runs(WEB, own, wanted=()) == 0, "whoever says it, it is the same"
    assert runs(WEB, wanted=()) == 1


def test_checks_side_by_side_meet_nowhere(bench: Bench, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    script = (
        "import os, pathlib, time, sys; n = pathlib.Path(sys.argv[1]); me = os.environ['URL'] + os.environ['DATABASE'];"
        "(n / str(os.getpid())).write_text(me); limit = time.time() + 20\n"
        "while len(list(n.iterdir())) < 2 and time.time() < limit: time.sleep(0.01)"
    )
    commit = bench.commit(SHOP)

    async def look(number: int) -> None:
        check = CommandCheck.model_validate(
            {
                "command": [sys.executable, "-c", script, str(notes)],
                "name": f"c{number}",
                "env": {"N": str(number)},
            }
        )
        subject = Subject(gate=f"g{number}", checks=(check,), services=("web",))
        await judge.baseline(subject, commit)

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look, 1)
            tasks.start_soon(look, 2)

    judge = judge_of(bench, {"web": WEB}, parallel=2)
    anyio.run(both)
    seen = [path.read_text() for path in notes.iterdir()]
    assert len(set(seen)) == len(seen) >= 2
