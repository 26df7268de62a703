"""Whether the checks of a test that a candidate may change became fewer or weaker.

Owns what a check is worth beside others of its kind: an equality says more than a bound, that more
than that something is there, and what can never fail says nothing. It is a list for people and
decides nothing: whether `>= 1` is as good as `== 1` here nobody knows who has not read the test.
Pure; it looks at a test's own function alone.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

NOTHING, THERE, BOUND, NEAR, EXACT = range(5)
"""What a check is worth, from one that cannot fail."""
UNITTEST = {
    "assertEqual": EXACT,
    "assertEquals": EXACT,
    "assertIs": EXACT,
    "assertListEqual": EXACT,
    "assertDictEqual": EXACT,
    "assertTupleEqual": EXACT,
    "assertSetEqual": EXACT,
    "assertSequenceEqual": EXACT,
    "assertMultiLineEqual": EXACT,
    "assertCountEqual": NEAR,
    "assertAlmostEqual": NEAR,
    "assertIsNone": EXACT,
    "assertFalse": BOUND,
    "assertTrue": THERE,
    "assertIsNotNone": THERE,
    "assert_called": THERE,
    "assert_called_with": EXACT,
    "assert_called_once": BOUND,
    "assert_called_once_with": EXACT,
    "assert_any_call": NEAR,
    "assert_has_calls": NEAR,
}
RAISES = frozenset({"raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns"})
WIDE = frozenset({"Exception", "BaseException", "Warning", "object"})
LOOSER_WHEN_LARGER = frozenset({"rel", "abs", "rel_tol", "abs_tol", "rtol", "atol", "delta"})
LONGEST = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a test: how it reads, what it is worth, and how much it lets pass."""

    text: str
    worth: int
    slack: float = 0.0


def weakened(then: Function, now: Function) -> list[str]:
    """What became less of the checks of a test, in words."""
    try:
        return _weakened(then, now)
    except RecursionError:
        return ["it is too deep to be compared"]


def _weakened(then: Function, now: Function) -> list[str]:
    before, after = list(_checks(then)), list(_checks(now))
    found = []
    if len(after) < len(before):
        found.append(f"{len(before)} checks became {len(after)}")
    known = {ast.dump(each) for each in then.decorator_list}
    found += [
        f"`@{_text(each)}` is new above it"
        for each in now.decorator_list
        if ast.dump(each) not in known and not ast.unparse(each).startswith("pytest.mark.")
    ]
    found += _cases_gone(then, now)
    kept = Counter(check.text for check in before) & Counter(check.text for check in after)
    for was, became in zip(_without(before, kept), _without(after, kept), strict=False):
        if became.worth < was.worth:
            found.append(f"`{was.text}` became `{became.text}`")
        elif became.worth == was.worth and became.slack > was.slack:
            found.append(f"`{was.text}` became `{became.text}`, which lets more pass")
    return found


def _cases_gone(then: Function, now: Function) -> Iterator[str]:
    """Cases that a test was run with, and is not any more: what is expected may be one of a case's
    values.
    """
    before, after = _cases(then), _cases(now)
    for names, cases in before.items():
        gone = list((Counter(cases) - Counter(after.get(names, ()))).elements())
        if gone:
            more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
            yield f"the case `{_short(gone[0])}`{more} of its parameters is gone or another one"


def _cases(function: Function) -> dict[str, list[str]]:
    """What a test is parametrised with, by the names of its parameters."""
    found: dict[str, list[str]] = {}
    for node in function.decorator_list:
        match node:
            case ast.Call(func=ast.Attribute(attr="parametrize"), args=[names, values, *_]):
                several = values.elts if isinstance(values, ast.List | ast.Tuple) else [values]
                found.setdefault(ast.unparse(names), []).extend(map(ast.unparse, several))
    return found


def _without(checks: list[Check], kept: Counter[str]) -> list[Check]:
    left, others = Counter(kept), []
    for check in checks:
        if left[check.text]:
            left[check.text] -= 1
        else:
            others.append(check)
    return others


def _checks(function: Function) -> Iterator[Check]:
    for node in ast.walk(function):
        match node:
            case ast.Assert():
                yield Check(_text(node.test), _worth(node.test), _slack(node.test))
            case ast.Call() if (name := _name(node.func)) in RAISES:
                yield Check(_text(node), _of_raises(node))
            case ast.Call() if name.startswith(("assert", "fail")):
                worth = UNITTEST.get(name, BOUND)
                if name in ("assertTrue", "assert_") and node.args:
                    worth = _worth(node.args[0])
                elif worth == EXACT and len(node.args) > 1 and _are_same(*node.args[:2]):
                    worth = NOTHING
                yield Check(_text(node), worth, _slack(node))


def _worth(test: ast.expr) -> int:
    worth = THERE
    match test:
        case ast.Constant(value=value):
            worth = NOTHING if value else EXACT
        case ast.Tuple(elts=[_, *_]) | ast.List(elts=[_, *_]) | ast.Dict(keys=[_, *_]):
            worth = NOTHING  # something is in it, so it is true
        case ast.JoinedStr() | ast.Lambda():
            worth = NOTHING
        case ast.BoolOp(op=ast.Or(), values=values):
            worth = min(_worth(each) for each in values)
        case ast.BoolOp(op=ast.And(), values=values):
            worth = max(_worth(each) for each in values)
        case ast.UnaryOp(op=ast.Not()):
            worth = BOUND
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            worth = _of_comparison(left, op, right)
        case ast.Compare():
            worth = BOUND
        case ast.Call() if _name(test.func) in ("isclose", "allclose", "array_equal"):
            worth = NEAR
    return worth


def _of_comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> int:
    if _are_same(left, right):
        return NOTHING
    match op:
        case ast.Eq():
            is_near = any(
                isinstance(inner, ast.Call) and _name(inner.func) in ("approx", "round", "isclose")
                for side in (left, right)
                for inner in ast.walk(side)
            )
            is_any = any(_name(side) == "ANY" for side in (left, right))
            return THERE if is_any else NEAR if is_near else EXACT
        case ast.Is():
            return EXACT
        case ast.IsNot():
            return THERE
    return BOUND


def _of_raises(call: ast.Call) -> int:
    kinds = [
        kind
        for argument in call.args[:1]
        for kind in (argument.elts if isinstance(argument, ast.Tuple) else [argument])
    ]
    if not kinds or any(_name(kind) in WIDE for kind in kinds):
        return THERE
    has_match = any(each.arg in ("match", "expected_regex") for each in call.keywords)
    is_regex = _name(call.func).endswith("Regex")
    return EXACT if has_match or is_regex else NEAR - (len(kinds) > 1)


def _slack(node: ast.expr) -> float:
    """How far off a number may be, by what the check says; 0 where it says nothing of that."""
    found = 0.0
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Call):
            continue
        for each in inner.keywords:
            if not isinstance(each.value, ast.Constant) or not isinstance(
                each.value.value, int | float
            ):
                continue
            if each.arg in LOOSER_WHEN_LARGER:
                found = max(found, float(each.value.value))
            elif each.arg in ("places", "ndigits"):
                found = max(found, 10.0 ** -float(each.value.value))
        if _name(inner.func) == "round":
            digits = inner.args[1] if len(inner.args) > 1 else ast.Constant(0)
            if isinstance(digits, ast.Constant) and isinstance(digits.value, int):
                found = max(found, 10.0**-digits.value)
    return found


def _are_same(one: ast.expr, other: ast.expr) -> bool:
    return ast.dump(one) == ast.dump(other)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _text(node: ast.expr) -> str:
    return _short(ast.unparse(node))


def _short(written: str) -> str:
    text = " ".join(written.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
