"""The JSON schema is current, is a schema, and agrees with the loader on missions that are
right.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from orchestrator.mission.schema import mission_schema
from orchestrator.mission.source import read_source

HERE = Path(__file__).parent
WRITTEN = HERE.parents[1] / "missions" / "mission.schema.json"
RIGHT = [*sorted((HERE / "valid").glob("*.yaml")), *sorted(WRITTEN.parent.glob("*.yaml"))]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(mission_schema())


def test_the_written_schema_is_current() -> None:
    text = json.dumps(mission_schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        WRITTEN.write_text(text, encoding="utf-8")
    assert WRITTEN.read_text(encoding="utf-8") == text, "run with UPDATE_SNAPSHOTS=1"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(mission_schema())


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_right_missions_are_valid(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(read_source(path.read_bytes()).data)


@pytest.mark.parametrize(
    "name",
    ["unknown_key", "id_as_number", "ids_that_escape", "check_of_two_kinds", "check_without_kind", "missing_keys",
     "repository_both", "repository_neither", "wrong_choice", "texts_for_numbers", "empty_values", "version_two",
     "proof_of_no_kind", "command_with_number", "strange_names_in_mappings", "python_field_name"],
)  # fmt: skip
def test_wrong_shapes_are_not_valid(name: str, validator: jsonschema.Draft202012Validator) -> None:
    data = read_source((HERE / "malformed" / f"{name}.yaml").read_bytes()).data
    assert not validator.is_valid(data)


def test_short_forms_are_offered(validator: jsonschema.Draft202012Validator) -> None:
    data: dict[str, Any] = read_source((HERE / "valid" / "minimal.yaml").read_bytes()).data
    agent = data["batches"][0]["agents"][0]
    agent |= {
        "tasks": "one",
        "deliverables": ["a text", {"text": "x", "proof": {"file": "y"}}],
        "timeout": 90,
    }
    data["backends"]["mine"] = {"command": "one text"}
    data["backends"]["other"] = {"command": {"shell": "a | b"}}
    validator.validate(data)


def test_descriptions_come_from_the_model() -> None:
    files = mission_schema()["$defs"]["Agent"]["properties"]["files"]
    meaning = "What it may change: gitignore-style globs, or symbols: `a.py::A.on_*`, `a.py:214`."
    assert files["description"].startswith(f"{meaning} None: a read-only reviewer, who reads ")
    assert "null" not in json.dumps(mission_schema())
