"""What both sides put at one point, and whether its order means something.

Owns the judgement which of two additions could stand in either order: definitions can; statements,
what reads or binds again a name that the other side binds, and fields that are parameters cannot.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.structure.blocks import Block
from orchestrator.structure.languages import walk
from orchestrator.structure.naming import text_of
from orchestrator.structure.targets import targets_of

Versions = tuple[Mapping[str, Block], Mapping[str, Block], Mapping[str, Block]]
"""The blocks of base, left and right by their matched keys."""

_PARAMETERS = re.compile(
    rb"@(?:[\w.]+\.)?(?:dataclass|define|frozen|mutable|attrs|attributes|s)\b|\bNamedTuple\b"
)
_ENUM = re.compile(rb"\([^)]*(?:Enum|Flag)\b")
_WORDS = frozenset({"identifier", "shorthand_property_identifier"})


def main_last(order: Sequence[str], versions: Versions) -> list[str]:
    """The order with a new ``if __name__ …`` after what the other side added at that point: it runs
    all that is above it.
    """
    result: list[str] = []
    for gap in _gaps(order, versions):
        late = [key for key in gap if _is_main(_block(key, versions))]
        result += (
            [key for key in gap if key not in late] + late if _is_shared(gap, versions) else gap
        )
    return result


def clashes(order: Sequence[str], versions: Versions) -> Iterator[tuple[Block, str]]:
    """Blocks that both added at one point and of which it cannot be said which comes first, with
    the reason.
    """
    blocks = [_block(key, versions) for key in order]
    head = next((block.text for block in blocks if block.kind == "open"), b"")
    has_parameters = bool(_PARAMETERS.search(head)) and b"kw_only=True" not in head
    for gap in _gaps(order, versions):
        if _is_shared(gap, versions):
            left = [versions[1][key] for key in gap if key in versions[1]]
            right = [versions[2][key] for key in gap if key in versions[2]]
            yield from _rivals(left, right, has_parameters=has_parameters)
    if has_parameters:
        yield from _late_parameters(order, versions)
    if _ENUM.search(head):
        yield from _one_value(versions)


def _rivals(
    left: Sequence[Block], right: Sequence[Block], *, has_parameters: bool
) -> Iterator[tuple[Block, str]]:
    ours, theirs = (
        [block for block in side if block.kind == "statement" or _is_main(block)]
        for side in (left, right)
    )
    if ours and theirs:
        yield theirs[0], "both added statements at one point"
        return
    if has_parameters:
        fields = [[block for block in side if _is_field(block)] for side in (left, right)]
        if all(fields):
            yield (
                fields[1][0],
                "both added fields at one point, and their order is one of parameters",
            )
            return
    for one, other in ((left, right), (right, left)):
        bound = frozenset[str]().union(*(_bound(block) for block in one))
        for block in other:
            # A function reads what there is when it is called, not where it stands.
            if block.kind in {"statement", "variable"} and bound & _read(block):
                name = min(bound & _read(block))
                yield block, f"one side binds {name} at the point at which the other uses it"
                return


def _late_parameters(order: Sequence[str], versions: Versions) -> Iterator[tuple[Block, str]]:
    if not any(_has_late(list(side), side) for side in versions):
        late = _has_late(order, {key: _block(key, versions) for key in order})
        if late is not None:
            yield late, "a field without a default would follow one with a default"


def _has_late(order: Sequence[str], blocks: Mapping[str, Block]) -> Block | None:
    seen = False
    for key in order:
        block = blocks[key]
        if _is_field(block):
            value = _assignment_value(block)
            if value is None and seen:
                return block
            seen = seen or value is not None
    return None


def _one_value(versions: Versions) -> Iterator[tuple[Block, str]]:
    was, ours, theirs = versions
    values = {_assignment_value(ours[key]): key for key in ours.keys() - was.keys()}
    for key in sorted(theirs.keys() - was.keys()):
        value = _assignment_value(theirs[key])
        if value is not None and "(" not in value and values.get(value, key) != key:
            yield theirs[key], f"both added a member of an enumeration with the value {value}"


def _gaps(order: Sequence[str], versions: Versions) -> Iterator[list[str]]:
    """The order in runs: of what is new, and of one each that was there or that both have."""
    was, ours, theirs = versions
    gap: list[str] = []
    for key in order:
        if key in was or (key in ours and key in theirs):
            yield gap
            yield [key]
            gap = []
        else:
            gap.append(key)
    yield gap


def _is_shared(gap: Sequence[str], versions: Versions) -> bool:
    is_ours = [key in versions[1] for key in gap]
    return any(is_ours) and not all(is_ours) and gap[0] not in versions[0]


def _block(key: str, versions: Versions) -> Block:
    return next(side[key] for side in (versions[1], versions[2], versions[0]) if key in side)


def _is_main(block: Block) -> bool:
    return block.kind == "guard" and "__name__" in block.name


def _assignment(block: Block) -> tuple[str, str | None, str | None] | None:
    """Target, annotation and value of one assignment of Python."""
    node = (
        block.definition.named_children[0]
        if block.definition and block.definition.named_children
        else None
    )
    if block.kind != "variable" or node is None or node.type != "assignment":
        return None
    fields = (node.child_by_field_name(name) for name in ("left", "type", "right"))
    target, annotation, value = (text_of(each) if each is not None else None for each in fields)
    return target or "", annotation, value


def _assignment_value(block: Block) -> str | None:
    found = _assignment(block)
    return found[2] if found else None


def _is_field(block: Block) -> bool:
    found = _assignment(block)
    return found is not None and found[1] is not None and "ClassVar" not in found[1]


def _bound(block: Block) -> frozenset[str]:
    """The names that a block binds, a statement that computes with its own target included."""
    if block.kind != "statement" or block.definition is None:
        return targets_of(block)
    found = set()
    for node in block.definition.named_children:
        if "assignment" in node.type or node.type == "update_expression":
            target = node.child_by_field_name("left") or node.child_by_field_name("argument")
            found.add(text_of(target))
    return frozenset(found)


def _read(block: Block) -> frozenset[str]:
    if block.definition is None:
        return frozenset()
    return frozenset(text_of(node) for node in walk(block.definition) if node.type in _WORDS)
