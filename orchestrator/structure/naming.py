"""What a syntax node is called: its part in a file, its name, and what tells it from others of the
same name.

Owns the reading of definitions, assignments and test calls in every language. Spans, comments and
the order of blocks belong to `blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from orchestrator.structure.languages import Language

_TELLING_DECORATORS = ("setter", "deleter", "getter", "overload", "register")
_SUITES = frozenset({"describe", "context", "suite"})
_CASES = frozenset({"it", "test", "specify", "each"})
_TYPES = frozenset({"interface", "type"})


@dataclass(frozen=True, slots=True)
class Named:
    """A node's part (`kind`) and `name`; `mark` is always part of its key, `spare` only where names
    repeat.

    `definition` is the node inside the wrappers, `body` the node that holds its members if it has
    any.
    """

    kind: str
    name: str
    definition: Node
    mark: str = ""
    spare: str = ""
    body: Node | None = None

    @property
    def key(self) -> str:
        """What it is matched by among its siblings, before repeated names are told apart."""
        if self.kind == "statement":
            return f"statement:{' '.join(text_of(self.definition).split())}"
        if self.kind in {"import", "doc", "comment", "open", "close", "guard"}:
            return f"{self.kind}:{self.name}"
        space = "type" if self.kind in _TYPES else "value"
        return f"{space}:{self.name}{self.mark}"


def text_of(node: Node | None) -> str:
    """The node's text; what is not UTF-8 survives as surrogates."""
    return (node.text or b"").decode("utf-8", "surrogateescape") if node else ""


def named(language: Language, node: Node, *, first: bool) -> Named:  # noqa: PLR0911  (a table of cases)
    """What `node`, a direct child of a module or of a body, is; `first` says that nothing but
    comments is before it.
    """
    if node.type in language.imports:
        return Named("import", _imported_from(node), node)
    definition, decorators = _unwrapped(language, node)
    kind = language.containers.get(definition.type)
    if kind or definition.type in language.leaves:
        return _definition(
            language,
            definition,
            kind or language.leaves[definition.type],
            decorators,
            container=bool(kind),
        )
    if definition.type == "export_statement":
        return _export(node)
    if definition.type in {"lexical_declaration", "variable_declaration"}:
        return _variables(definition)
    if definition.type == "expression_statement" and definition.named_child_count:
        return _expression(language, definition, first=first)
    if definition.type == "if_statement" and definition.child_by_field_name("alternative") is None:
        body = definition.child_by_field_name("consequence")
        if body is not None and language.name == "python":
            return Named(
                "guard",
                " ".join(text_of(definition.child_by_field_name("condition")).split()),
                node,
                body=body,
            )
    return Named("statement", text_of(definition).partition("\n")[0].strip(), node)


def _unwrapped(language: Language, node: Node) -> tuple[Node, list[str]]:
    decorators: list[str] = []
    while node.type in language.wrappers:
        decorators += [text_of(child) for child in node.named_children if child.type == "decorator"]
        inner = node.child_by_field_name("definition") or node.child_by_field_name("declaration")
        if inner is None and node.type == "ambient_declaration":
            inner = next(
                (child for child in node.named_children if child.type not in language.comments),
                None,
            )
        if inner is None:
            break
        node = inner
    if node.type == "expression_statement" and node.named_child_count == 1:
        only = node.named_children[0]
        if only.type == "internal_module":
            node = only
    return node, decorators


def _definition(
    language: Language, node: Node, kind: str, decorators: list[str], *, container: bool
) -> Named:
    name = text_of(node.child_by_field_name("name")) or _fallback_name(node)
    mark, spare = "", " ".join("".join(decorators).split())
    for decorator in decorators:
        last = decorator.partition("(")[0].rpartition(".")[2].strip("@ ")
        if last in _TELLING_DECORATORS:
            mark = f"@{last}"
            if last in {"overload", "register"}:
                spare = spare or decorator
    words = [child.type for child in node.children[:6] if not child.is_named]
    for word in ("static", "get", "set"):
        if word in words:
            mark += f"@{word}"
    if node.type == "function_signature":
        mark += "@overload"
    if node.type in {
        "function_signature",
        "method_signature",
        "method_declaration",
        "constructor_declaration",
    }:
        spare = " ".join(text_of(node.child_by_field_name("parameters")).split())
    receiver = node.child_by_field_name("receiver")
    if receiver is not None:
        name = f"{text_of(receiver).strip('()').split()[-1].lstrip('*')}.{name}"
    body = (
        node.child_by_field_name("body") or node.child_by_field_name("value") if container else None
    )
    if body is not None and body.type not in language.blocks:
        body = None
    return Named(kind, name, node, mark, spare, body)


def _fallback_name(node: Node) -> str:
    declared = [text_of(each.child_by_field_name("name")) for each in _declarators(node)]
    if declared:
        return ", ".join(declared)
    for field in ("left", "type", "declarator"):
        found = node.child_by_field_name(field)
        if found is not None:
            inner = found.child_by_field_name("name")
            trait = node.child_by_field_name("trait")
            return f"{text_of(trait)} for {text_of(found)}" if trait else text_of(inner or found)
    return text_of(node).partition("\n")[0].strip()


def _declarators(node: Node) -> list[Node]:
    """What a field of Java declares: it may be several names of one type."""
    return [child for child in node.named_children if child.type == "variable_declarator"]


def _imported_from(node: Node) -> str:
    if node.type == "future_import_statement":
        return "from __future__"
    module = node.child_by_field_name("module_name")
    if module is not None:
        return f"from {text_of(module)}"
    source = node.child_by_field_name("source")
    if source is not None:
        clause = next(
            (child for child in node.named_children if child.type == "import_clause"), None
        )
        typed = " type" if any(child.type == "type" for child in node.children) else ""
        if clause is None:
            return f"{text_of(source)} alone"
        whole = any(child.type == "namespace_import" for child in clause.named_children)
        return f"{text_of(source)}{typed}{' *' if whole else ''}"
    if node.type == "import_statement" and node.named_children:
        return text_of(node.named_children[0])
    return " ".join(text_of(node).split())


def _export(node: Node) -> Named:
    source = node.child_by_field_name("source")
    clause = next((child for child in node.named_children if child.type == "export_clause"), None)
    typed = " type" if any(child.type == "type" for child in node.children) else ""
    if clause is not None:
        return Named("import", f"export {text_of(source)}{typed}", node)
    if source is not None:
        return Named("import", " ".join(text_of(node).rstrip(";").split()), node)
    if any(child.type == "default" for child in node.children):
        return Named("variable", "default", node)
    return Named("statement", text_of(node).partition("\n")[0], node)


def _variables(node: Node) -> Named:
    names = [
        text_of(child.child_by_field_name("name"))
        for child in node.named_children
        if child.type == "variable_declarator"
    ]
    values = [child.child_by_field_name("value") for child in node.named_children]
    makes = any(value is not None and "function" in value.type for value in values)
    return Named("function" if makes else "variable", " ".join(", ".join(names).split()), node)


def _expression(language: Language, node: Node, *, first: bool) -> Named:
    inner = node.named_children[0]
    if inner.type == "assignment":
        left = inner.child_by_field_name("left")
        return Named("variable", " ".join(text_of(left).split()), node)
    if inner.type == "assignment_expression":
        left = inner.child_by_field_name("left")
        return Named("variable", " ".join(text_of(left).split()), node)
    if inner.type == "string" and first:
        return Named("doc", "docstring", node)
    if inner.type == "call_expression":
        found = _test(language, inner, node)
        if found is not None:
            return found
    return Named("statement", text_of(node).partition("\n")[0].strip(), node)


def _test(language: Language, call: Node, node: Node) -> Named | None:
    """A suite or a case of the test runners of JavaScript, which is a definition in all but
    name.
    """
    function = text_of(call.child_by_field_name("function"))
    arguments = call.child_by_field_name("arguments")
    root = function.partition(".")[0]
    if arguments is None or root not in _SUITES | _CASES or arguments.named_child_count < 2:
        return None
    title, last = arguments.named_children[0], arguments.named_children[-1]
    body = last.child_by_field_name("body")
    if title.type not in {"string", "template_string"}:
        return None
    holds = root in _SUITES and body is not None and body.type in language.blocks
    return Named("test", f"{root}({text_of(title)})", node, body=body if holds else None)
