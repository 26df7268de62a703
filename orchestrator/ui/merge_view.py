"""A merge of branches as people read it, and as a document for machines.

Owns the words and the layout of `orchestrate merge`; what came of it is decided in `git.merging`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrator.merging.branches import BranchMerge, Fate, MergedSide
from orchestrator.ui.text import count, one_line, short

FORMAT = "orchestrate/merge"
VERSION = 1
_SIGNS = {Fate.MERGED: ("✔", "green"), Fate.CONFLICTED: ("✘", "red"), Fate.CONTAINED: ("·", "dim")}


def render_merge(merge: BranchMerge, console: Console) -> None:
    """Print each side's fate, what conflicts, what a person may want to look at, and last where the
    result is.
    """
    console.print(
        Text.assemble((one_line(merge.base.name), "bold"), f"  {short(merge.base.commit)}"),
        soft_wrap=True,
    )
    console.print(_sides(merge.sides))
    result = merge.result
    conflicts = (
        (f"{each.path}{_symbol(each.symbol)}", f"{each.text} ({each.kind})".replace("_", " "))
        for each in result.conflicts
    )
    warnings = ((f"{each.path}{_symbol(each.symbol)}", each.text) for each in result.warnings)
    notes = ((f"{each.path}  {each.agent}", each.text) for each in result.notes)
    for title, items in (
        ("Conflicts", conflicts),
        ("May not work together", warnings),
        ("Decided", notes),
    ):
        _print_section(title, items, console)
    console.print()
    console.print(_end(merge), soft_wrap=True)


def merge_document(merge: BranchMerge) -> dict[str, Any]:
    """The merge for machines (`orchestrate merge --json`); `version` grows when a key changes its
    meaning.
    """
    result = merge.result
    landed = merge.landed
    return {
        "format": FORMAT,
        "version": VERSION,
        "is_clean": merge.is_clean,
        "base": {"name": merge.base.name, "commit": merge.base.commit},
        "sides": [
            {
                "name": side.name,
                "commit": side.commit,
                "since": side.since,
                "fate": str(side.fate),
                "within": side.within or None,
                "files": side.files,
                "files_shared": side.shared,
            }
            for side in merge.sides
        ],
        "tree": result.tree,
        "commit": result.commit,
        "branch": {"name": landed.branch, "before": landed.before} if landed else None,
        "conflicts": [
            {
                "side": each.agent,
                "others": list(each.others),
                "path": each.path,
                "symbol": each.symbol or None,
                "kind": str(each.kind),
                "text": each.text,
            }
            for each in result.conflicts
        ],
        "warnings": [
            {
                "check": each.check,
                "path": each.path,
                "symbol": each.symbol or None,
                "sides": list(each.agents),
                "text": each.text,
            }
            for each in result.warnings
        ],
        "notes": [
            {"side": each.agent, "path": each.path, "text": each.text} for each in result.notes
        ],
    }


def _sides(sides: Iterable[MergedSide]) -> Table:

    table = Table.grid(padding=(0, 2))
    for side in sides:
        sign, style = _SIGNS[side.fate]
        what = f"in {one_line(side.within)} already" if side.within else count(side.files, "file")
        if side.shared:
            what += f", {side.shared} changed by others too"
        table.add_row(
            Text(f"{sign} {one_line(side.name)}", style),
            Text(short(side.commit), "dim"),
            str(side.fate),
            Text(what),
        )
    return table


def _print_section(title: str, items: Iterable[tuple[str, str]], console: Console) -> None:

    for index, (where, text) in enumerate(items):
        if not index:
            console.print()
            console.print(Text(title, "bold"))
        console.print(Padding(Text(one_line(where)), (0, 0, 0, 2)))
        console.print(Padding(Text(one_line(text), "dim"), (0, 0, 0, 4)))


def _symbol(symbol: str) -> str:
    return f"::{symbol}" if symbol else ""


def _end(merge: BranchMerge) -> Text:

    result = merge.result
    left = [side.name for side in merge.sides if side.fate is Fate.CONFLICTED]
    without = f", without {', '.join(left)}" if left else ""
    if merge.landed:
        return Text(f"{merge.landed.branch} is now {short(merge.landed.after)}{without}")
    if result.commit is None:
        return Text(
            "Nothing merged; nothing was written." if left else "There is nothing new to merge."
        )
    way = "--into BRANCH --partial keeps what merges" if left else "--into BRANCH keeps it"
    return Text(f"Tree {result.tree[:12]}{without}. Nothing was written: {way}.")
