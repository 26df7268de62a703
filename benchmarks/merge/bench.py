"""How well files are merged: on real merges, beside what people made of them.

    python benchmarks/merge/bench.py --data merges.parquet [--show different|unsolved|flagged] [--limit N]

The data is not part of the project; ``ORCHESTRATE_MERGES`` may name it too. Each row holds `base`, `left`, `right` and
`human` of one file, its `path`, and in `git` whether git's line merge was clean. "Equal" means equal to the human's
result modulo blank lines, white space at the end of lines, and the order of imports and definitions; people also edit
while they merge, so it understates.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from orchestrator.git.structure.blocks import SYMBOLS, Block, cut
from orchestrator.git.structure.checks import check_file
from orchestrator.git.structure.imports import bound_names
from orchestrator.git.structure.languages import language_of
from orchestrator.git.structure.merge import MergeResult, merge_file

REFERENCE = {"solved_of_all": 34.7, "solved_of_disjoint": 88.0, "equal_of_solved": 74.0}


def normal(path: str, source: bytes) -> Any:
    """What the file says, as a value that does not depend on blank lines, line ends, or the order of definitions."""
    language = language_of(path)
    assert language is not None
    return _normal(cut(language, source.replace(b"\r\n", b"\n"))[0])


def _normal(block: Block) -> Any:
    imports: set[str] = set()
    symbols: list[Any] = []
    rest: list[Any] = []
    for member in block.members:
        if member.kind == "import" and member.node is not None and not member.node.type.startswith("export"):
            named = bound_names(member.node)
            imports |= {f"{bound}={source}" for bound, source in named} or {" ".join(member.text.decode().split())}
        elif member.members:
            symbols.append(_normal(member))
        elif member.kind in SYMBOLS:
            symbols.append(_lines(member.text))
        else:
            rest += _lines(member.text)
    return sorted(imports), sorted(symbols, key=repr), rest


def _lines(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def touched(path: str, base: bytes, side: bytes) -> set[str]:
    """The qualified names of the innermost blocks that a side changed, added or removed."""
    language = language_of(path)
    assert language is not None
    versions = []
    for source in (base, side):
        blocks = cut(language, source)[0].walk()
        leaves = ((name if b.kind in SYMBOLS else b.key, b) for name, b in blocks if not b.members)
        versions.append({f"{name}": b.text for name, b in leaves if b.text.strip()})
    return {name for name in versions[0].keys() | versions[1].keys() if versions[0].get(name) != versions[1].get(name)}


def measure(rows: list[dict[str, Any]], show: str, limit: int) -> dict[str, Any]:
    """Merge every row; the figures, and on standard error the rows that were asked for."""
    counts: Counter[str] = Counter()
    layouts = 0
    reasons: Counter[str] = Counter()
    times: list[float] = []
    for row in rows:
        path = row["path"]
        started = time.perf_counter()
        result = merge_file(path, row["base"], row["left"], row["right"])
        times.append(time.perf_counter() - started)
        kind = row["git"]
        disjoint = not touched(path, row["base"], row["left"]) & touched(path, row["base"], row["right"])
        counts[kind] += 1
        counts[f"{kind} disjoint"] += disjoint
        outcome = _outcome(row, result)
        counts[f"{kind} {outcome}"] += 1
        counts[f"{kind} by {result.by}"] += result.content is not None
        if result.content is not None:
            counts[f"{kind} disjoint solved"] += disjoint
            if kind == "conflict":
                said = (normal(path, text) for text in (result.content, row["human"]))
                layouts += len({re.sub(r"b'|b\"|['\", ]|\\\\", "", repr(value)) for value in said}) == 1
            language = language_of(path)
            assert language is not None
            errors = max(cut(language, row[side])[1] for side in ("left", "right"))
            counts["does not parse"] += cut(language, result.content)[1] > errors
            counts["flagged after all"] += bool(check_file(path, result.content, row["left"], row["right"]))
        else:
            reasons[result.conflicts[0].reason] += 1
        if outcome == show and kind == ("conflict" if show != "flagged" else "clean") and limit > 0:
            limit -= 1
            print(f"== {row['id']} disjoint={disjoint} {result.conflicts} {result.notes}", file=sys.stderr)
    conflicts, solved = counts["conflict"], counts["conflict equal"] + counts["conflict different"]
    return {
        "rows": len(rows),
        "conflicts": conflicts,
        "solved_of_all": _percent(solved, conflicts),
        "solved_of_disjoint": _percent(counts["conflict disjoint solved"], counts["conflict disjoint"]),
        "equal_of_solved": _percent(counts["conflict equal"], solved),
        "equal_but_for_white_space_commas_and_quotes": _percent(layouts, solved),
        "different_of_all": _percent(counts["conflict different"], conflicts),
        "clean_flagged": counts["clean flagged"],
        "clean_by_structure": counts["clean by structure"],
        "does_not_parse": counts["does not parse"],
        "seconds_median": round(statistics.median(times), 4),
        "seconds_most": round(max(times), 4),
        "reference": REFERENCE,
        "counts": dict(sorted(counts.items())),
        "reasons": dict(reasons.most_common(12)),
    }


def _outcome(row: dict[str, Any], result: MergeResult) -> str:
    if result.content is None:
        return "unsolved" if row["git"] == "conflict" else "flagged"
    same = normal(row["path"], result.content) == normal(row["path"], row["human"])
    return "equal" if same else "different"


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def main() -> int:
    """Read, measure, print; a skip with its reason is not a failure."""
    parser = argparse.ArgumentParser(description="Merge real files and compare with what people made of them.")
    parser.add_argument("--data", default=os.environ.get("ORCHESTRATE_MERGES", ""))
    parser.add_argument("--show", choices=("different", "unsolved", "flagged"), default="")
    parser.add_argument("--limit", type=int, default=1000)
    options = parser.parse_args()
    if not options.data or not Path(options.data).is_file():
        print("skipped: no data; give --data FILE.parquet or set ORCHESTRATE_MERGES")
        return 0
    try:
        from pyarrow import parquet
    except ImportError:
        print("skipped: pyarrow is not installed")
        return 0
    rows = parquet.read_table(options.data).to_pylist()
    print(json.dumps(measure(rows, options.show, options.limit), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
