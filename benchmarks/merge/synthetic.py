"""Batches whose answer is known, made from real files: what has to merge, and what must not.

    python benchmarks/merge/synthetic.py --data merges.parquet [--files N]

Positive batches: 2 or 5 sides add a method, a function, an import, an entry of a dictionary or of a
list side by side; all must merge, with everything in. Negative batches: two sides that contradict
each other; none may pass both the merge with its checks and the checks across the batch.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.structure.batch import Edit, check_batch
from orchestrator.structure.lines import merge_lines
from orchestrator.structure.merge import merge_file

Edits = tuple[bytes, list[bytes]]
"""A base, and what each side made of it."""


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [
        n
        for n in tree.body
        if isinstance(n, ast.FunctionDef) and not n.decorator_list and len(n.name) > 3
    ]


def _inserted(text: str, line: int, what: str) -> bytes:
    """`what` after the line numbered `line` from 1."""
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:line], what, *lines[line:]]).encode()


def add_functions(text: str, tree: ast.Module, sides: int) -> Edits | None:
    found = _functions(tree)
    if not found:
        return None
    line = found[len(found) // 2].end_lineno or 0
    return text.encode(), [
        _inserted(text, line, f"\n\ndef added_{i}(a):\n    return a + {i}\n") for i in range(sides)
    ]


def add_methods(text: str, tree: ast.Module, sides: int) -> Edits | None:
    classes = [
        n
        for n in tree.body
        if isinstance(n, ast.ClassDef) and isinstance(n.body[-1], ast.FunctionDef)
    ]
    if not classes:
        return None
    last = classes[0].body[-1]
    pad = " " * last.col_offset
    made = [
        _inserted(text, last.end_lineno or 0, f"\n{pad}def added_{i}(self):\n{pad}    return {i}\n")
        for i in range(sides)
    ]
    return text.encode(), made


def add_imports(text: str, tree: ast.Module, sides: int) -> Edits | None:
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    if not imports or getattr(imports[-1], "module", "") == "__future__":
        return None
    line = imports[-1].end_lineno or 0
    made = []
    for i in range(sides):
        name = f"added_{i}"
        use = f"\n\ndef uses_{i}():\n    return {name}\n"
        body = text if text.endswith("\n") else text + "\n"
        made.append(_inserted(body, line, f"from package_{i} import {name}\n") + use.encode())
    return text.encode(), made


def add_names(text: str, tree: ast.Module, sides: int) -> Edits | None:
    """Everyone adds a name to one ``from … import``."""
    start = "from package import first, second\n"
    imports = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module != "__future__"]
    if not imports:
        return None
    base = _inserted(text, imports[-1].end_lineno or 0, start).decode()
    uses = [f"\n\ndef uses_{i}():\n    return added_{i}\n" for i in range(sides)]
    made = [
        base.replace(start, start.replace("second", f"second, added_{i}")) + uses[i]
        for i in range(sides)
    ]
    return base.encode(), [side.encode() for side in made]


def add_keys(text: str, _: ast.Module, sides: int) -> Edits | None:
    return _literal(
        text,
        "TABLE = {\n    'a': 1,\n    'b': 2,\n}\n",
        "    'b': 2,\n",
        "    'added_{}': 3,\n",
        sides,
    )


def add_entries(text: str, _: ast.Module, sides: int) -> Edits | None:
    return _literal(text, "NAMES = ['a', 'b']\n", "'b'", ", 'added_{}'", sides)


def _literal(text: str, literal: str, after: str, entry: str, sides: int) -> Edits | None:
    base = text if text.endswith("\n") else text + "\n"
    made = [base + literal.replace(after, after + entry.format(i)) for i in range(sides)]
    return (base + literal).encode(), [side.encode() for side in made]


POSITIVE: dict[str, Callable[[str, ast.Module, int], Edits | None]] = {
    "functions": add_functions,
    "methods": add_methods,
    "imports": add_imports,
    "names of one import": add_names,
    "dictionary keys": add_keys,
    "list entries": add_entries,
}


def negatives(text: str, tree: ast.Module) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    """What, base, left, right."""
    found = _functions(tree)
    text = text if text.endswith("\n") else text + "\n"
    base = text.encode()
    if len(found) < 2:
        return
    first, target = found[0], max(found, key=lambda node: len(node.name))
    name, top = target.name, first.lineno - 1
    renamed = re.sub(rf"\b{name}\b", f"{name}_renamed", text).encode()
    called = base + f"\n\ndef caller():\n    return {name}()\n".encode()
    one = _inserted(text, top, "def twice(a):\n    return 1\n\n\n")
    yield "both define one function", base, one, base + b"\n\ndef twice(a):\n    return 2\n"
    yield "one renames what the other calls", base, renamed, called
    lines = text.splitlines(keepends=True)
    without = "".join([*lines[: target.lineno - 1], *lines[target.end_lineno or 0 :]]).encode()
    yield "one removes what the other calls", base, without, called
    header = re.compile(rf"^def {name}\(", re.MULTILINE)
    if not target.args.vararg and not target.args.posonlyargs:
        comma = ", " if target.args.args or target.args.kwonlyargs else ""
        changed = header.sub(f"def {name}(must_be_given{comma}", text, count=1).encode()
        count = len(target.args.args) - len(target.args.defaults)
        old_way = f"\n\ndef caller():\n    return {name}({', '.join(['1'] * count)})\n"
        if not target.args.defaults and not target.args.kwonlyargs:
            yield (
                "one changes the signature, the other calls the old one",
                base,
                changed,
                base + old_way.encode(),
            )
    yield (
        "both add one key",
        base + b"\n\nTABLE = {\n    'a': 1,\n    'b': 2,\n    'c': 3,\n    'd': 4,\n}\n",
        base
        + b"\n\nTABLE = {\n    'new': 5,\n    'a': 1,\n    'b': 2,\n    'c': 3,\n    'd': 4,\n}\n",
        base
        + b"\n\nTABLE = {\n    'a': 1,\n    'b': 2,\n    'c': 3,\n    'd': 4,\n    'new': 6,\n}\n",
    )
    yield (
        "both import one name from two places",
        base,
        _inserted(text, top, "from left_package import wanted\n")
        + b"\n\ndef uses_left():\n    return wanted\n",
        (b"from right_package import wanted\n" + base).replace(
            f"def {name}(".encode(),
            f"def uses_right():\n    return wanted\n\n\ndef {name}(".encode(),
            1,
        )
        if first is not target and "__future__" not in text
        else _inserted(text, top, "from right_package import wanted\n"),
    )
    touching = "\n\ndef touching(size):\n    first = 1\n    return first\n"
    yield (
        "one renames a parameter, the other begins to use it on the next line",
        base + touching.encode(),
        base + touching.replace("(size)", "(length)").encode(),
        base + touching.replace("first = 1", "first = size").encode(),
    )
    nested = [
        f"\n\ndef nested(a):\n    if a:\n        a = 1\n{pad}a = 2\n    return a\n"
        for pad in (" " * 4, " " * 8)
    ]
    yield (
        "both add one function, nested otherwise",
        base,
        base + nested[0].encode(),
        base + nested[1].encode(),
    )
    both_add = touching.replace("    first = 1\n", "    log = 0\n    first = 1\n    second = 2\n")
    yield (
        "both add a line, one removes the next and the other changes it",
        base + touching.replace("    first = 1\n", "    first = 1\n    second = 2\n").encode(),
        base + both_add.replace("    second = 2\n", "").encode(),
        base + both_add.replace("second = 2", "second = size").encode(),
    )
    yield (
        "both change one constant",
        base + b"LIMIT = 1\n",
        base + b"LIMIT = 2\n",
        base + b"LIMIT = 3\n",
    )


def run(sources: list[bytes]) -> dict[str, object]:
    """All figures, by kind of batch."""
    counts: Counter[str] = Counter()
    failed: list[str] = []
    for number, source in enumerate(sources):
        try:
            text = source.decode()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for kind, make in POSITIVE.items():
            for sides in (2, 5):
                edits = make(text, tree, sides)
                if edits is not None:
                    counts["positive"] += 1
                    right = _all_in(edits, failed, f"{number} {kind} {sides}")
                    counts["positive right"] += right
                    counts["positive by git"] += _git(edits)
        for kind, base, left, right_side in negatives(text, tree):
            counts["negative"] += 1
            counts["negative clean by git"] += merge_lines(base, left, right_side) is not None
            merged = merge_file("a.py", base, left, right_side)
            counts["negative past the merge"] += merged.content is not None
            warned = check_batch(
                [Edit("left", "a.py", base, left), Edit("right", "a.py", base, right_side)]
            )
            if merged.content is not None and not warned:
                counts["negative passed"] += 1
                failed.append(f"{number} {kind}")
    return {"counts": dict(sorted(counts.items())), "failed": failed[:40]}


def _all_in(edits: Edits, failed: list[str], what: str) -> bool:
    base, sides = edits
    merged = sides[0]
    for side in sides[1:]:
        result = merge_file("a.py", base, merged, side)
        if result.content is None:
            failed.append(f"{what}: {result.conflicts[:2]}")
            return False
        merged = result.content
    wanted = {word for side in sides for word in re.findall(rb"\w+", side)}
    lost = wanted - set(re.findall(rb"\w+", merged))
    rows = Counter(line.strip() for line in merged.splitlines())
    kept = all(
        rows[line.strip()]
        for line in base.splitlines()
        if b"added" not in line and b"second" not in line[-9:]
    )
    kept = kept or any(word in base for word in (b"NAMES = ['a', 'b']", b"first, second"))
    if lost or not kept:
        failed.append(f"{what}: lost {sorted(lost)[:3]}")
    return not lost and kept


def _git(edits: Edits) -> bool:
    base, sides = edits
    merged: bytes | None = sides[0]
    for side in sides[1:]:
        merged = merge_lines(base, merged, side) if merged is not None else None
    return merged is not None


def main() -> int:
    """Read, run, print."""
    parser = argparse.ArgumentParser(description="Merge batches whose answer is known.")
    parser.add_argument("--data", default=os.environ.get("ORCHESTRATE_MERGES", ""))
    parser.add_argument("--files", type=int, default=30)
    options = parser.parse_args()
    if not options.data or not Path(options.data).is_file():
        print("skipped: no data; give --data FILE.parquet or set ORCHESTRATE_MERGES")
        return 0
    try:
        from pyarrow import parquet
    except ImportError:
        print("skipped: pyarrow is not installed")
        return 0
    rows = [row for row in parquet.read_table(options.data).to_pylist() if row["lang"] == "python"]
    figures = run([row["base"] for row in rows[: options.files]])
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
