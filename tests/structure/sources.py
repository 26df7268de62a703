"""Generated source files, and edits of them, for properties of merges: real constructs of Python
and TypeScript.

A module is a list of parts, the same for every language; `written` puts it into one. Every number
in it makes a line that stands nowhere else in the part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta", "eps", "zeta", "eta", "theta"])
NUMBERS = st.integers(0, 3)
KINDS = st.sampled_from(["function", "class", "decorated", "variable", "import", "table"])
SUFFIXES = ("py", "ts")


@dataclass(frozen=True)
class Part:
    """One symbol or import; `members` are methods of a class and entries of a table, each with its
    number.
    """

    kind: str
    name: str
    value: int
    members: tuple[tuple[str, int], ...] = ()


Module = tuple[Part, ...]


def written(suffix: str, module: Sequence[Part]) -> bytes:
    """The module as a file: its imports, then everything else in its order."""
    write = _python if suffix == "py" else _typescript
    imports = "".join(write(part) for part in module if part.kind == "import")
    body = "\n\n".join(write(part) for part in module if part.kind != "import")
    return f"{imports}\n\n{body}".lstrip("\n").encode()


def _python(part: Part) -> str:
    name, value = part.name, part.value
    match part.kind:
        case "import":
            return f"from m_{name} import {name}\n"
        case "function":
            return (
                f'def {name}(a):\n    """What {name} does."""\n    b = a + {value}\n    return b\n'
            )
        case "decorated":
            return f"@property\ndef {name}(a):\n    # number {value} of {name}\n    return a\n"
        case "class":
            methods = "".join(
                f"\n    def {one}(self):\n        return {number}\n" for one, number in part.members
            )
            return f'class {name}:\n    """The {name}."""\n\n    size = {value}\n{methods}'
        case "table":
            entries = "".join(f'    "{one}": {number},\n' for one, number in part.members)
            return f"{name} = {{\n{entries}}}\n"
    return f"{name} = {value}\n"


def _typescript(part: Part) -> str:
    name, value = part.name, part.value
    match part.kind:
        case "import":
            return f'import {{ {name} }} from "./m_{name}";\n'
        case "function":
            return f"export function {name}(a: number): number {{\n  const b = a + {value};\n  return b;\n}}\n"
        case "decorated":
            return f"/** Number {value} of {name}. */\nexport const {name} = (a: number): number => a + {value};\n"
        case "class":
            methods = "".join(
                f"\n  {one}(): number {{\n    return {number};\n  }}\n"
                for one, number in part.members
            )
            return f"export class {name} {{\n  private size = {value};\n{methods}}}\n"
        case "table":
            entries = "".join(f"  {one}: {number};\n" for one, number in part.members)
            return f"export interface {name} {{\n{entries}}}\n"
    return f"export const {name} = {value};\n"


@st.composite
def parts(draw: Any, numbers: Any = NUMBERS) -> Part:
    kind = draw(KINDS)
    members = ()
    if kind in {"class", "table"}:
        members = tuple(
            (name, draw(numbers))
            for name in draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
        )
    return Part(kind, draw(NAMES), draw(numbers), members)


@st.composite
def modules(draw: Any, most: int = 5) -> Module:
    return tuple(draw(st.lists(parts(), unique_by=lambda part: part.name, max_size=most)))


@st.composite
def edited(draw: Any, base: Module, mark: int) -> Module:
    """The module after somebody's work; what is new or changed in it has numbers from `mark` to
    `mark` + 3.
    """
    numbers = st.integers(mark, mark + 3)
    result = []
    for part in base:
        match draw(st.integers(0, 7)):
            case 0:
                continue
            case 1:
                result.append(replace(part, value=draw(numbers)))
            case 2 if part.members:
                result.append(replace(part, members=_edited_members(draw, part.members, numbers)))
            case _:
                result.append(part)
    known = {part.name for part in base}
    for part in draw(st.lists(parts(numbers), unique_by=lambda part: part.name, max_size=2)):
        if part.name not in known:
            result.insert(draw(st.integers(0, len(result))), part)
    return tuple(result)


def _edited_members(
    draw: Any, members: Sequence[tuple[str, int]], numbers: Any
) -> tuple[tuple[str, int], ...]:
    kept = [
        (name, draw(numbers) if draw(st.integers(0, 2)) == 0 else number)
        for name, number in members
    ]
    if len(kept) > 1 and draw(st.booleans()):
        del kept[draw(st.integers(0, len(kept) - 1))]
    known = {name for name, _ in members}
    new = draw(NAMES)
    if new not in known:
        kept.insert(draw(st.integers(0, len(kept))), (new, draw(numbers)))
    return tuple(kept)
