"""Whole runs in which agents meet: what is merged by structure, what conflicts, who resolves it,
and what is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.helpers import Bench, check_story, ending, eventually, make_repository, write

pytestmark = pytest.mark.integration

SHOP = """\
def price(item):
    return item * 2


def total(items):
    return sum(items)
"""
TESTS = """\
import shop


def test_total():
    assert shop.total([1, 2]) == 3
"""
MISSION = """\
version: 1
name: shop
objective: Sell more.
repository: {{path: ../user}}
backends:
  script: {{command: [sh, "{{mission_dir}}/{{agent}}.sh", "{{mission_dir}}"], brief: none}}
  mediator: {{command: [sh, "{{mission_dir}}/mediator.sh", "{{mission_dir}}"], brief: none}}
defaults: {{isolation: worktree, backend: script, timeout: 1m{defaults}}}
gates:
  tests: {{checks: [{{pytest: tests}}]}}
{rest}
batches:
  - id: both
    agents:
      - {{id: a, name: Ann, mission: Make prices fair., files: [shop.py]}}
      - {{id: b, name: Ben, mission: Make prices round., files: [shop.py, use.py, tests]}}
{batch}
"""
TRIPLE = "sed -i 's/item \\* 2/item * 3/' shop.py\n"
ROUND = "sed -i 's/item \\* 2/round(item * 2)/' shop.py\necho kept > use.py\n"
BOTH = "sed -i '/^<<<<<<< a$/,/^>>>>>>> b$/c\\    return round(item * 3)' shop.py\n"


def bench_of(
    folder: Path,
    scripts: dict[str, str],
    *,
    rest: str = "",
    batch: str = "",
    defaults: str = "",
    tests: str = TESTS,
) -> Bench:
    make_repository(folder / "user", {"shop.py": SHOP, "tests/test_shop.py": tests})
    text = MISSION.format(rest=rest, batch=batch, defaults=defaults)
    write(
        folder / "mission",
        {"mission.yaml": text, **{f"{name}.sh": script for name, script in scripts.items()}},
    )
    return Bench(folder / "root")


def run(bench: Bench, *options: str, code: int = 0) -> dict[str, Any]:
    bench.run("run", bench.root.parent / "mission" / "mission.yaml", "--plain", *options, code=code)
    check_story(bench.events())
    bench.store.fsck()
    (found,) = bench.summary()["batches"]
    return {**found, **{agent["id"]: agent for agent in found["agents"]}}


def shop(bench: Bench) -> str:
    return bench.store("show", f"{bench.tip}:shop.py") + "\n"


def brief(bench: Bench, attempt: str) -> str:
    return (bench.report / "briefs" / f"{attempt}.md").read_text(encoding="utf-8")


def test_what_both_added_at_one_point_is_merged_by_structure(tmp_path: Path) -> None:
    scripts = {
        name: f"printf '\\n\\ndef {name}():\\n    return 1\\n' >> shop.py\n" for name in ("a", "b")
    }
    bench = bench_of(tmp_path, scripts, batch="    gate: tests")
    batch = run(bench)
    assert (batch["outcome"], len(batch["a"]["attempts"]), len(batch["b"]["attempts"])) == (
        "landed",
        1,
        1,
    )
    assert shop(bench) == f"{SHOP}\n\ndef a():\n    return 1\n\n\ndef b():\n    return 1\n"
    (note,) = batch["merge_notes"]
    assert (note["agent"], note["path"]) == ("b", "shop.py")
    report = (bench.report / "report.md").read_text(encoding="utf-8")
    assert (
        "| `shop.py` | `b` | merged by structure with a: git's line merge is a conflict |" in report
    )


def test_a_conflict_is_tried_again_with_the_symbol_in_the_brief(tmp_path: Path) -> None:
    again = "sed -i -e 's/item \\* 2/round(item * 2)/' -e 's/item \\* 3/round(item * 3)/' shop.py\n"
    bench = bench_of(tmp_path, {"a": TRIPLE, "b": again})
    batch = run(bench)
    assert (batch["outcome"], len(batch["b"]["attempts"])) == ("landed", 2)
    (conflict,) = batch["returns"][0]["conflicts"]
    assert (conflict["symbol"], conflict["agent"], conflict["others"]) == ("price", "b", ["a"])
    assert "- shop.py price (content): changed by both a and b" in brief(bench, "b-2")
    assert "round(item * 3)" in shop(bench)


def test_a_conflict_may_be_final(tmp_path: Path) -> None:
    bench = bench_of(
        tmp_path, {"a": TRIPLE, "b": ROUND}, batch="    on_conflict: fail\n    land: passing"
    )
    batch = run(bench, code=1)
    assert (batch["a"]["outcome"], batch["b"]["outcome"]) == ("landed", "conflicted")
    assert len(batch["b"]["attempts"]) == 1
    assert batch["b"]["reason"] == "does not merge with a: shop.py price"
    assert "| `shop.py` | `price` | content | `b` | `a` | changed by both a and b |" in (
        bench.report / "report.md"
    ).read_text(encoding="utf-8")
    assert bench.store("ls-tree", "--name-only", bench.tip).split() == ["shop.py", "tests"]


def test_lines_that_merge_and_make_no_sense_are_a_conflict(tmp_path: Path) -> None:
    scripts = {
        "a": "sed -i 's/price/cost/' shop.py\n",
        "b": "printf '\\n\\ndef both(x):\\n    return price(x) + 1\\n' >> shop.py\n",
    }
    bench = bench_of(tmp_path, scripts, batch="    on_conflict: fail\n    land: passing")
    batch = run(bench, code=1)
    (conflict,) = batch["returns"][0]["conflicts"]
    assert (conflict["kind"], conflict["symbol"], conflict["others"]) == ("checks", "price", ["a"])
    assert "price is not defined" in conflict["text"]


def test_a_suspicion_comes_first_when_the_gate_is_red(tmp_path: Path) -> None:
    """One renames what the other begins to use in another file: it merges, it is told, and the gate
    finds it.
    """
    use = "printf 'import shop\\n\\n\\ndef test_use():\\n    assert shop.{name}([1]) == 1\\n' > tests/test_use.py\n"
    told = 'if grep -q "may be why" "$ORCHESTRATE_BRIEF"; then\n'
    scripts = {
        "a": "sed -i 's/total/grand_total/' shop.py\n",
        "b": f"{told}{use.format(name='grand_total')}else\n{use.format(name='total')}fi\n",
    }
    tests = "def test_nothing():\n    assert True\n"
    bench = bench_of(tmp_path, scripts, batch="    gate: tests", tests=tests)
    batch = run(bench)
    assert batch["outcome"] == "landed"
    first = bench.events("candidate_built")[0]
    assert [(it["check"], it["symbol"], it["agents"]) for it in first["warnings"]] == [
        ("removed and used", "total", ["a", "b"])
    ]
    text = brief(bench, "b-2")
    assert text.index("a removed or renamed total in shop.py") < text.index(
        "The gate is red with this work"
    )
    assert (len(batch["a"]["attempts"]), len(batch["b"]["attempts"])) == (1, 2), (
        "the later one, on top of the other"
    )
    assert batch["merge_warnings"] == []  # what landed has none


RESOLVE = {
    "rest": "resolver: mediator",
    "batch": "    on_conflict: resolve\n    gate: tests\n    land: passing",
}


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_resolver_puts_both_together(tmp_path: Path, attempts: int) -> None:
    look = 'cp shop.py "$1/seen.py"\ncp use.py "$1/seen-use.py"\n'
    scripts = {"a": TRIPLE, "b": ROUND, "mediator": look + BOTH}
    bench = bench_of(tmp_path, scripts, **RESOLVE, defaults=f", attempts: {attempts}")
    batch = run(bench)
    assert (batch["outcome"], [it["backend"] for it in batch["b"]["attempts"]]) == (
        "landed",
        ["script", "mediator"],
    )
    assert "round(item * 3)" in shop(bench)
    assert bench.store("show", f"{bench.tip}:use.py") == "kept"
    seen = (tmp_path / "mission" / "seen.py").read_text(encoding="utf-8")
    assert seen == SHOP.replace(
        "    return item * 2\n",
        "<<<<<<< a\n    return item * 3\n||||||| before\n    return item * 2\n=======\n"
        "    return round(item * 2)\n>>>>>>> b\n",
    )
    assert (tmp_path / "mission" / "seen-use.py").read_text(encoding="utf-8") == "kept\n"
    text = brief(bench, "b-2")
    for part in (
        "- shop.py price (content): changed by both a and b",
        "Make prices fair.",
        "Make prices round.",
        "+    return item * 3",
        "+    return round(item * 2)",
        "- `shop.py`\n",
        "<<<<<<< a",
    ):
        assert part in text, part
    # The resolved work is the agent's: on top of what the others made, within its scope.
    started = [it for it in bench.events("attempt_started") if it["agent"] == "b"]
    assert started[1]["base"] == batch["returns"][0]["base"]
    assert sorted(change["path"] for change in batch["b"]["files"]) == ["shop.py", "use.py"]


@pytest.mark.parametrize(
    ("mediator", "why"),
    [
        ("true\n", "failed: conflict markers are left in shop.py"),
        ("exit 3\n", "failed: sh exited with 3"),
        (BOTH + "echo more >> README\n", "out of scope: changed what it may not change: README"),
    ],
)
def test_a_conflict_that_is_not_resolved_stands(tmp_path: Path, mediator: str, why: str) -> None:
    bench = bench_of(
        tmp_path,
        {"a": TRIPLE, "b": ROUND, "mediator": mediator},
        **RESOLVE,
        defaults=", attempts: 3",
    )
    batch = run(bench, code=1)
    assert (batch["a"]["outcome"], batch["b"]["outcome"]) == ("landed", "conflicted")
    assert len(batch["b"]["attempts"]) == 2
    assert batch["b"]["reason"] == (
        f"does not merge with a: shop.py price; the resolver mediator has not solved it: {why}"
    )
    assert "item * 3" in shop(bench)
    assert "<<<<<<<" not in shop(bench)
    assert "has not solved it" in (bench.report / "report.md").read_text(encoding="utf-8")


def test_a_resolver_that_is_killed_begins_again(tmp_path: Path) -> None:
    """`kill -9` while it works: the conflict is laid out anew, and nothing of the first try is in
    the way.
    """
    wait = 'if [ ! -e "$1/go" ]; then echo half > shop.py; touch "$1/at-work"; sleep 600; fi\n'
    bench = bench_of(tmp_path, {"a": TRIPLE, "b": ROUND, "mediator": wait + BOTH}, **RESOLVE)
    folder = tmp_path / "mission"
    process = bench.start("run", folder / "mission.yaml", "--plain")
    with ending(process):
        eventually("the resolver is at work", (folder / "at-work").exists)
        assert process.kill_everything()
    write(folder, {"go": ""})
    bench.run("resume", "--plain")
    check_story(bench.events())
    assert "round(item * 3)" in shop(bench)
    (batch,) = bench.summary()["batches"]
    assert [(it["backend"], it["phase"]) for it in batch["agents"][1]["attempts"]] == [
        ("script", "ended"),
        ("mediator", "interrupted"),
        ("mediator", "ended"),
    ]
    # Done again by a person's wish, the agent begins where its batch began, by itself.
    write(folder, {"b.sh": "echo again > use.py\n"})
    bench.run("resume", "--agent", "b", "--plain")
    last = bench.events("attempt_started")[-1]
    assert (last["backend"], last["base"]) == ("script", bench.events("batch_started")[-1]["base"])
    assert bench.store("show", f"{bench.tip}:use.py") == "again"
    bench.require_no_leftovers()


def test_a_conflict_without_markers_is_told_in_words(tmp_path: Path) -> None:
    """A file that one removed and the other changed has no lines to mark: it stays as the others
    left it.
    """
    scripts = {
        "a": "rm shop.py\n",
        "b": ROUND,
        "mediator": "test ! -e shop.py && test -e use.py && echo 'price = round' > shop.py\n",
    }
    bench = bench_of(tmp_path, scripts, rest="resolver: mediator", batch="    on_conflict: resolve")
    batch = run(bench)
    assert batch["outcome"] == "landed"
    assert shop(bench) == "price = round\n"
    (conflict,) = batch["returns"][0]["conflicts"]
    assert conflict["text"] == "shop.py deleted in a and modified in b."
    assert "No file has conflict markers" in brief(bench, "b-2")
