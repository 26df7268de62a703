"""Other languages than Python: functions that fail and values that are others, and new tests of
them that a program runs which writes a report.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.gates.exercise.other_languages import broken
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import Reason, Verdict
from orchestrator.mission.model import Gate
from tests.gates.exercise.test_newcomers import exercised
from tests.gates.helpers import Bench

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")

SHOP = """
    const RATE = 2, NAMES = ["a"], TABLE = {b: {c: 1}}, ON = true;
    function add(a, b) { return a + b; }
    const sub = (a, b) => a - b;
    const curried = a => b => ({ sum: a + b });
    const old = function (a) { 'use strict'; return a; };
    async function later() { return 1; }
    function* each() { yield 1; }
    class Counter {
      step = 1;
      constructor() { this.at = 0; }
      next() { return ++this.at; }
      get size() { return 3; }
      static made() { return new Counter(); }
    }
    module.exports = { RATE, NAMES, TABLE, ON, add, sub, curried, old, later, each, Counter };
"""
RUN = """
    const s = require('./shop.js');
    const calls = {
      rate: () => s.RATE === 2, names: () => s.NAMES[0] === 'a', table: () => s.TABLE.b.c === 1,
      on: () => s.ON, add: () => s.add(1, 2) === 3, sub: () => s.sub(2, 1) === 1,
      curried: () => s.curried(1)(2).sum === 3, old: () => s.old(true), each: () => [...s.each()][0],
      counter: () => new s.Counter().next() === 1, size: () => s.Counter.prototype.size === 3,
      made: () => s.Counter.made().step === 1,
    };
    for (const [name, call] of Object.entries(calls)) {
      let said; try { said = call() ? 'well' : 'other'; } catch (e) { said = e.message; }
      console.log(name, said);
    }
    s.later().then(() => console.log('later well'), e => console.log('later', e.message));
"""


@needs_node
def test_every_kind_of_function_and_value_of_javascript(tmp_path: Path) -> None:
    (tmp_path / "run.js").write_text(RUN)

    def run(source: bytes | None) -> list[str]:
        assert source is not None
        (tmp_path / "shop.js").write_bytes(source)
        command = ["node", "run.js"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    well = run(SHOP.encode())
    assert [line.split()[1] for line in well] == ["well"] * 13
    assert run(broken("shop.js", SHOP.encode(), is_armed=False)) == well
    said = dict(line.split(" ", 1) for line in run(broken("shop.js", SHOP.encode(), is_armed=True)))
    assert {said.pop(name) for name in ("rate", "names", "table", "on")} <= {"other"}
    assert set(said.values()) == {"shop.js is broken on purpose"}


@pytest.mark.parametrize(
    ("path", "source", "made"),
    [
        (
            "a.ts",
            "export const N: number = 1;\nexport abstract class A { abstract f(): void; g(): 1 { return 1; } }\n",
            (
                "export const N: number = (1 + 1);\nexport abstract class A { abstract f(): void; "
                'g(): 1 { if (true) throw new Error("a.ts is broken on purpose");  return 1; } }\n'
            ),
        ),
        (
            "a.go",
            "package a\n\nconst N = 1\n\nfunc init() { x() }\nfunc F(a int) int {\n\treturn a\n}\n",
            (
                "package a\n\nconst N = (1 + 1)\n\nfunc init() { x() }\nfunc F(a int) int {"
                ' if true { panic("a.go is broken on purpose") }; \n\treturn a\n}\n'
            ),
        ),
        (
            "A.java",
            "class A { A() { super(); } int f() { return 1; } }\n",
            (
                "class A { A() { super(); } int f() { if (true) throw new "
                'RuntimeException("A.java is broken on purpose");  return 1; } }\n'
            ),
        ),
        (
            "a.rs",
            "pub fn f() -> i32 { 1 }\nconst fn g() -> i32 { 2 }\n#[cfg(test)]\nmod tests { fn t() {} }\n",
            (
                'pub fn f() -> i32 { if true { panic!("a.rs is broken on purpose") }  1 }\n'
                "const fn g() -> i32 { 2 }\n#[cfg(test)]\nmod tests { fn t() {} }\n"
            ),
        ),
    ],
)
def test_other_languages(path: str, source: str, made: str) -> None:
    assert (broken(path, source.encode(), is_armed=True) or b"").decode() == made


@pytest.mark.parametrize(
    ("path", "source"), [("a.js", "function ("), ("a.js", "import 'x';"), ("a.txt", "x")]
)
def test_where_nothing_can_be_done(path: str, source: str) -> None:
    assert broken(path, source.encode(), is_armed=True) is None


PRODUCT = "exports.add = (a, b) => a + b;\nexports.sub = (a, b) => a - b;\nexports.NAMES = ['a'];\n"
HEAD = "const test = require('node:test'), assert = require('node:assert');\n"
HEAD += "const shop = require('../shop.js');\n"
COMMAND = "node --test --test-reporter=junit --test-reporter-destination=report.xml tests/"


def judge(bench: Bench, base: str, candidate: str, *turn: str) -> Verdict:
    written: dict[str, Any] = {"name": "node", "command": COMMAND, "report": "report.xml"}
    written["must_turn_green"] = list(turn)
    subject = Subject(checks=Gate.model_validate({"checks": [written]}).checks)

    async def run() -> Verdict:
        return await bench.judge().judge(subject, candidate=candidate, base=base)

    return anyio.run(run)


@needs_node
@pytest.mark.slow
def test_new_tests_of_another_language_must_notice_something(bench: Bench) -> None:
    old = HEAD + "test('adds', () => assert.equal(shop.add(1, 2), 3));\n"
    base = bench.commit({"shop.js": PRODUCT, "tests/old.test.js": old})
    nothing = HEAD + "test('nothing', () => assert.equal(1 + 1, 2));\n"
    something = HEAD + "test('takes', () => assert.equal(shop.sub(3, 1), 2));\n"
    both = {"tests/a.test.js": nothing, "tests/b.test.js": something}
    verdict = judge(bench, base, bench.commit(both), "test::nothing", "test::takes")
    assert verdict.checks[-1].reason is Reason.VACUOUS, verdict.reasons()
    assert exercised(verdict).careless == ("test::nothing",)
    verdict = judge(bench, base, bench.commit({}, remove=("tests/a.test.js",)), "test::takes")
    assert verdict.is_passed, verdict.reasons()
    bench.go_to(base)
    change = {"shop.js": PRODUCT.replace("'a'", "'b'"), "tests/b.test.js": something}
    verdict = judge(bench, base, bench.commit(change), "test::takes")
    assert verdict.checks[-1].reason is Reason.VACUOUS, "it notices, but not the change"
    assert "stay green with shop.js undone" in verdict.reasons()
    named = HEAD + "test('names', () => assert.deepEqual(shop.NAMES, ['b']));\n"
    verdict = judge(bench, base, bench.commit({"tests/b.test.js": named}), "test::names")
    assert verdict.is_passed, verdict.reasons()
