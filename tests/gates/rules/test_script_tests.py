"""What was done to the tests of scripts, by their text."""

from __future__ import annotations

import pytest

from orchestrator.gates.rules.script_tests import changed_script_tests, checks_by_title

SUITE = """
import { total } from './total';
describe('total', () => {
  it('adds up', () => {
    expect(total([1, 2])).toBe(3);
    expect(total([])).toBe(0);
  });
  test.each([1, 2])('takes %i', (n) => { expect(total([n])).toBe(n); });
  it('is quick', async function () { assert.ok(total([1]) < 2); });
});
"""
IDS = ("total::total > adds up", "total takes 1", "total takes 2", "total.ts::total is quick")


def changed(after: str, path: str = "src/total.test.ts") -> tuple[tuple[str, ...], tuple[str, ...]]:
    before = {path: SUITE.encode()}
    found = changed_script_tests([path], IDS, before.get, {path: after.encode()}.get)
    return found.emptied, found.weaker


@pytest.mark.parametrize("path", ["src/total.test.ts", "test/total.mjs", "a.spec.tsx"])
def test_checks_are_counted(path: str) -> None:
    assert checks_by_title(path, SUITE.encode()) == {"adds up": 2, "takes %i": 1, "is quick": 1}


@pytest.mark.parametrize(
    ("now", "emptied"),
    [
        (SUITE.replace("expect(total([n])).toBe(n);", ""), IDS[1:3]),
        (SUITE.replace("expect(total([n])).toBe(n);", "total([n]);"), IDS[1:3]),
        (SUITE.replace("assert.ok(total([1]) < 2);", "// assert.ok(total([1]) < 2);"), IDS[3:]),
        (SUITE.replace("assert.ok(total([1]) < 2);", "'assert.ok()'"), IDS[3:]),
        (
            SUITE.replace("expect(total([1, 2])).toBe(3)", "x()").replace(
                "expect(total([])).toBe(0)", "x()"
            ),
            IDS[:1],
        ),
    ],
)
def test_what_checks_nothing_any_more_is_named(now: str, emptied: tuple[str, ...]) -> None:
    assert changed(now)[0] == emptied
    assert changed(now, "total.txt") == ((), ())


def test_fewer_checks_are_listed_and_more_are_fine() -> None:
    fewer = SUITE.replace("    expect(total([])).toBe(0);\n", "")
    assert changed(fewer) == ((), ("src/total.test.ts: adds up: 2 checks became 1",))
    more = SUITE.replace("expect(total([n]))", "expect(1).toBe(1); expect(total([n]))")
    assert changed(more) == ((), ())
    assert changed(SUITE.replace("toBe(3)", "toEqual(3)")) == ((), ())
    assert changed("(((") == ((), ())
