"""What new lines of a TypeScript or JavaScript file use of other files, by its syntax tree.

Owns what stands for what in one file: imports, `require`, its own declarations and parameters. All
that a file declares anywhere is its own everywhere: scopes are not told apart, so that little is
said where a name has two meanings.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from tree_sitter import Node

from orchestrator.structure.arity import Signature
from orchestrator.structure.bindings import bound_names
from orchestrator.structure.languages import language_of, parse, walk
from orchestrator.structure.naming import text_of
from orchestrator.structure.uses import Call, Use, module_of, relative_module

NAMES = frozenset(
    {"identifier", "type_identifier", "shorthand_property_identifier", "jsx_identifier"}
)
_GLOBAL = """
Array Boolean Buffer Date Error Function Infinity Intl JSON Map Math NaN Number Object Promise Proxy
Reflect RegExp Set String Symbol URL WeakMap WeakSet afterAll afterEach arguments assert atob before
beforeAll beforeEach btoa clearInterval clearTimeout console context crypto describe document done
exports expect fetch global globalThis it jest location module navigator process queueMicrotask
require setImmediate setInterval setTimeout structuredClone suite test undefined vi window
"""
GLOBAL = frozenset(_GLOBAL.split())
"""What is there without anybody's doing."""
DECLARING = {
    "variable_declarator": "name",
    "function_declaration": "name",
    "generator_function_declaration": "name",
    "function_expression": "name",
    "class_declaration": "name",
    "abstract_class_declaration": "name",
    "class": "name",
    "interface_declaration": "name",
    "type_alias_declaration": "name",
    "enum_declaration": "name",
    "required_parameter": "pattern",
    "optional_parameter": "pattern",
    "catch_clause": "parameter",
    "arrow_function": "parameter",
    "for_in_statement": "left",
    "type_parameter": "name",
}


def script_uses(
    path: str, source: bytes, lines: AbstractSet[int], mine: AbstractSet[str] = frozenset()
) -> list[Use]:
    """The uses on these lines; `mine` are names of the file of which nobody else knows."""
    language = language_of(path)
    if language is None:
        return []
    root = parse(language, source).root_node
    reader = _Reader(path, lines, mine)
    for node in walk(root):
        reader.declare(node)
    for node in walk(root):
        reader.read(node)
    return reader.found


def script_signature(parameters: Node) -> Signature:
    """What can be passed, by the parameters of a function; none of them by its name."""
    names: list[str] = []
    needed: list[str] = []
    is_open = False
    for number, child in enumerate(parameters.named_children):
        pattern = child.child_by_field_name("pattern") or child
        if child.type in ("comment", "this_type") or text_of(pattern) == "this":
            continue
        if "rest_pattern" in (child.type, pattern.type):
            is_open = True
            continue
        name = f"argument {number + 1}"
        names.append(name)
        is_given = child.type in ("optional_parameter", "assignment_pattern")
        if not is_given and child.child_by_field_name("value") is None:
            needed.append(name)
    return Signature(tuple(names), frozenset(needed), frozenset(), is_open, any_keyword=False)


class _Reader:
    def __init__(self, path: str, lines: AbstractSet[int], mine: AbstractSet[str]) -> None:
        self._path = path
        self._lines = lines
        self._mine = mine
        self._imports: dict[str, tuple[str, ...] | None] = {}
        """What a name stands for; None for something of a package."""
        self._own: set[str] = set()
        self._top: set[str] = set()
        self._made: dict[str, str] = {}
        self._places: set[int] = set()
        self.found: list[Use] = []

    # -- what is declared

    def declare(self, node: Node) -> None:
        """Note what a node binds."""
        if node.type == "import_statement":
            self._import(node)
            return
        if node.type == "formal_parameters":
            for child in node.named_children:
                self._bind(child, is_top=False)
        field = DECLARING.get(node.type)
        target = node.child_by_field_name(field) if field else None
        if target is None or (node.type == "variable_declarator" and self._require(node, target)):
            return
        self._bind(target, is_top=_is_top(node))
        value = node.child_by_field_name("value")
        if value is not None and value.type == "new_expression":
            self._made[text_of(target)] = text_of(value.child_by_field_name("constructor"))

    def _bind(self, target: Node, *, is_top: bool) -> None:
        for inner in walk(target):
            if inner.type in (
                "identifier",
                "type_identifier",
                "shorthand_property_identifier_pattern",
            ):
                self._places.add(inner.id)
                self._own.add(text_of(inner))
                if is_top:
                    self._top.add(text_of(inner))

    def _import(self, node: Node) -> None:
        source = text_of(node.child_by_field_name("source")).strip("'\"")
        for inner in walk(node):
            self._places.add(inner.id)
        is_new = any(
            line in self._lines for line in range(node.start_point.row + 1, node.end_point.row + 2)
        )
        for name, meaning in bound_names(node):
            what = meaning.removeprefix(f"{source}.")
            self._stand(name, source, what, is_new=is_new)

    def _require(self, node: Node, target: Node) -> bool:
        value = node.child_by_field_name("value")
        called = (
            value.child_by_field_name("function")
            if value and value.type == "call_expression"
            else None
        )
        if value is None or text_of(called) != "require":
            return False
        source = text_of(value.child_by_field_name("arguments")).strip("()'\"` ")
        is_new = node.start_point.row + 1 in self._lines
        if target.type == "identifier":
            self._stand(text_of(target), source, "*", is_new=False)
        for inner in walk(target):
            self._places.add(inner.id)
            if inner.type == "shorthand_property_identifier_pattern":
                self._stand(text_of(inner), source, text_of(inner), is_new=is_new)
            elif inner.type == "pair_pattern":
                key, local = (inner.child_by_field_name(part) for part in ("key", "value"))
                self._stand(text_of(local), source, text_of(key), is_new=is_new)
        return True

    def _stand(self, name: str, source: str, what: str, *, is_new: bool) -> None:
        if not source.startswith("."):
            self._imports[name] = None
            return
        module = relative_module(self._path, source)
        # A default export is called as it is here, as far as anybody can tell.
        parts = module if what == "*" else (*module, name if what == "default" else what)
        self._imports[name] = parts
        if is_new and what != "*":
            self.found.append(Use(parts, is_exact=True))

    # -- what is used

    def read(self, node: Node) -> None:
        """Note what a node uses."""
        if node.type not in NAMES or node.id in self._places:
            return
        if node.start_point.row + 1 not in self._lines or _is_label(node):
            return
        name, chain = text_of(node), node
        parts = self._meaning(name)
        while chain.parent is not None and chain.parent.type in (
            "member_expression",
            "nested_identifier",
        ):
            attribute = chain.parent.child_by_field_name("property")
            if attribute is None or attribute.id == chain.id:
                break
            chain = chain.parent
            if parts is not None:
                parts = (*parts, text_of(attribute))
        call = _call_of(chain)
        if parts is not None:
            self.found.append(Use(parts, is_exact=True, call=call))
        elif name not in self._imports and name not in self._own and name not in GLOBAL:
            self.found.append(Use((name,), is_known=False, call=call if chain is node else None))

    def _meaning(self, name: str) -> tuple[str, ...] | None:
        if name in self._imports:
            return self._imports[name]
        if made := self._made.get(name):
            return self._meaning(made) if made != name else None
        if name in self._top and name not in self._mine:
            return (*module_of(self._path), name)
        return None


def _call_of(node: Node) -> Call | None:
    parent = node.parent
    if parent is None or parent.type not in ("call_expression", "new_expression"):
        return None
    arguments = parent.child_by_field_name("arguments")
    callee = parent.child_by_field_name("function") or parent.child_by_field_name("constructor")
    if arguments is None or callee is None or callee.id != node.id:
        return None
    passed = [child for child in arguments.named_children if child.type != "comment"]
    return Call(len(passed), is_open=any(child.type == "spread_element" for child in passed))


def _is_label(node: Node) -> bool:
    """Whether it is a key or the like, which uses nothing."""
    parent = node.parent
    return parent is not None and parent.type in (
        "labeled_statement",
        "break_statement",
        "pair_pattern",
    )


def _is_top(node: Node) -> bool:
    """Whether it stands in no function and no block."""
    above = node.parent
    while above is not None:
        if above.type in ("statement_block", "arrow_function", "class_body", "formal_parameters"):
            return False
        above = above.parent
    return True
