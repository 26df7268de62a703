"""The small pure parts: selection, the chain of records, prose, evidence files, approvals,
claims.
"""

from __future__ import annotations

import itertools
import json
import stat
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import EnvironmentRefused
from orchestrator.gates.observing.evidence import (
    Evidence,
    check_fingerprint,
    environment_fingerprint,
)
from orchestrator.gates.observing.observation import Observation, RecordState
from orchestrator.gates.observing.plugin.orchestrate_line import encoder, in_lines, next_link
from orchestrator.gates.observing.record import LINE_LIMIT_BYTES, Record
from orchestrator.gates.observing.selection import Families, ancestors, covers, excuses
from orchestrator.gates.observing.trees import Trees
from orchestrator.gates.rules.approvals import approve, decide_approval, overall
from orchestrator.gates.rules.claims import Findings, is_proven, judge_claims, left_out, plan_proofs
from orchestrator.gates.rules.prose import is_prose, no_code_changed
from orchestrator.gates.rules.sameness import does_the_same, says_the_same
from orchestrator.gates.subject import Approval, Subject, named_checks
from orchestrator.isolation.seal import Seal
from orchestrator.journal.facts import (
    CheckResult,
    ClaimResult,
    ClaimStatus,
    Decision,
    Reason,
    Verdict,
)
from orchestrator.mission.model import (
    AnyCheck,
    ApprovalCheck,
    Claim,
    CommandCheck,
    FileProof,
    MetricCheck,
    PytestCheck,
    SymbolProof,
)
from tests.gates.helpers import seen

# -- selection


def test_all_that_a_test_is_under() -> None:
    assert list(ancestors("a/b.py::K::t[x::y[z]]")) == [
        "a/b.py::K::t[x::y[z]]",
        "a/b.py::K::t",
        "a/b.py::K",
        "a/b.py",
        "a",
        ".",
    ]
    assert list(ancestors("a[1]/b.py")) == ["a[1]/b.py", "a[1]", "."]


def test_covering_and_excusing() -> None:
    assert covers(["tests/"], "tests/a.py::t")
    assert covers(["./tests/a.py::K"], "tests/a.py::K::t[1]")
    assert covers(["."], "a.py")
    assert not covers(["tests/a.py"], "tests")
    assert not covers(["tests/a"], "tests/a.py")
    assert excuses(["tests/old/*"], "tests/old/a.py::t")
    assert excuses(["tests/old"], "tests/old/a.py::t[1]")
    assert not excuses(["tests/ol"], "tests/old/a.py::t")


def test_families() -> None:
    families = Families(["a.py::t[1]", "a.py::t[2]", "pkg.mod.K::t"])
    assert families["a.py::t"] == ("a.py::t[1]", "a.py::t[2]")
    assert families["pkg.mod"] == ("pkg.mod.K::t",)
    assert families["a"] == ()


# -- the chain of records


def lines(*records: tuple[str, dict[str, object]], token: str = "t") -> list[bytes]:
    made = []
    for number, (kind, facts) in enumerate(records, start=1):
        body = json.dumps([number, kind, facts])
        token = next_link(token, body)
        made.append(f"{token} {body}\n".encode())
    return made


PASSED = {"outcome": "passed", "seconds": 0.1, "message": ""}
WATCHED = {
    "controls": 1,
    "control": [],
    "patched": [],
    "reached": [],
    "shadowed": [],
    "used": ["os"],
    "always_equal": [],
    "forged": [],
}
WHOLE = lines(
    ("collected", {"ids": ["a", "b"]}),
    ("test", {"id": "a", **PASSED}),
    ("test", {"id": "b", **PASSED, "outcome": "failed"}),
    ("watch", WATCHED),
    ("finish", {"exit": 1}),
)


def record(*chunks: bytes) -> Record:
    made = Record("t")
    for chunk in chunks:
        made.feed(chunk)
    return made


def test_a_whole_record() -> None:
    whole = record(*WHOLE)
    assert (whole.state, whole.problem, whole.finish, whole.red) == (RecordState.COMPLETE, "", 1, 1)
    assert record().state is RecordState.MISSING


@given(st.lists(st.integers(0, sum(map(len, WHOLE))), max_size=8))
def test_however_it_is_cut(cuts: list[int]) -> None:
    data = b"".join(WHOLE)
    places = [0, *sorted(cuts), len(data)]
    parts = [data[start:end] for start, end in itertools.pairwise(places)]
    assert record(*parts) == record(*WHOLE)


@given(st.integers(0, sum(map(len, WHOLE)) - 1), st.integers(0, 255))
def test_no_byte_can_be_changed_unnoticed(place: int, byte: int) -> None:
    data = bytearray(b"".join(WHOLE))
    if data[place] != byte:
        data[place] = byte
        assert record(bytes(data)).state is not RecordState.COMPLETE


@pytest.mark.parametrize(
    "chunks",
    [
        WHOLE[:-1],
        lines(("collected", {"ids": []}), ("finish", {"exit": 0})),
        lines(("watch", {**WATCHED, "forged": 1}), ("finish", {"exit": 0})),
        [*WHOLE[:1], *WHOLE[2:]],
        [*WHOLE[:2], WHOLE[1], *WHOLE[2:]],
        [*WHOLE, b"more\n"],
        [*WHOLE, b"more"],
        [b"nonsense\n", *WHOLE],
        [b"x" * (LINE_LIMIT_BYTES + 1), *WHOLE],
        lines(("test", {"id": "a"}), ("finish", {"exit": 0})),
        lines(("test", {"id": "a", **PASSED, "outcome": "great"}), ("finish", {"exit": 0})),
        lines(("collected", {"ids": ["a"]}), ("finish", {"exit": 0})),
    ],
)
def test_what_is_no_whole_record(chunks: list[bytes]) -> None:
    assert record(*chunks).state in (RecordState.TRUNCATED, RecordState.DAMAGED)
    assert record(*chunks).problem


def test_who_asked_for_a_line_is_told_with_it() -> None:
    body = json.dumps([1, "", {}, ["a.py", "another thread"]])
    asked = record(f"{next_link('t', body)} {body}\n".encode())
    assert list(asked.oddities["forged"]) == ["a.py", "another thread"]


def test_a_line_says_what_json_would_say() -> None:
    values = [0, -1, 1.5, 1e300, True, None, "", '\x00\n"\\ö\U0001f600', [[], {}], {"a b": [1]}]
    assert json.loads(encoder()(values)) == values
    assert json.loads(encoder()({"a": Path("/x"), "b": (1, "2")})) == {"a": "/x", "b": [1, "2"]}


def test_many_ids_take_many_lines() -> None:
    ids = [f"tests/test_it.py::test_{number}" for number in range(31_000)]
    portions = list(in_lines(ids))
    assert [test_id for portion in portions for test_id in portion] == ids
    assert max(len(json.dumps(portion)) for portion in portions) < LINE_LIMIT_BYTES / 4
    assert not list(in_lines(()))


def test_what_was_red_once_stays_red() -> None:
    failed = {**PASSED, "outcome": "failed"}
    for first, second in ((failed, PASSED), (PASSED, failed)):
        made = record(
            *lines(
                ("test", {"id": "a", **first}),
                ("test", {"id": "a", **second}),
                ("finish", {"exit": 0}),
            )
        )
        assert (made.tests["a"].outcome, made.red) == ("failed", 1)


# -- prose


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "docs/a/b.html",
        "CHANGELOG",
        "notes.txt",
        "src/x.rst",
        "docs/image.png",
        "LICENSE",
    ],
)
def test_prose(path: str) -> None:
    assert is_prose(path)


@pytest.mark.parametrize(
    "path",
    [
        "a.py",
        "requirements.txt",
        "requirements/dev-requirements.txt.in",
        "CMakeLists.txt",
        "docs/conf.py",
        "constraints-3.txt",
        "mdfile",
    ],
)
def test_not_prose(path: str) -> None:
    assert not is_prose(path)


def test_documentation_is_not_a_fix() -> None:
    result = no_code_changed(["b.md", "docs/a.svg"], {}.get, {}.get)
    assert result is not None
    assert (result.decision, result.reason) == (Decision.FAILED, Reason.NO_CODE_CHANGED)
    assert result.text == "a fix is claimed, but only prose was changed (2 files: b.md, docs/a.svg)"
    assert no_code_changed(["b.md", "a.py"], {}.get, {}.get) is None
    assert no_code_changed([], {}.get, {}.get) is None


CODE = b'"""Doc."""\n\nx = 1  # one\n\n\ndef f():\n    """Say so."""\n    return x\n'


@pytest.mark.parametrize(
    ("after", "is_same"),
    [
        (CODE, True),
        (
            b'"""Completely resolved."""\nx = 1\ndef f():\n    """Fixed."""\n    # thread-safe now\n    return (x)\n',
            True,
        ),
        (CODE.replace(b"return x", b"return x + 1"), False),
        (CODE.replace(b"x = 1", b'x = "1"'), False),
        (b"x = (", False),
        (None, False),
    ],
)
def test_comments_and_docstrings_are_no_code(after: bytes | None, is_same: bool) -> None:
    assert says_the_same("a.py", CODE, after) is is_same
    assert says_the_same("a.py", None, after) is False
    assert (
        no_code_changed(["a.py"], {"a.py": CODE}.get, {"a.py": after}.get) is not None
    ) is is_same


@pytest.mark.parametrize(
    ("path", "before", "after", "is_same"),
    [
        ("a.js", "f(1)\n", "// fixed\nf( 1 ) /* now */\n", True),
        ("a.js", "f(1)\n", "f(2)\n", False),
        ("a.js", "f('a  b')\n", "f('a b')\n", False),
        ("a.ts", "f(1)\n", "// @ts-ignore\nf(1)\n", False),
        ("a.go", "package a\n", "// Words.\npackage a\n", True),
        ("a.go", "package a\n", "//go:build linux\npackage a\n", False),
        ("a.rs", "fn f() {}\n", "/// Words.\nfn f() {}\n", True),
        ("a.rs", "fn f() {}\n", "#[inline]\nfn f() {}\n", False),
        ("a.json", '{"a": 1}', '{ "a":\n1 }', True),
        ("a.json", '{"a": 1}', '{"a": 2}', False),
        ("a.json", '{"a": 1', '{"a": 1 ', False),
        ("a.toml", "a = 1\n", "# one\na = 1\n", True),
        ("a.toml", "a = 1\n", "a = 2\n", False),
        ("a.yaml", "a: 1\n", "# one\na:  1\n", True),
        ("a.yaml", "a: 1\n", 'a: "1"\n', False),
        ("a.sql", "select 1", "select 1 ", False),
    ],
)
def test_comments_of_other_languages_and_lay_out_of_data_are_no_code(
    path: str, before: str, after: str, is_same: bool
) -> None:
    assert says_the_same(path, before.encode(), after.encode()) is is_same
    assert says_the_same(path, after.encode(), before.encode()) is is_same


FUNCTION = "def f(a, b):\n    c = a + b\n    return c\n"


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        (FUNCTION, FUNCTION.replace("(a, b)", "(a: int, b: int = 0) -> int"), False),
        (FUNCTION, FUNCTION.replace("(a, b)", "(a: int, b: list[int]) -> int"), True),
        (
            FUNCTION,
            FUNCTION.replace("c = ", "total: int = ").replace("return c", "return total"),
            True,
        ),
        (FUNCTION, FUNCTION.replace("c", "total"), True),
        (FUNCTION, FUNCTION.replace("a", "first"), False),
        (FUNCTION, FUNCTION.replace("a + b", "b + a"), False),
        (FUNCTION, FUNCTION.replace("def f", "def g"), False),
        (FUNCTION, FUNCTION.replace("def f", "async def f"), False),
        (FUNCTION, f"import typing\n{FUNCTION}", False),
        ("X = 1\n", "X: int = 1\n", True),
        ("X = 1\n", "Y = 1\n", False),
        ("X = 60 * 60\n", "X = 3600\n", True),
        ("class A:\n    x: int = 1\n", "class A:\n    x: str = 1\n", False),
        ("class A:\n    def f(self): 'a'\n", "class A:\n    def f(self) -> None: 'b'\n", True),
        ("f = lambda a: a\n", "f = lambda b: b\n", False),
        ("x = [a for a in y]\n", "x = [b for b in y]\n", True),
        ("x = 1.0\n", "x = 1\n", False),
    ],
)
def test_what_does_the_same_is_no_fix_where_nothing_came_of_it(
    before: str, after: str, is_same: bool
) -> None:
    assert does_the_same("a.py", before.encode(), after.encode()) is is_same
    both = {"a.py": before.encode()}.get, {"a.py": after.encode()}.get
    assert no_code_changed(["a.py"], *both) is None, "where the gate is green, it did something"
    found = no_code_changed(["a.py"], *both, is_green=False)
    assert (found is not None) is is_same
    if found is not None:
        assert found.text.endswith("but what was changed does the same as before (1 file: a.py)")


# -- evidence

TESTS = PytestCheck(pytest=("tests",))


def test_fingerprints_tell_checks_apart_and_not_names() -> None:
    assert check_fingerprint(TESTS) == check_fingerprint(PytestCheck(pytest=("tests",), name="t"))
    others = [PytestCheck(pytest=("tests",), at_least=2), PytestCheck(pytest=("test",)), TESTS]
    command = CommandCheck.model_validate({"command": "tests"})
    metric = MetricCheck.model_validate({"metric": "tests", "value": "v", "require": "> 1"})
    assert len({check_fingerprint(check) for check in (*others, command, metric)}) == 5
    assert (
        environment_fingerprint("a") == environment_fingerprint("a") != environment_fingerprint("b")
    )


def test_observations_are_kept_by_what_was_seen_where(tmp_path: Path) -> None:
    seal = Seal.kept_in(tmp_path / "seal")
    evidence = Evidence(tmp_path, seal)
    one = seen(a__x="passed").model_copy(
        update={"check": "c" * 64, "tree": "t" * 40, "environment": "e" * 64}
    )
    evidence.keep(one)
    again = Evidence(tmp_path, Seal.kept_in(tmp_path / "seal"))
    assert again.observation("c" * 64, "t" * 40, "e" * 64) == one
    assert evidence.observation("c" * 64, "t" * 39 + "x", "e" * 64) is None
    assert evidence.observation("c" * 64, "u" * 40, "e" * 64) is None
    (file,) = (tmp_path / "evidence" / "observations").iterdir()
    file.write_text(file.read_text()[:-2])
    assert evidence.observation("c" * 64, "t" * 40, "e" * 64) is None
    assert json.loads(one.model_dump_json())["version"] == 1


def test_evidence_that_somebody_else_wrote_is_none(tmp_path: Path) -> None:
    """Made up whole, with a mark of another key, edited, moved to another tree, without a key."""
    names = {"check": "c" * 64, "tree": "t" * 40, "environment": "e" * 64}
    evidence = Evidence(tmp_path, Seal(b"k" * 32))
    evidence.keep(seen(a__x="failed").model_copy(update=names))
    (file,) = (tmp_path / "evidence" / "observations").iterdir()
    honest = file.read_bytes()
    better = seen(a__x="passed").model_copy(update=names).model_dump_json().encode()
    forgeries = {
        "no mark": better,
        "an empty one": b"\n" + better,
        "another key's": Seal(b"j" * 32).mark("observation", better).encode() + b"\n" + better,
        "of something else": Seal(b"k" * 32).mark("key", better).encode() + b"\n" + better,
        "the honest one's": honest.partition(b"\n")[0] + b"\n" + better,
        "edited": honest.replace(b"failed", b"passed"),
        "not ASCII": b"\xff\n" + better,
    }
    for name, data in forgeries.items():
        file.write_bytes(data)
        assert evidence.observation(*names.values()) is None, name
    file.write_bytes(honest)
    assert evidence.observation(*names.values()) is not None
    assert Evidence(tmp_path).observation(*names.values()) is None
    moved = {**names, "tree": "t" * 12 + "u" * 28}
    assert evidence.observation(*moved.values()) is None


def test_the_key_of_the_seal_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "seal"
    mark = Seal.kept_in(path).mark("a", b"b")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Seal.kept_in(path).holds(mark, "a", b"b")
    assert not Seal.kept_in(path).holds(mark, "a", b"c")
    path.chmod(0o644)  # others may have read it
    assert not Seal.kept_in(path).holds(mark, "a", b"b")
    (tmp_path / "chosen").write_bytes(b"k" * 32)
    (tmp_path / "chosen").chmod(0o600)
    mark = Seal(b"k" * 32).mark("a", b"b")
    path.unlink()
    path.symlink_to("chosen")
    assert not Seal.kept_in(path).holds(mark, "a", b"b")
    path.unlink()
    path.hardlink_to(tmp_path / "chosen")
    assert not Seal.kept_in(path).holds(mark, "a", b"b")
    path.write_bytes(b"")
    assert Seal.kept_in(path).mark("a", b"b") == Seal.kept_in(path).mark("a", b"b")
    assert not [left for left in tmp_path.iterdir() if left.name.startswith(".seal")]


def test_names_of_evidence_are_never_given_twice(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    first, second = (
        evidence.keep_result("a b/c", CheckResult(name="c", kind="k", decision=Decision.PASSED), ())
        for _ in "12"
    )
    assert (first.evidence, second.evidence) == ("evidence/a_b_c.json", "evidence/a_b_c-2.json")
    assert json.loads((tmp_path / first.evidence).read_text())["result"]["name"] == "c"


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("in the way")
    with pytest.raises(EnvironmentRefused, match="evidence cannot be written"):
        Evidence(tmp_path).keep(seen(a__x="passed"))


# -- work trees


class Checkouts:
    """Remembers who has what, and that nobody has it twice."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.calls: list[tuple[str, str]] = []

    def checkout(self, name: str, commit: str) -> Checkouts:
        self.calls.append((name, commit))
        return self


def test_trees_are_lent_to_one_at_a_time_and_best_to_who_had_it(tmp_path: Path) -> None:
    checkouts = Checkouts(tmp_path)
    lent: set[str] = set()
    most = 0

    async def use(trees: Trees, commit: str) -> None:
        nonlocal most
        async with trees.lend(commit) as tree:
            assert tree.name not in lent
            lent.add(tree.name)
            most = max(most, len(lent))
            assert list(tree.home.iterdir()) == []
            (tree.home / "left").touch()
            await anyio.sleep(0.01)
            lent.remove(tree.name)

    async def run() -> None:
        trees = Trees(checkouts, tmp_path / "homes", 2)
        async with anyio.create_task_group() as tasks:
            for number in range(6):
                tasks.start_soon(use, trees, f"c{number % 2}")
        for commit in ("c0", "c1", "c0", "c1"):
            await use(trees, commit)

    anyio.run(run)
    assert (most, {name for name, _ in checkouts.calls}) == (2, {"gate.1", "gate.2"})
    assert len(set(checkouts.calls[-4:])) == 2


# -- names of checks


def test_no_check_hides_another() -> None:
    command = CommandCheck.model_validate({"command": "m"})
    twin = PytestCheck(pytest=("b",), name="pytest-1")
    names = named_checks((TESTS, command, twin, TESTS, ApprovalCheck(approval="ok?")))
    assert list(names) == ["pytest-1", "command-1", "pytest-1-again", "pytest-3", "approval-1"]
    assert Subject(checks=(TESTS,)).claims_a_fix is False
    assert (
        Subject(checks=(PytestCheck(pytest=("b",), must_turn_green=("b",)),)).claims_a_fix is True
    )


# -- approvals

YES = Approval(by="ada", at="2026-01-01T00:00:00Z", tree="tree")


def waiting(*claims: ClaimResult) -> Verdict:
    checks = (
        CheckResult(name="tests", kind="pytest", decision=Decision.PASSED),
        decide_approval("sign-off", "ship it?", None, "tree"),
        decide_approval("legal", "may we?", None, "tree"),
    )
    return Verdict(
        decision=overall(checks), commit="c", tree="tree", base="b", checks=checks, criteria=claims
    )


def test_a_gate_waits_for_a_person_and_goes_on() -> None:
    open_claim = ClaimResult(
        text="users agree", status=ClaimStatus.UNVALIDATED, proofs=("sign-off",), detail="waits"
    )
    bare = ClaimResult(text="it is nice", status=ClaimStatus.UNVALIDATED)
    verdict = waiting(open_claim, bare)
    assert verdict.decision is Decision.WAITING
    assert (
        verdict.reasons()
        == "sign-off: waits for a person: ship it?; legal: waits for a person: may we?"
    )
    half = approve(verdict, "sign-off", YES)
    assert half.decision is Decision.WAITING
    assert [claim.status for claim in half.criteria] == [
        ClaimStatus.VALIDATED,
        ClaimStatus.UNVALIDATED,
    ]
    whole = approve(half, "legal", YES)
    assert whole.decision is Decision.PASSED
    assert (whole.checks[1].approved_by, whole.checks[1].text) == ("ada", "ada approved: ship it?")
    assert approve(whole, "legal", YES) is whole
    assert approve(whole, "tests", YES) is whole


def test_a_no_and_a_yes_to_something_else() -> None:
    claim = ClaimResult(
        text="users agree", status=ClaimStatus.UNVALIDATED, proofs=("sign-off", "legal")
    )
    no = approve(waiting(claim), "sign-off", YES.model_copy(update={"is_granted": False}))
    assert (no.decision, no.checks[1].reason) == (Decision.FAILED, Reason.DECLINED)
    assert no.criteria[0].status is ClaimStatus.FAILED
    other = approve(waiting(claim), "sign-off", YES.model_copy(update={"tree": "another"}))
    assert other.decision is Decision.WAITING
    assert "ada saw another tree" in other.checks[1].text
    assert approve(waiting(claim), "sign-off", YES).criteria[0].status is ClaimStatus.UNVALIDATED


def test_evidence_against_is_the_strongest() -> None:
    def of(*decisions: Decision) -> Decision:
        return overall(CheckResult(name="x", kind="k", decision=decision) for decision in decisions)

    assert of() is Decision.PASSED
    assert of(Decision.PASSED, Decision.WAITING) is Decision.WAITING
    assert of(Decision.WAITING, Decision.ERRORED, Decision.PASSED) is Decision.ERRORED
    assert of(Decision.ERRORED, Decision.FAILED) is Decision.FAILED


# -- claims


def claim(text: str, *proofs: object) -> Claim:
    return Claim.model_validate({"text": text, "proof": list(proofs)})


CHECKS: dict[str, AnyCheck] = {
    "tests": TESTS,
    "audit": CommandCheck.model_validate({"command": "m"}),
}


def test_proofs_are_looked_for_where_they_are_run_anyway() -> None:
    claims = [
        claim("a", "tests/a.py::x", "audit"),
        claim("b", "other/b.py", {"file": "doc.md"}),
        claim("c", "tests/"),
    ]
    plan = plan_proofs(claims, CHECKS)
    assert plan.by_check == {"tests": ("tests/a.py::x", "tests/")}
    assert (plan.extra, plan.things) == (("other/b.py",), (FileProof(file="doc.md"),))


def found(observation: Observation, decision: Decision = Decision.PASSED) -> Findings:
    results = {
        name: CheckResult(
            name=name, kind="k", decision=decision, evidence=f"{name}.json", text="so it was"
        )
        for name in ("tests", "audit", "proofs")
    }
    things = {
        FileProof(file="doc.md"): None,
        FileProof(file="no.md"): "is empty",
        SymbolProof(symbol="a.py::f"): None,
        SymbolProof(symbol="a.py::g"): "does not exist; there is f",
    }
    return Findings(results, {"tests": observation, "proofs": observation}, things)


TREE = seen(tests__a="passed").model_copy(
    update={
        "tests": {
            f"tests/{name.replace('__', '.py::')}": test
            for name, test in seen(
                a__x="passed", a__y="failed", b__x="skipped", c__x="passed", c__y="skipped"
            ).tests.items()
            for name in [name.replace(".py::", "__")]
        }
    }
)


@pytest.mark.parametrize(
    ("proofs", "status", "detail"),
    [
        ((), ClaimStatus.UNVALIDATED, "no proof is named"),
        (("tests/a.py::x",), ClaimStatus.VALIDATED, ""),
        (("tests/c.py",), ClaimStatus.VALIDATED, ""),
        (("tests/a.py",), ClaimStatus.FAILED, "tests/a.py::y did not pass"),
        (("tests/b.py",), ClaimStatus.FAILED, "no test of tests/b.py passed"),
        (("tests/gone.py",), ClaimStatus.FAILED, "no test of tests/gone.py passed"),
        (("tests/a.py::x", "tests/a.py::y"), ClaimStatus.FAILED, "tests/a.py::y did not pass"),
        (("audit",), ClaimStatus.VALIDATED, ""),
        (({"file": "doc.md"},), ClaimStatus.VALIDATED, ""),
        (({"file": "no.md"}, "audit"), ClaimStatus.FAILED, "no.md is empty"),
        (({"symbol": "a.py::f"}, "audit"), ClaimStatus.VALIDATED, ""),
        (
            ({"symbol": "a.py::g"}, "audit"),
            ClaimStatus.FAILED,
            "a.py::g does not exist; there is f",
        ),
        (({"symbol": "a.py::other"},), ClaimStatus.FAILED, "a.py::other was not looked at"),
    ],
)
def test_claims(proofs: tuple[object, ...], status: ClaimStatus, detail: str) -> None:
    (result,) = judge_claims([claim("it", *proofs)], CHECKS, found(TREE), "proofs")
    assert (result.status, result.detail) == (status, detail)
    if status is ClaimStatus.VALIDATED:
        assert result.evidence


def test_claims_of_what_could_not_be_carried_out_are_open() -> None:
    stopped = TREE.model_copy(update={"timed_out": True})
    claims = [claim("a", "tests/c.py"), claim("b", "audit"), claim("c", "tests/a.py::y")]
    results = judge_claims(claims, CHECKS, found(stopped, Decision.ERRORED), "proofs")
    assert [result.status for result in results] == ["unvalidated", "unvalidated", "failed"]
    nothing = judge_claims(claims[:2], CHECKS, Findings({}, {}), "proofs")
    assert [result.detail for result in nothing] == ["tests/c.py was not run", "audit was not run"]
    red = judge_claims(claims[1:2], CHECKS, found(TREE, Decision.FAILED), "proofs")
    assert (red[0].status, red[0].detail) == (ClaimStatus.FAILED, "audit: so it was")


def test_claims_of_those_who_are_not_there() -> None:
    (result,) = left_out([claim("a", "tests/c.py")], "its work conflicts")
    assert (result.status, result.detail, result.proofs) == (
        ClaimStatus.UNVALIDATED,
        "its work conflicts",
        ("tests/c.py",),
    )


def test_what_is_proven() -> None:
    good = ClaimResult(text="a", status=ClaimStatus.VALIDATED, proofs=("x",))
    bare = ClaimResult(text="b", status=ClaimStatus.UNVALIDATED)
    assert is_proven([good, bare])
    assert not is_proven([bare])
    assert not is_proven([])
    assert not is_proven([good, good.model_copy(update={"status": ClaimStatus.FAILED})])
    assert not is_proven([good, good.model_copy(update={"status": ClaimStatus.UNVALIDATED})])
