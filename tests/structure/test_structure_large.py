"""Large files: what a merge costs grows with the file and with what both changed in it, no faster."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable

import pytest

from orchestrator.structure.entries import cut_json, cut_toml, cut_yaml
from orchestrator.structure.lines import merge_inside, merge_lines
from orchestrator.structure.merge import merge_file

Sides = tuple[str, str, str, str]


def functions(count: int) -> Sides:
    """Each function was changed by both, in lines that do not touch; a new one by each is in git's
    way.
    """
    base = "".join(
        f"def f{i}(x):\n    a = x + {i}\n    k = 1\n    b = a * 2\n    return b\n\n\n"
        for i in range(count)
    )
    end = base.rfind("def f")
    left, right = base.replace("a = x", "a = 1 + x"), base.replace("a * 2", "a * 3")
    texts = [f"def {name}():\n    return 1\n\n\n" for name in ("one", "other")]
    at = [side.rfind("def f") for side in (left, right)]
    assert end > 0
    left, right = (
        side[:place] + text + side[place:]
        for side, place, text in zip((left, right), at, texts, strict=True)
    )
    return "a.py", base, left, right


def statements(count: int) -> Sides:
    base = "call()\n" * count
    return "a.py", base, f"import a\n{base}x = 1\n", f"import b\n{base}y = 2\n"


def data(ending: str) -> Callable[[int], Sides]:
    """Each side adds a key at the end."""

    def sides(count: int) -> Sides:
        entry = {"yaml": "k{0}:\n  n: {0}\n  l: [a, b]\n", "toml": "[k{0}]\nn = {0}\n\n"}[ending]
        end = {"yaml": "{0}: 1\n", "toml": "[{0}]\nn = 1\n"}[ending]
        base = "".join(entry.format(i) for i in range(count))
        return f"a.{ending}", base, base + end.format("left"), base + end.format("right")

    return sides


def deep(count: int) -> Sides:
    """One map in another, `count` times, and a key of the innermost changed by each side."""

    def nested(one: int, other: int) -> str:
        inner: object = {"one": one, "between": 0, "other": other}
        for index in range(count):
            inner = {"in": inner, "at": index}
        return json.dumps(inner) + "\n"

    return "a.json", nested(1, 1), nested(2, 1), nested(1, 2)


@pytest.mark.parametrize(
    ("kind", "count", "seconds"),
    [
        (functions, 800, 3),
        (statements, 8_000, 6),
        (data("yaml"), 4_000, 2),
        (data("toml"), 4_000, 2),
        (deep, 800, 2),
    ],
)
def test_what_many_blocks_and_keys_cost(
    kind: Callable[[int], Sides], count: int, seconds: float
) -> None:
    """The bounds are some times what a machine at rest takes, and small parts of what squares would."""
    path, *sides = kind(count)
    started = time.process_time()
    result = merge_file(path, *(side.encode() for side in sides))
    assert result.content is not None, result.conflicts
    assert time.process_time() - started < seconds
    base = set(sides[0].splitlines())
    for side in sides[1:]:
        assert path.endswith("json") or set(side.splitlines()) - base <= set(
            result.content.decode().splitlines()
        )


def test_five_megabytes_of_json_with_a_key_from_each_side() -> None:
    entries = {f"key{i}": {"name": f"n{i}", "list": ["a", "b"], "n": i} for i in range(50_000)}
    base, left, right = (
        (json.dumps({**entries, **more}, indent=2) + "\n").encode()
        for more in ({}, {"left": 1}, {"right": 1})
    )
    assert len(base) > 4_900_000
    started = time.process_time()
    result = merge_file("a.json", base, left, right)
    assert time.process_time() - started < 3
    assert result.content is not None
    assert json.loads(result.content) == {**entries, "left": 1, "right": 1}
    assert result.content.startswith(base[:-3])


def test_parts_are_merged_as_git_merges_them() -> None:
    """Lines that tell themselves apart: what comes out is git's, and so is what conflicts."""
    chance = random.Random(7)
    seen = set()
    for _ in range(60):
        base = [f"{chance.randrange(10**6)}\n" for _ in range(chance.randrange(2, 14))]
        sides = []
        for _ in range(2):
            side = list(base)
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(len(side) + 1)
                new = [f"{chance.randrange(10**6)}\n"]
                side[at : at + chance.randrange(2)] = new if chance.random() < 0.7 else []
            sides.append("".join(side).encode())
        expected = merge_lines("".join(base).encode(), sides[0], sides[1])
        assert merge_inside("".join(base).encode(), sides[0], sides[1]) == expected
        seen.add(expected is None)
    assert seen == {True, False}


def test_a_file_takes_one_process_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of its blocks both sides changed."""
    started = []
    popen = subprocess.Popen.__init__

    def counted(self: subprocess.Popen[bytes], *given: object, **more: object) -> None:
        started.append(given)
        popen(self, *given, **more)  # type: ignore[arg-type, call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", counted)
    path, *sides = functions(40)
    assert merge_file(path, *(side.encode() for side in sides)).content is not None
    assert len(started) == 1


def test_where_data_is_cut() -> None:
    found = cut_json('{\n  "a": {\n    "b": 1\n  },\n  "c": [\n    1\n  ]\n}\n')
    assert found is not None
    assert found.entries == ['  "a": {\n    "b": 1\n  }', '  "c": [\n    1\n  ]']
    inner = cut_json(found.entries[0])
    assert inner is not None
    assert inner.entries == ['    "b": 1']
    assert cut_json('{"a": 1}\n') is None

    text = "# of a\na:\n- 1\n- 2\n\n# of b\nb: |\n  x: y\n"
    told = cut_yaml(text)
    assert told is not None
    assert told.entries == ["# of a\na:\n- 1\n- 2\n", "\n# of b\nb: |\n  x: y\n"]
    below = cut_yaml("services:\n  a:\n    x: 1\n  b: 2\n")
    assert below is not None
    assert (below.head, below.entries) == ("services:\n", ["  a:\n    x: 1\n", "  b: 2\n"])
    for unclear in ("a: &x 1\nb: *x\n", "--- \na: 1\n", "- a\n- b\n", "a: !t 1\n"):
        assert cut_yaml(unclear) is None

    tables = cut_toml("x = 1\n\n# of a\n[a]\ny = [\n  [1],\n]\n[[b]]\n")
    assert tables is not None
    assert tables.entries == ["x = 1\n", "\n# of a\n[a]\ny = [\n  [1],\n]\n", "[[b]]\n"]
    assert cut_toml('x = """\n[a]\n"""\n') is None


@pytest.mark.parametrize(
    ("path", "base", "left", "right", "expected"),
    [
        (  # a key in a map in a map, by each side
            "a.yaml",
            "services:\n  web:\n    env:\n      A: 1\n",
            "services:\n  web:\n    env:\n      A: 1\n      B: 2\n",
            "services:\n  web:\n    env:\n      A: 1\n      C: 3\n",
            "services:\n  web:\n    env:\n      A: 1\n      B: 2\n      C: 3\n",
        ),
        (  # the same key at two places is no clean merge
            "a.yaml",
            "a: 1\nb: 2\nc: 3\nd: 4\n",
            "n: 1\na: 1\nb: 5\nc: 3\nd: 4\n",
            "a: 1\nb: 2\nc: 3\nd: 4\nn: 2\n",
            None,
        ),
        (  # one side moved what the other changed
            "a.json",
            '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}\n',
            '{\n  "c": 3,\n  "a": 1,\n  "b": 2\n}\n',
            '{\n  "a": 1,\n  "b": 2,\n  "c": 4\n}\n',
            '{\n  "c": 4,\n  "a": 1,\n  "b": 2\n}\n',
        ),
        (  # all of a map removed, and something changed in it
            "a.json",
            '{\n  "a": {\n    "b": 1\n  },\n  "c": 1\n}\n',
            '{\n  "c": 1\n}\n',
            '{\n  "a": {\n    "b": 2\n  },\n  "c": 1\n}\n',
            None,
        ),
        (
            "a.toml",
            "[a]\nx = 1\n",
            "[a]\nx = 1\n\n# mine\n[b]\ny = 1\n",
            "[a]\nx = 1\n\n# theirs\n[c]\nz = 1\n",
            "[a]\nx = 1\n\n# mine\n[b]\ny = 1\n\n# theirs\n[c]\nz = 1\n",
        ),
    ],
)
def test_entries_that_both_changed(
    path: str, base: str, left: str, right: str, expected: str | None
) -> None:
    result = merge_file(path, base.encode(), left.encode(), right.encode())
    assert result.content == (None if expected is None else expected.encode()), result
