"""Integration of files that several changed: merged by lines, by structure or not at all, and
checked in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.git.values import FILE, Entry
from orchestrator.merging.contribution import TIP, ConflictKind, Contribution, Integration
from orchestrator.merging.integrate import integrate

WHEN = 1_750_000_000
SHOP = """import os


def price(item):
    return item * 2


class Cart:
    def add(self, item):
        return price(item)

    def clear(self):
        return os.name


def total(items):
    return sum(items)
"""
PADDED = "# padding\n" * 6
Files = dict[str, Any]


@pytest.fixture
def run(user: Any, make_run: Any) -> Any:
    user.commit(
        {"shop.py": SHOP, "pkg/__init__.py": "", "pkg/help.py": "def aid(a):\n    return a\n"}
    )
    return make_run(user)


def join(run: Any, *works: tuple[str, Files], tip: str | None = None) -> Integration:
    hands = [
        Contribution(name, run.base, run.work(files, name=f"{name}-1")) for name, files in works
    ]
    return integrate(run.store, tip or run.base, hands, message="candidate\n", when=WHEN)


def text(run: Any, answer: Integration, path: str = "shop.py") -> str:
    return str(run.store.read(answer.commit, path).decode())


def new(name: str) -> str:
    return f"\n\ndef {name}():\n    return 1\n"


def test_symbols_added_at_one_point_are_all_in(run: Any) -> None:
    answer = join(run, *((name, {"shop.py": SHOP + new(name)}) for name in ("a", "b", "c")))
    assert answer.merged == ("a", "b", "c")
    assert [text(run, answer).count(f"def {name}(") for name in ("a", "b", "c", "price")] == [
        1,
        1,
        1,
        1,
    ]
    assert [(note.agent, note.path) for note in answer.notes] == [
        ("b", "shop.py"),
        ("c", "shop.py"),
    ]
    assert "merged by structure with a" in answer.notes[0].text


def test_a_conflict_names_the_symbol_and_who_changed_it(run: Any) -> None:
    works = (
        ("a", {"shop.py": SHOP.replace("item * 2", "item * 3")}),
        ("b", {"shop.py": SHOP.replace("os.name", "os.sep")}),
        ("c", {"shop.py": SHOP.replace("sum(items)", "max(items)")}),
        ("d", {"shop.py": SHOP.replace("os.name", "os.linesep"), "other.txt": "x"}),
    )
    answer = join(run, *works)
    assert answer.merged == ("a", "b", "c")
    [conflict] = answer.conflicts
    assert (conflict.agent, conflict.others, conflict.path) == ("d", ("b",), "shop.py")
    assert (conflict.symbol, conflict.kind) == ("Cart.clear", ConflictKind.CONTENT)
    assert conflict.text == "changed by both b and d"
    assert "other.txt" not in run.store.paths(answer.commit)


def test_what_one_removed_and_the_other_changed_is_said_in_their_names(run: Any) -> None:
    without = SHOP.replace("\n\ndef total(items):\n    return sum(items)\n", "")
    answer = join(
        run,
        ("a", {"shop.py": without}),
        ("b", {"shop.py": SHOP.replace("sum(items)", "max(items)")}),
    )
    [conflict] = answer.conflicts
    assert (conflict.symbol, conflict.text) == ("total", "removed by a, changed by b")


RENAMED = SHOP.replace("price", "cost")
USES = SHOP + "\n\ndef twice(item):\n    return price(item) * 2\n"


def test_a_clean_line_merge_that_is_wrong_is_a_conflict(run: Any) -> None:
    answer = join(run, ("a", {"shop.py": RENAMED}), ("b", {"shop.py": USES}))
    assert answer.merged == ("a",)
    [conflict] = answer.conflicts
    assert (conflict.agent, conflict.others, conflict.kind) == ("b", ("a",), ConflictKind.CHECKS)
    assert conflict.symbol == "price"
    assert conflict.text == "what a and b did does not go together: price is not defined"


def test_the_later_agent_is_found_among_many_that_merge(run: Any) -> None:
    works = (
        ("a", {"shop.py": SHOP.replace("sum(items)", "max(items)")}),
        ("b", {"shop.py": RENAMED}),
        ("c", {"shop.py": SHOP.replace("os.name", "os.sep"), "c.txt": "c"}),
        ("d", {"shop.py": USES, "d.txt": "d"}),
        ("e", {"shop.py": SHOP.replace("import os\n", "import os\nimport sys\n")}),
    )
    answer = join(run, *works)
    assert answer.merged == ("a", "b", "c", "e")
    assert [(conflict.agent, conflict.others) for conflict in answer.conflicts] == [("d", ("b",))]
    assert "max(items)" in text(run, answer)
    assert "os.sep" in text(run, answer)
    assert {"c.txt"} == {
        path for path in run.store.paths(answer.commit) if path in {"c.txt", "d.txt"}
    }


def test_an_import_that_the_other_needs_is_kept_and_told(run: Any) -> None:
    dropped = SHOP.replace("import os\n", "import sys\n").replace("os.name", "sys.platform")
    answer = join(
        run,
        ("a", {"shop.py": dropped}),
        ("b", {"shop.py": SHOP + "\n\ndef here():\n    return os.sep\n"}),
    )
    assert answer.merged == ("a", "b")
    assert "import os\n" in text(run, answer)
    assert any("kept the import of os" in note.text for note in answer.notes)
    assert any(note.text.startswith("line merge: os") for note in answer.notes)


def test_what_landed_meanwhile_is_checked_too(run: Any) -> None:
    tip = run.work({"shop.py": RENAMED})
    answer = join(run, ("b", {"shop.py": USES}), tip=tip)
    assert answer.commit is None
    assert (answer.conflicts[0].others, answer.conflicts[0].symbol) == ((TIP,), "price")


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_renamed_file_is_checked_too(run: Any, order: Sequence[str]) -> None:
    works = {"a": {"shop.py": None, "store.py": RENAMED}, "b": {"shop.py": USES}}
    answer = join(run, *((name, works[name]) for name in order))
    assert answer.merged == order[:1]
    [conflict] = answer.conflicts
    assert (conflict.path, conflict.symbol, conflict.kind) == (
        "store.py",
        "price",
        ConflictKind.CHECKS,
    )
    assert conflict.others == order[:1]


def test_faults_that_a_side_had_stand_in_nobodys_way(user: Any, make_run: Any) -> None:
    broken = SHOP + PADDED + "def late():\n    return nowhere\n"
    user.commit({"shop.py": broken})
    run = make_run(user)
    mine = SHOP.replace("item * 2", "elsewhere * 2") + PADDED + "def late():\n    return nowhere\n"
    answer = join(run, ("a", {"shop.py": mine}), ("b", {"shop.py": broken + new("b")}))
    assert answer.merged == ("a", "b")


DATA = '{\n  "a": 1,\n  "b": 2\n}\n'


def test_data_is_merged_by_key(user: Any, make_run: Any) -> None:
    user.commit({"x.json": DATA, "requirements.txt": "a==1\nb==1\n"})
    run = make_run(user)
    answer = join(
        run,
        (
            "one",
            {
                "x.json": DATA.replace('"b": 2', '"b": 2,\n  "c": 3'),
                "requirements.txt": "a==1\nb==1\nc==1\n",
            },
        ),
        (
            "two",
            {
                "x.json": DATA.replace('"b": 2', '"b": 2,\n  "d": 4'),
                "requirements.txt": "a==1\nb==1\nd==1\n",
            },
        ),
        ("three", {"requirements.txt": "a==2\nb==1\n"}),
        ("four", {"requirements.txt": "a==3\nb==1\n"}),
    )
    assert answer.merged == ("one", "two", "three")
    assert text(run, answer, "x.json") == '{\n  "a": 1,\n  "b": 2,\n  "c": 3,\n  "d": 4\n}\n'
    assert sorted(text(run, answer, "requirements.txt").split()) == ["a==2", "b==1", "c==1", "d==1"]
    [conflict] = answer.conflicts
    assert (conflict.agent, conflict.others, conflict.symbol) == ("four", ("three",), "a")


# -- between files


def test_an_import_of_a_file_that_another_removed_leaves_the_later_out(run: Any) -> None:
    uses, removes = {"pkg/use.py": "from . import (\n    help,\n)\n"}, {"pkg/help.py": None}
    answer = join(run, ("a", removes), ("b", uses))
    assert answer.merged == ("a",)
    [conflict] = answer.conflicts
    assert (conflict.agent, conflict.others, conflict.path) == ("b", ("a",), "pkg/use.py")
    assert (conflict.symbol, conflict.kind) == ("help", ConflictKind.CHECKS)
    assert conflict.text == "a removed pkg/help.py, which b imports: from . import help"
    turned = join(run, ("a", uses), ("b", removes), ("c", {"c.txt": "c"}))
    assert turned.merged == ("a", "c")
    assert [(each.agent, each.others) for each in turned.conflicts] == [("b", ("a",))]
    assert "pkg/help.py" in run.store.paths(turned.commit)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            {"pkg/help.py": None, "pkg/help/__init__.py": "def aid(a, b):\n    pass\n"},
            {"pkg/use.py": "from .help import aid\n"},
        ),
        (
            {"pkg/help.py": None, "pkg/__init__.py": "help = 1\n"},
            {"pkg/use.py": "from . import help\n"},
        ),
        ({"pkg/help.py": None}, {"pkg/use.py": "from .never import x\n"}),
        ({"pkg/help.py": None}, {"use.py": "from pkg.other import x\n"}),
    ],
)
def test_imports_that_can_be_resolved_or_never_could_are_let_through(
    run: Any, first: Files, second: Files
) -> None:
    assert join(run, ("a", first), ("b", second)).merged == ("a", "b")


def test_an_import_of_what_was_removed_before_this_batch(run: Any) -> None:
    tip = run.work({"pkg/help.py": None})
    answer = join(run, ("a", {"pkg/use.py": "from .help import aid\n"}), tip=tip)
    assert (answer.merged, answer.conflicts[0].others) == ((), (TIP,))


def test_scripts_import_what_is_there(user: Any, make_run: Any) -> None:
    user.commit({"web/lib.ts": "export const f = 1;\n", "web/style.css": "a {}\n"})
    run = make_run(user)
    uses = "import { f } from './lib.js';\nimport './style.css';\n"
    answer = join(
        run,
        ("a", {"web/style.css": None}),
        ("b", {"web/use.ts": uses}),
        ("c", {"web/lib.ts": "export const f = 2;\n"}),
    )
    assert answer.merged == ("a", "c")
    assert answer.conflicts[0].symbol == "style.css"


def test_what_may_not_work_together_is_told_and_left_to_the_gate(run: Any) -> None:
    works = (
        (
            "a",
            {
                "shop.py": SHOP.replace("total", "grand_total"),
                "pkg/help.py": "def aid(a, b):\n    return b\n",
            },
        ),
        ("b", {"use.py": "from shop import total\nfrom pkg.help import aid\n\naid(total([1]))\n"}),
    )
    answer = join(run, *works)
    assert answer.merged == ("a", "b")
    told = [(each.check, each.symbol, each.agents, each.path) for each in answer.warnings]
    assert sorted(told) == [
        ("old signature", "aid", ("a", "b"), "use.py"),
        ("removed and used", "total", ("a", "b"), "use.py"),
    ]
    assert answer.warnings[0].text.startswith("a ")


def test_what_landed_meanwhile_is_held_against_the_work_too(run: Any) -> None:
    tip = run.work({"shop.py": SHOP.replace("total", "grand_total")})
    [found] = join(run, ("b", {"use.py": "from shop import total\n"}), tip=tip).warnings
    assert (found.agents, found.symbol) == ((TIP, "b"), "total")
    assert found.text == f"{TIP} removed or renamed total in shop.py; b uses it in new lines"


def test_work_on_top_of_others_knows_of_them(run: Any) -> None:
    """A second attempt starts on what the others made: it comes after them, and what it knew is not
    held against it.
    """
    first = [
        Contribution(
            "a", run.base, run.work({"shop.py": SHOP.replace("total", "grand_total")}, name="a-1")
        ),
        Contribution("c", run.base, run.work({"c.txt": "c\n"}, name="c-1")),
    ]
    on = integrate(run.store, run.base, first, message="m", when=WHEN)
    again = run.work(
        {"c.txt": "c\nb\n", "use.py": "total = 1\nprint(total)\n"}, base=on.commit, name="b-2"
    )
    hands = [first[0], Contribution("b", on.commit, again), first[1]]
    answer = integrate(run.store, run.base, hands, message="m", when=WHEN)
    assert (answer.merged, answer.conflicts, answer.warnings) == (("a", "b", "c"), (), ())
    assert text(run, answer, "c.txt") == "c\nb\n"
    assert "grand_total" in text(run, answer)


# -- nothing but the contents decides


@pytest.mark.parametrize(
    "attribute", ["merge=union", "-merge", "merge=binary", "merge=evil", "-text", "binary", "-diff"]
)
def test_no_attribute_decides(user: Any, make_run: Any, attribute: str) -> None:
    user.commit({"shop.py": SHOP, ".gitattributes": f"* {attribute}\n"})
    run = make_run(user)
    run.git("config", "merge.evil.driver", "true")  # "ours, and no conflict"
    apart = join(
        run,
        ("a", {"shop.py": SHOP.replace("* 2", "* 3")}),
        ("b", {"shop.py": SHOP.replace("sum", "max")}),
    )
    assert text(run, apart) == SHOP.replace("* 2", "* 3").replace("sum", "max")
    added = join(run, ("a", {"shop.py": SHOP + new("a")}), ("b", {"shop.py": SHOP + new("b")}))
    assert added.merged == ("a", "b")
    assert text(run, added).count("return 1") == 2
    clash = join(
        run,
        ("a", {"shop.py": SHOP.replace("* 2", "* 3")}),
        ("b", {"shop.py": SHOP.replace("* 2", "* 4")}),
    )
    assert [(each.symbol, each.kind) for each in clash.conflicts] == [
        ("price", ConflictKind.CONTENT)
    ]


def test_an_attribute_that_an_agent_brings_does_not_decide_either(run: Any) -> None:
    works = (
        ("a", {".gitattributes": "*.py merge=union\n", "shop.py": SHOP.replace("* 2", "* 3")}),
        ("b", {"shop.py": SHOP.replace("* 2", "* 4")}),
    )
    assert join(run, *works).merged == ("a",)


def test_line_ends_and_a_missing_last_newline(user: Any, make_run: Any) -> None:
    lines = [f"line {number}" for number in range(20)]
    user.commit({"dos.txt": "\r\n".join(lines), "bare": "\n".join(lines)})
    run = make_run(user)
    works = [
        (
            f"a{at}",
            {
                "dos.txt": "\r\n".join(f"{x}!" if n == at else x for n, x in enumerate(lines)),
                "bare": "\n".join(f"{x}!" if n == at else x for n, x in enumerate(lines)),
            },
        )
        for at in (0, 7, 19)
    ]
    answer = join(run, *works)
    changed = [f"{line}!" if number in {0, 7, 19} else line for number, line in enumerate(lines)]
    assert text(run, answer, "dos.txt") == "\r\n".join(changed)
    assert text(run, answer, "bare") == "\n".join(changed)


def test_fifty_at_one_file_are_one_merge(user: Any, make_run: Any) -> None:
    """Counted in processes and in looks at the text, not in time."""
    from orchestrator.merging import contents

    functions = [f"def f{number}():\n    return {number}\n\n\n" for number in range(50)]
    user.commit({"wide.py": "".join(functions)})
    run = make_run(user)
    hands = []
    for number in range(50):
        changed = "".join(functions).replace(f"return {number}\n", f"return -{number}\n")
        hands.append(
            Contribution(
                f"a{number}", run.base, run.work({"wide.py": changed}, name=f"a{number}-1")
            )
        )
    started: list[Any] = []
    looked: list[Any] = []
    spawn, check = type(run.store.git).spawn, contents.check_file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(run.store.git), "spawn", lambda *a, **b: (started.append(a), spawn(*a, **b))[1]
        )
        patch.setattr(contents, "check_file", lambda *a: (looked.append(a), check(*a))[1])
        answer = integrate(run.store, run.base, hands, message="m", when=WHEN)
    assert len(answer.merged) == 50
    assert text(run, answer, "wide.py").count("return -") == 50
    assert len(started) <= 5
    assert len(looked) == 1


# -- properties

NAMES = ("price", "Cart.add", "Cart.clear", "total")
BODIES = {
    "price": "item * 2",
    "Cart.add": "price(item)",
    "Cart.clear": "os.name",
    "total": "sum(items)",
}
edits = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(NAMES), st.integers(1, 9)),
    st.tuples(
        st.just("add"), st.sampled_from(("alpha", "beta", "gamma", "delta")), st.integers(1, 2)
    ),
    st.tuples(st.just("import"), st.sampled_from(("json", "math", "re")), st.just(0)),
)
plans = st.lists(
    st.lists(edits, max_size=3, unique_by=lambda edit: edit[:2]), min_size=2, max_size=4
)


def made(plan: Sequence[tuple[str, str, int]]) -> tuple[str, set[str]]:
    """The file as an agent left it, and the lines that it added."""
    source, marks = SHOP, set()
    for verb, name, value in plan:
        if verb == "change":
            source = source.replace(BODIES[name], f"{BODIES[name]} # {value}")
            marks.add(f"{BODIES[name]} # {value}")
        elif verb == "add":
            source += f"\n\ndef {name}():\n    return '{name}', {value}\n"
            marks.add(f"return '{name}', {value}")
        else:
            source = source.replace("import os\n", f"import {name}\nimport os\n")
            source += f"\n\ndef use_{name}():\n    return {name}\n"
            marks |= {f"import {name}", f"return {name}"}
    return source, marks


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
@given(plans=plans)
def test_what_anyone_added_is_there_or_in_a_conflict(run: Any, plans: Any) -> None:
    sides = [made(plan) for plan in plans]
    hands = written(run, [source for source, _ in sides])
    answer = integrate(run.store, run.base, hands, message="m", when=WHEN)
    assert answer == integrate(run.store, run.base, hands, message="m", when=WHEN)
    left_out = {conflict.agent for conflict in answer.conflicts}
    assert {*answer.merged} | left_out == {hand.agent for hand in hands}
    assert not {*answer.merged} & left_out
    merged = run.store.read(answer.commit or run.base, "shop.py").decode()
    for at, (source, marks) in enumerate(sides):
        others = {other for number, (other, _) in enumerate(sides) if number != at}
        assert all(mark in merged for mark in marks) or hands[at].agent in left_out
        if others <= {SHOP}:
            assert merged == source  # identity where the others did nothing
    if not left_out:
        turned = integrate(run.store, run.base, hands[::-1], message="m", when=WHEN)
        assert not turned.conflicts
        again = run.store.read(turned.commit or run.base, "shop.py").decode()
        assert sorted(again.split("\n")) == sorted(merged.split("\n"))


def written(run: Any, sources: Sequence[str]) -> list[Contribution]:
    """One contribution for each version of the shop."""
    writer = run.store.writer()
    hands = []
    for number, source in enumerate(sources):
        tree = writer.splice(
            run.store.tree_of(run.base), {"shop.py": Entry(FILE, writer.blob(source.encode()))}
        )
        hands.append(
            Contribution(
                f"agent-{number}", run.base, writer.commit(tree, [run.base], f"{number}", WHEN)
            )
        )
    writer.flush()
    return hands


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("readme.md", "README.md"),
        ("docs/a.md", "Docs/b.md"),
        ("new/x", "NEW/x"),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_two_names_that_are_one_elsewhere_leave_the_later_out(
    run: Any, first: str, second: str
) -> None:
    answer = join(run, ("a", {first: "1\n"}), ("b", {second: "2\n"}), ("c", {"far/away": "x"}))
    assert answer.merged == ("a", "c")
    [conflict] = answer.conflicts
    assert (conflict.path, conflict.agent, conflict.others) == (second, "b", ("a",))
    assert conflict.kind is ConflictKind.CHECKS
    assert "one name where a file system ignores case" in conflict.text


def test_names_that_were_like_others_before_stand_in_nobodys_way(user: Any, make_run: Any) -> None:
    user.commit({"Docs/old": "1\n", "docs/old": "2\n"})
    run = make_run(user)
    base = run.store.tree_of(run.base)
    works = []
    for name, path in (("a", "docs/a.md"), ("b", "Docs/b.md")):
        writer = run.store.writer()
        tree = writer.splice(base, {path: Entry(FILE, writer.blob(b"x"))})
        commit = writer.commit(tree, [run.base], name, WHEN)
        writer.flush()
        works.append(Contribution(name, run.base, commit))
    assert integrate(run.store, run.base, works, message="m\n", when=WHEN).merged == ("a", "b")


def test_one_agent_may_change_the_case_of_a_name(run: Any) -> None:
    answer = join(
        run, ("a", {"shop.py": None, "Shop.py": SHOP}), ("b", {"shop.py": SHOP + new("more")})
    )
    assert answer.conflicts == ()
    assert text(run, answer, "Shop.py") == SHOP + new("more")
