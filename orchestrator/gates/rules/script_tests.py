"""What a candidate does to tests in TypeScript and JavaScript that it may change: emptied, or with
fewer checks.

Owns what counts as a check there: a call of something that is called as an assertion is (`expect`,
`assert.equal`, `t.is`, `x.should`), in the function that a test is given. It is told by titles, as
reports have them at the end of a test's name. Pure, and a list: whether a check that is left is a
good one is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tree_sitter import Node

from orchestrator.gates.rules.changed_tests import ChangedTests, Read
from orchestrator.structure.languages import language_of, parse, walk
from orchestrator.structure.naming import text_of
from orchestrator.structure.uses import SCRIPTS

CASES = frozenset({"it", "test", "specify", "fit", "bench"})
CHECKING = re.compile(
    r"expect|assert|should|\bt\.\w+|\bverif|\bchai\b|\.(?:toBe|toEqual|calledWith)", re.IGNORECASE
)


def changed_script_tests(
    paths: Iterable[str], green: Iterable[str], before: Read, after: Read
) -> ChangedTests:
    """What was done in changed files to tests that are green on both trees, by their ids in the
    report.
    """
    emptied: dict[str, None] = {}
    weaker: dict[str, None] = {}
    ids = list(green)
    for path in sorted(path for path in paths if path.endswith(SCRIPTS)):
        then, now = checks_by_title(path, before(path)), checks_by_title(path, after(path))
        for title in then.keys() & now.keys():
            if now[title] >= then[title]:
                continue
            if now[title] == 0:
                emptied.update((test_id, None) for test_id in ids if _is_called(test_id, title))
            weaker[f"{path}: {title}: {then[title]} checks became {now[title]}"] = None
    return ChangedTests(emptied=tuple(emptied), weaker=tuple(sorted(weaker)))


def checks_by_title(path: str, source: bytes | None) -> Mapping[str, int]:
    """How many checks each test of a file makes; nothing where there is no such file, or nobody can
    read it.
    """
    language = language_of(path)
    if language is None or source is None:
        return {}
    found: dict[str, int] = {}
    for node in walk(parse(language, source).root_node):
        if node.type == "call_expression" and (case := _case(node)):
            title, body = case
            found[title] = found.get(title, 0) + _checks(body)
    return found


def _case(node: Node) -> tuple[str, Node] | None:
    """The title and the body of a test; None for other calls."""
    called = text_of(node.child_by_field_name("function")).partition("(")[0].split(".")
    arguments = node.child_by_field_name("arguments")
    if called[0] not in CASES or arguments is None or arguments.named_child_count < 2:
        return None
    title, body = arguments.named_children[0], arguments.named_children[-1]
    if title.type not in ("string", "template_string"):
        return None
    return text_of(title)[1:-1], body


def _checks(body: Node) -> int:
    """Calls of assertions that are not within one another."""
    number, stack = 0, list(body.children)
    while stack:
        node = stack.pop()
        if node.type == "call_expression" and CHECKING.search(
            text_of(node.child_by_field_name("function"))
        ):
            number += 1
        elif node.type not in ("comment", "string", "template_string"):
            stack.extend(node.children)
    return number


def _is_called(test_id: str, title: str) -> bool:
    """Whether a report may call the test of this title so; what is filled in for each case is not
    known.
    """
    pattern = ".*".join(map(re.escape, re.split(r"%\w|\$\{[^}]*\}|\$\w+", title)))
    return re.search(rf"(?:^|[ >:]){pattern}$", test_id) is not None
