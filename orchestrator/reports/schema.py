"""The JSON schema of `report.json`, for those who read reports with programs of their own."""

from __future__ import annotations

from typing import Any

from orchestrator.mission.described import describe
from orchestrator.reports.model import FORMAT, VERSION, Part, Summary

NAME = "report.schema.json"


def report_schema() -> dict[str, Any]:
    """Draft 2020-12, generated from the model."""
    schema = Summary.model_json_schema(by_alias=True, mode="serialization")
    describe(schema, Summary, Part)
    title = f"{FORMAT}, version {VERSION}"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}
