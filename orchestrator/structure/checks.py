"""What is wrong with one merged file that was wrong with neither side: it does not parse, or a name
is there twice.

Pure but for the parsers. Only what neither side had is reported, so that a file which was broken
before does not stand in anyone's way. What needs the other files of a batch is in `batch`.
"""

from __future__ import annotations

import ast
import functools
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass

import tree_sitter
from pyflakes import checker, messages

from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import SYMBOLS, Block, cut
from orchestrator.structure.data import fault_of
from orchestrator.structure.declared import undeclared
from orchestrator.structure.imported import imported
from orchestrator.structure.languages import Language, grammar, language_of
from orchestrator.structure.naming import text_of
from orchestrator.structure.once import declared_twice
from orchestrator.structure.python import tree_of
from orchestrator.structure.settings import settings_faults


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: which check says so, the symbol it is about (empty: the file), what, and the
    line from 1.
    """

    check: str
    symbol: str
    text: str
    line: int = 0


Fact = tuple[str, str]
"""A check and the name that it found something about; two versions with the same fact have the same
fault.
"""


def check_file(path: str, merged: bytes, *sides: bytes) -> list[Finding]:
    """What is wrong with `merged` and with none of `sides`; every finding blocks. Nothing for
    unknown languages.
    """
    language = language_of(path)
    if language is None:
        fault = fault_of(path, merged)
        broken = fault and not any(fault_of(path, side) for side in sides)
        if broken:
            return [Finding("parses", "", f"cannot be read: {fault}")]
        wrong = settings_faults(path, merged)
        for side in sides:
            had = settings_faults(path, side)
            wrong = {name: text for name, text in wrong.items() if name not in had}
        return [Finding("settings", name, text) for name, text in sorted(wrong.items())]
    root, errors = cut(language, merged)
    if errors and all(cut(language, side)[1] < errors for side in sides):
        return [Finding("parses", "", f"does not parse as {language.name} in {errors} places")]
    own = found = _structural(language, root) | _declared(language, merged)
    if language.name == "python":
        tree = _compiled(merged)
        if isinstance(tree, SyntaxError) and not any(
            isinstance(_compiled(side), SyntaxError) for side in sides
        ):
            return [Finding("parses", "", f"is not Python: {tree.msg}", tree.lineno or 0)]
        if isinstance(tree, ast.Module):
            found = {**(_flakes(tree) or {}), **own}
    new = set(found)
    for side in sides:  # most often the first one knows it all
        if not new:
            break
        new -= _structural(language, cut(language, side)[0]).keys()
        new -= _declared(language, side).keys()
        if new and language.name == "python":
            known = _flakes_of(side)
            new = new & own.keys() if known is None else new - known
    return [Finding(*fact, *found[fact]) for fact in sorted(new)]


@functools.lru_cache(maxsize=8)  # as `cut`
def _declared(language: Language, source: bytes) -> dict[Fact, tuple[str, int]]:
    """What is used and not declared, and what is declared twice, where scopes are no matter."""
    root = cut(language, source)[0]
    if root.node is None:
        return {}
    known = {
        name
        for _, block in root.walk()
        if block.kind == "import" and block.node is not None
        for name, _ in imported(block.node)
    }
    lacking, twice = undeclared(language, root.node, known), declared_twice(language, root.node)
    return {
        ("undefined name", name): (f"{name} is not defined", line) for name, line in lacking.items()
    } | {
        ("defined twice", name): (f"{name} is defined twice", line) for name, line in twice.items()
    }


def _structural(language: Language, root: Block) -> dict[Fact, tuple[str, int]]:
    """What the blocks alone say; to each fact a sentence and a line."""
    found: dict[Fact, tuple[str, int]] = {}
    # Of the others `declared` knows better what may stand twice.
    by_name = () if language.name in {"go", "rust", "java"} else _defined_twice(root, "")
    for name, line in by_name:
        found["defined twice", name] = (f"{name} is defined twice", line)
    sources: dict[str, set[str]] = defaultdict(set)
    for block in root.members:
        if block.kind == "import" and block.node is not None:
            exported = "export " if block.name.startswith("export ") else ""
            for name, meaning in bound_names(block.node):
                bound = exported + name
                sources[bound].add(meaning)
                if len(sources[bound]) > 1 and "." not in bound:
                    line = block.node.start_point.row + 1
                    found["bound twice", bound] = (f"{bound} is imported from two places", line)
    for block in root.members:
        # Which of the two a reader gets would depend on their order, and so on who was merged
        # first.
        if block.kind in SYMBOLS and block.name in sources:
            line = block.node.start_point.row + 1 if block.node else 0
            found["bound twice", block.name] = (f"{block.name} is imported and defined", line)
    if "object" in language.collections and root.node is not None:
        for key, line in _keys_twice(language, root.node):
            found["key twice", key] = (f"{key} is a key of one literal twice", line)
    return found


_DEFINED = frozenset({"function", "class", "type", "enum", "field"})


def _defined_twice(container: Block, above: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    groups: dict[str, list[Block]] = defaultdict(list)
    for block in container.members:
        if block.kind in SYMBOLS:
            groups[block.key.partition("#")[0] if block.repeats else block.key].append(block)
        if block.members:
            found += _defined_twice(block, f"{above}{block.name}.")
    for blocks in groups.values():
        if len(blocks) > 1 and any(block.kind in _DEFINED for block in blocks):
            node = blocks[-1].node
            found.append((above + blocks[-1].name, node.start_point.row + 1 if node else 0))
    return found


def _keys_twice(language: Language, root: tree_sitter.Node) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    captures = tree_sitter.QueryCursor(_objects(language)).captures(root)
    for node in captures.get("object", []):
        pairs = [child for child in node.named_children if child.type in language.pairs]
        names = Counter(
            text_of(pair.child_by_field_name("key") or pair.child_by_field_name("name"))
            for pair in pairs
        )
        found += [(key, node.start_point.row + 1) for key, count in names.items() if count > 1]
    return found


def _objects(language: Language) -> tree_sitter.Query:
    query = _QUERIES.get(language.name)
    if query is None:
        query = _QUERIES[language.name] = tree_sitter.Query(grammar(language), "(object) @object")
    return query


_QUERIES: dict[str, tree_sitter.Query] = {}


def _compiled(source: bytes) -> ast.Module | SyntaxError:
    """The module's tree after the compiler itself has taken it, or why it does not."""
    try:
        return tree_of(source, is_compiled=True)
    except SyntaxError as error:
        return error
    except RecursionError as error:
        return SyntaxError(str(error))


_MEANT: dict[type[messages.Message], tuple[str, str]] = {
    messages.UndefinedName: ("undefined name", "{} is not defined"),
    messages.UndefinedExport: ("undefined name", "{} is in __all__ and not defined"),
    messages.UndefinedLocal: ("undefined name", "{} is used before it is assigned"),
    messages.RedefinedWhileUnused: ("defined twice", "{} is defined again before it was used"),
    messages.MultiValueRepeatedKeyLiteral: ("key twice", "{} is a key of one literal twice"),
    messages.MultiValueRepeatedKeyVariable: ("key twice", "{} is a key of one literal twice"),
}


def _flakes(tree: ast.Module) -> dict[Fact, tuple[str, int]] | None:
    """What pyflakes says; None of a tree that is too deep for it: some hundred terms of one sum are
    enough.
    """
    found: dict[Fact, tuple[str, int]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            said = checker.Checker(tree, filename="<merged>").messages
        except RecursionError:
            return None
    for message in said:
        meant = _MEANT.get(type(message))
        if meant is not None:
            name = str(message.message_args[0])
            found.setdefault((meant[0], name), (meant[1].format(name), message.lineno))
    return found


@functools.lru_cache(
    maxsize=4
)  # the sides of a merge are asked again after its imports were mended
def _flakes_of(source: bytes) -> frozenset[Fact] | None:
    tree = _compiled(source)
    found = _flakes(tree) if isinstance(tree, ast.Module) else {}
    return None if found is None else frozenset(found)
