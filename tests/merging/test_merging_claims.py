"""What two agents claim in two files although there can be one of it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.merging.contribution import Contribution, Integration
from orchestrator.merging.integrate import integrate

Files = dict[str, Any]
GO = "package shop\n\nfunc Total() int { return 1 }\n"
DJANGO = 'class Migration:\n    dependencies = [("shop", "0003_x")]\n'
ALEMBIC = 'revision = "{}"\ndown_revision = "a1"\n'
ROUTE = 'from shop.app import app\n\n\n@app.get("/total")\ndef {}():\n    return 1\n'

STRICT = [
    ({"pkg/util.py": "a = 1\n"}, {"pkg/util/__init__.py": "b = 1\n"}, "module, util"),
    ({"shop/a.go": GO}, {"shop/b.go": GO}, "definition, Total"),
    ({"shop/a.go": GO}, {"shop/b.go": "package shop\n\nvar Total = 2\n"}, "definition, Total"),
    (
        {"a.go": "package p\n\nfunc (c *C) Do() {}\n"},
        {"b.go": "package p\n\nfunc (x C) Do() int { return 1 }\n"},
        "definition, C.Do",
    ),
    (
        {"p/A.java": "package p;\nclass A {}\nclass Help {}\n"},
        {"p/B.java": "package p;\nclass B {}\nclass Help { int x; }\n"},
        "definition, Help",
    ),
    ({"shop/migrations/0004_a.py": DJANGO}, {"shop/migrations/0004_b.py": DJANGO}, "0003_x"),
    ({"v/x.py": ALEMBIC.format("b")}, {"v/y.py": ALEMBIC.format("c")}, "migration after, a1"),
    ({"db/migration/V4__a.sql": "A\n"}, {"db/migration/V4__b.sql": "B\n"}, "number, 4"),
]
TOLD = [({"a.py": ROUTE.format("one")}, {"b.py": ROUTE.format("two")}, "route, /total")]
APART: list[tuple[Files, Files]] = [
    ({"a/x.go": GO}, {"b/x.go": GO}),
    ({"shop/a.go": GO}, {"shop/b_test.go": GO.replace("shop", "shop_test")}),
    ({"shop/a_linux.go": GO}, {"shop/a_windows.go": GO}),
    ({"shop/a.go": "//go:build x\n\n" + GO}, {"shop/b.go": "//go:build !x\n\n" + GO}),
    ({"a.go": "package p\n\nfunc init() { a() }\n"}, {"b.go": "package p\n\nfunc init() { b() }\n"}),
    ({"a/A.java": "package a;\nclass A {}\n"}, {"b/A.java": "package b;\nclass A {}\n"}),
    ({"A.java": "class A { int x; }\n"}, {"B.java": "class B { int x; }\n"}),
    ({"pkg/util.py": "a = 1\n"}, {"pkg/util/data.txt": "b\n"}),
    ({"a/migrations/0004_a.py": DJANGO}, {"b/migrations/0004_b.py": DJANGO}),
    ({"db/1_a.sql": "A\n"}, {"db/1_b.sql": "B\n"}),
    ({"a.py": ROUTE.format("a")}, {"b.py": ROUTE.format("b").replace("get", "post")}),
    ({"a.py": ROUTE.format("a")}, {"b.py": ROUTE.format("b").replace("shop.app", "other.app")}),
    ({"a.py": ROUTE.format("a")}, {"b.py": f'"""\n{ROUTE.format("b")}"""\n'}),
]  # fmt: skip


@pytest.fixture
def run(user: Any, make_run: Any) -> Any:
    user.commit({"readme.txt": "base\n"})
    return make_run(user)


def join(run: Any, *works: Files) -> Integration:
    hands = [
        Contribution(name, run.base, run.work(files, name=f"{name}-1"))
        for name, files in zip(("one", "two"), works, strict=True)
    ]
    return integrate(run.store, run.base, hands, message="candidate\n", when=1_750_000_000)


def test_what_there_can_be_one_of(run: Any) -> None:
    for one, two, said in STRICT:
        answer = join(run, one, two)
        assert answer.merged == ("one",), said
        [conflict] = answer.conflicts
        assert said in conflict.text
        assert (conflict.path, conflict.others) == (next(iter(two)), ("one",))
    for one, two, said in TOLD:
        answer = join(run, one, two)
        assert answer.merged == ("one", "two")
        assert [said in warning.text for warning in answer.warnings] == [True]


def test_what_is_apart(run: Any) -> None:
    for one, two in APART:
        answer = join(run, one, two)
        assert (answer.conflicts, answer.warnings) == ((), ()), (one, two)
        assert answer.merged == ("one", "two")
