"""The JSON schema of mission files, generated from the model, so that editors complete and check
while people type.

Owns what pydantic does not know of: which dialect it is, which keys are not supported yet, and that
a key without a value is refused. The loader is stricter than any schema can be; what the schema
refuses, the loader refuses too.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from orchestrator.mission.described import describe
from orchestrator.mission.model import Mission, Model
from orchestrator.mission.source import Data

NULL = {"type": "null"}


def mission_schema() -> dict[str, Any]:
    """The schema as plain data, draft 2020-12; the same for the same version of the program."""
    schema = Mission.model_json_schema(by_alias=True, mode="validation")
    describe(schema, Mission, Model)
    schema = _tidy(schema)
    nouns: dict[str, Any] = {**schema["$defs"], Mission.__name__: schema}
    # What the model's validator asks for, in the schema's words.
    nouns["Repository"]["oneOf"] = [{"required": ["path"]}, {"required": ["snapshot"]}]
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def _tidy(node: Data) -> Data:
    """Without the nulls of optional fields (the loader refuses a key without a value), and with
    checked keys.
    """
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(value) for key, value in node.items() if value is not None}
    if NULL in tidy.get("anyOf", ()):
        options = [option for option in tidy.pop("anyOf") if option != NULL]
        tidy = {**options[0], **tidy} if len(options) == 1 else {"anyOf": options, **tidy}
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    if isinstance(said := tidy.get("description"), str):
        # A line ends where the source's does, which means nothing to a reader.
        tidy["description"] = re.sub(r"(?<!\n)\n(?!\n) *", " ", said.strip())
    if isinstance(tidy.get("properties"), dict):
        for field in tidy["properties"].values():
            field.pop("title", None)  # pydantic's own, and no more than the key
    return tidy
