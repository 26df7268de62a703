"""How well files are merged: on real merges, beside what people made of them.

    python benchmarks/merge/bench.py --data merges.parquet [--output FILE] [--show different|unsolved|flagged]

The data is not part of the project; ``ORCHESTRATE_MERGES`` may name it too. Each row holds `base`,
`left`, `right` and `human` of one file, its `path` and `merge`, and in `git` whether git's line
merge was clean. When a result is equal to the human's is said in `equality`. The merges fall into
two halves by their name; rules were made looking at one only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from equality import by_lines, equal, invented

from orchestrator.structure.blocks import SYMBOLS, cut
from orchestrator.structure.checks import check_file
from orchestrator.structure.languages import language_of
from orchestrator.structure.merge import MergeResult, merge_file

REFERENCE = {"solved_of_all": 34.7, "solved_of_disjoint": 88.0, "equal_of_solved": 74.0}
HALVES = ("tuned_on", "held_out")


def half_of(row: dict[str, Any]) -> str:
    """All files of one merge are in the same half."""
    return HALVES[hashlib.sha256(row["merge"].encode()).digest()[0] & 1]


def touched(path: str, base: bytes, side: bytes) -> set[str]:
    """The qualified names of the innermost blocks that a side changed, added or removed."""
    language = language_of(path)
    assert language is not None
    versions = []
    for source in (base, side):
        blocks = cut(language, source)[0].walk()
        leaves = ((name if b.kind in SYMBOLS else b.key, b) for name, b in blocks if not b.members)
        versions.append({f"{name}": b.text for name, b in leaves if b.text.strip()})
    return {
        name
        for name in versions[0].keys() | versions[1].keys()
        if versions[0].get(name) != versions[1].get(name)
    }


def count(row: dict[str, Any], result: MergeResult) -> set[str]:
    """What is true of one merged row; the words are the keys of `figures`."""
    path, sides = row["path"], (row["left"], row["right"])
    facts = {"rows", row["git"]}
    if not touched(path, row["base"], sides[0]) & touched(path, row["base"], sides[1]):
        facts.add("disjoint")
    if result.content is None:
        return facts | {"unsolved"}
    facts |= {"solved", result.by}
    language = language_of(path)
    assert language is not None
    if cut(language, result.content)[1] > max(cut(language, side)[1] for side in sides):
        facts.add("does not parse")
    if check_file(path, result.content, *sides):
        facts.add("flagged after all")
    if by_lines(path, result.content) == by_lines(path, row["human"]):
        facts.add("equal by lines")
    if equal(path, result.content, row["human"]):
        return facts | {"equal"}
    facts.add("different")
    if invented(path, row["human"], row["base"], *sides):
        facts.add("human invented")
    if any(equal(path, row["human"], side) for side in sides):
        facts.add("human dropped a side")
    return facts


def figures(rows: list[set[str]]) -> dict[str, Any]:
    """Percentages of git's conflicts, and how many of its clean merges were refused."""
    conflicts = [facts for facts in rows if "conflict" in facts]
    solved = [facts for facts in conflicts if "solved" in facts]
    disjoint = [facts for facts in conflicts if "disjoint" in facts]
    out_of_reach = [facts for facts in solved if facts & {"human invented", "human dropped a side"}]
    clean = [facts for facts in rows if "clean" in facts]
    return {
        "conflicts": len(conflicts),
        "solved": len(solved),
        "solved_of_all": _percent(solved, conflicts),
        "solved_of_disjoint": _percent(
            [facts for facts in disjoint if "solved" in facts], disjoint
        ),
        "equal": _many(solved, "equal"),
        "equal_of_solved": _percent([facts for facts in solved if "equal" in facts], solved),
        "equal_by_lines_of_solved": _percent(
            [facts for facts in solved if "equal by lines" in facts], solved
        ),
        "different": _many(solved, "different"),
        "different_as_the_human_invented": _many(solved, "human invented"),
        "different_as_the_human_dropped_a_side": _many(solved, "human dropped a side"),
        "equal_of_solved_within_reach": _percent(
            [facts for facts in solved if "equal" in facts],
            [facts for facts in solved if facts not in out_of_reach],
        ),
        "does_not_parse": _many(rows, "does not parse"),
        "flagged_after_all": _many(rows, "flagged after all"),
        "clean": len(clean),
        "clean_refused": _many(clean, "unsolved"),
        "clean_by_structure": _many(clean, "structure"),
    }


def _many(rows: list[set[str]], fact: str) -> int:
    return sum(fact in facts for facts in rows)


def _percent(part: list[set[str]], whole: list[set[str]]) -> float:
    return round(100 * len(part) / len(whole), 1) if whole else 0.0


def measure(rows: list[dict[str, Any]], show: str) -> dict[str, Any]:
    """Merge every row; the figures, and on standard error the rows of the half tuned on that were
    asked for.
    """
    found: dict[str, list[set[str]]] = {half: [] for half in HALVES}
    reasons: Counter[str] = Counter()
    times: list[float] = []
    for row in rows:
        started = time.perf_counter()
        result = merge_file(row["path"], row["base"], row["left"], row["right"])
        times.append(time.perf_counter() - started)
        facts = count(row, result)
        found[half_of(row)].append(facts)
        reasons.update(conflict.reason for conflict in result.conflicts[:1])
        wanted = {"unsolved", "clean"} if show == "flagged" else {show, "conflict"}
        if show and facts >= wanted and half_of(row) == "tuned_on":
            print(
                f"== {row['id']} {sorted(facts)} {result.conflicts} {result.notes}", file=sys.stderr
            )
    return {
        "all": figures([facts for half in HALVES for facts in found[half]]),
        **{half: figures(found[half]) for half in HALVES},
        "reference": REFERENCE,
        "seconds_median": round(statistics.median(times), 4),
        "seconds_p90": round(statistics.quantiles(times, n=10)[-1], 4),
        "seconds_most": round(max(times), 4),
        "reasons": dict(reasons.most_common(8)),
        "machine": {
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
    }


def main() -> int:
    """Read, measure, print; a skip with its reason is not a failure."""
    parser = argparse.ArgumentParser(
        description="Merge real files and compare with what people made of them."
    )
    parser.add_argument("--data", default=os.environ.get("ORCHESTRATE_MERGES", ""))
    parser.add_argument(
        "--output", type=Path, help="a file that the figures are written to as well"
    )
    parser.add_argument("--show", choices=("different", "unsolved", "flagged"), default="")
    options = parser.parse_args()
    if not options.data or not Path(options.data).is_file():
        print("skipped: no data; give --data FILE.parquet or set ORCHESTRATE_MERGES")
        return 0
    try:
        from pyarrow import parquet
    except ImportError:
        print("skipped: pyarrow is not installed")
        return 0
    said = json.dumps(measure(parquet.read_table(options.data).to_pylist(), options.show), indent=2)
    print(said)
    if options.output:
        options.output.write_text(f"{said}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
