"""What a model's complaint about one value means to a person: what was expected, what was found,
how to mend it.

Owns words alone: it knows pydantic's kinds of errors and no place in a file (`shape` does).
"""

from __future__ import annotations

from pydantic_core import ErrorDetails

from orchestrator.mission.source import Data
from orchestrator.mission.words import listed, nearest

LONGEST = 72  # letters of a value in a message
EXPECTED = {
    "string_type": "a text",
    "bool_type": "`true` or `false`",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "tuple_type": "a list",
    "dict_type": "a mapping (`key: value` lines)",
    "model_type": "a mapping (`key: value` lines)",
    "model_attributes_type": "a mapping (`key: value` lines)",
}
TRUTHS = {"yes": "true", "on": "true", "no": "false", "off": "false"}  # in YAML 1.1; texts in 1.2


def complaint(error: ErrorDetails, value: Data, raw: str | None = None) -> tuple[str, str | None]:
    """A sentence without its subject, and the mend. `raw` is the value as it was written, if it is
    a scalar.
    """
    kind, context = error["type"], error.get("ctx", {})
    found = f", found {show(value, raw)}"
    if kind in ("enum", "literal_error"):
        return _one_of(str(context["expected"]), value, raw)
    if kind in EXPECTED:
        return f"expected {EXPECTED[kind]}{found}", _type_mend(kind, raw)
    match kind:
        case "string_too_short":
            what = "expected a text that is not empty"
        case "too_short":
            what = "expected at least one item"
        case "greater_than_equal":
            what = f"expected at least {context['ge']}{found}"
        case "less_than_equal":
            what = f"expected at most {context['le']}{found}"
        case "string_pattern_mismatch":
            what = f'expected a comparison such as ">= 95"{found}'
        case _:  # our own, from the model
            what = str(context.get("error", error["msg"]))
            what += found if what.startswith("expected") and "found" not in what else ""
    return what, None


def _type_mend(kind: str, raw: str | None) -> str | None:
    if kind == "bool_type" and str(raw).lower() in TRUTHS:
        return f"write `{TRUTHS[str(raw).lower()]}`"
    return quoted(raw) if kind == "string_type" else None


def _one_of(expected: str, value: Data, raw: str | None) -> tuple[str, str | None]:
    names = [name.strip().strip("'") for name in expected.replace(" or ", ", ").split(",")]
    close = nearest(value, names) if isinstance(value, str) else None
    mend = "write it without quotes" if close == value else close and f"did you mean `{close}`?"
    return f"expected {listed(names, last=' or ')}, found {show(value, raw)}", mend


def show(value: Data, raw: str | None = None) -> str:
    """A value in a message, as it was written and not longer than a glance."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{raw or str(value).lower()}`"
        case int() | float():
            return f"the number {(raw or str(value))[:LONGEST]}"
        case str():
            text = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
            return f'"{text.replace(chr(10), " ")}"' if text else "an empty text"
        case list():
            return "a list" if value else "an empty list"
    return "a mapping"


def quoted(raw: str | None) -> str | None:
    """The mend for a number or a word that YAML did not read as a text; none for what is no
    scalar.
    """
    return f'put it in quotes ("{raw}")' if raw is not None else None
