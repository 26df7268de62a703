"""Data merged by key keeps what nobody touched as it is written."""

from __future__ import annotations

import pytest

from tests.structure.three_ways import merged, refused


@pytest.mark.parametrize(
    "value",
    [
        "1e400",
        "1e3",
        "0.12345678901234567890123",
        "-0",
        "1.50",
        "12345678901234567890123",
        '"\\u0001"',
    ],
)
def test_values_of_json(value: str) -> None:
    base = f'{{\n  "a": {value}\n}}\n'
    left, right = (base.replace("\n}", f',\n  "{key}": {value}\n}}') for key in "bc")
    text = merged("a.json", base, left, right)
    assert text.count(value) == 3
    assert base[:-3] in text
    assert "changed by both" in refused(
        "a.json", base, base.replace(value, "1.0"), base.replace(value, "1.00")
    )


def test_what_json_would_write_otherwise_is_kept() -> None:
    for value in ('"x\\/y"', '"\\u0041"', "[1,2]", '"\\u0000"'):
        base = f'{{\n  "a": {value}\n}}\n'
        left, right = (base.replace("\n}", f',\n  "{key}": 1\n}}') for key in "bc")
        assert f'"a": {value},' in merged("a.json", base, left, right)
        left, right = (
            side.replace(value, f"[{value}, {n}]") for n, side in enumerate((left, right))
        )
        assert "changed by both" in refused("a.json", base, left, right)


@pytest.mark.parametrize(
    ("path", "line"), [("a.yaml", "{}: {}\n"), ("a.yml", "{}: [{}]\n"), ("a.toml", "{} = {}\n")]
)
@pytest.mark.parametrize("value", ["1.30", "1e3", "0.12345678901234567890123"])
def test_values_of_yaml_and_toml(path: str, line: str, value: str) -> None:
    base = line.format("a", value)
    sides = base + line.format("b", value), base + line.format("c", "1")
    text = merged(path, base, *sides)
    assert text.count(value) == 2
    assert text.startswith(base)
