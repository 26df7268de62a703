"""A number that a program prints.

Owns finding the number: by a path of keys in the last JSON object of the output, or as the first
group of a regular expression. Only finite numbers are numbers. Holding it against the threshold is
`decide`'s.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.runners.output import output_of, told_facts
from orchestrator.gates.observing.runners.place import Place, exit_facts
from orchestrator.mission.model import MetricCheck

OUTPUT_LIMIT_BYTES = 1024 * 1024


class NoValueError(Exception):
    """There is no such number in the output; the text says what there is."""


async def run_metric(check: MetricCheck, place: Place) -> Observation:
    """Run it and read the number off its output."""
    ended = await place.run(check.metric.argv)
    facts = exit_facts("metric", str(check.metric), ended)
    if isinstance(ended, str):
        return Observation(**facts)
    facts |= await told_facts(place.log)
    try:
        # A program that prints more than this prints its number at the end.
        output = output_of(place.log, head=0, tail=OUTPUT_LIMIT_BYTES)
        return Observation(**facts, value=find_value(check.value, output))
    except NoValueError as error:
        return Observation(**facts, problem=str(error))


def find_value(value: str, output: str) -> float:
    """The number that `value` (a key path or a regular expression with a group) names. Raises
    NoValueError.
    """
    pattern = _pattern(value)
    found = _by_pattern(pattern, output) if pattern else _by_keys(value, output)
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        raise NoValueError(f"`{value}` is not a number: {str(found)[:80]}")
    try:
        number = float(found)
    except (ValueError, OverflowError):
        raise NoValueError(f"`{value}` is not a number: {str(found)[:80]}") from None
    if not math.isfinite(number):
        raise NoValueError(f"`{value}` is not a finite number: {found}")
    return number


def _pattern(value: str) -> re.Pattern[str] | None:
    """A regular expression is told from a key by its group."""
    try:
        pattern = re.compile(value, re.MULTILINE)
    except re.error:
        return None
    return pattern if pattern.groups else None


def _by_pattern(pattern: re.Pattern[str], output: str) -> object:
    matches = list(pattern.finditer(output))
    if not matches:
        raise NoValueError(f"nothing in the output matches `{pattern.pattern}`")
    return matches[-1][1]


def _by_keys(path: str, output: str) -> object:
    found: Any = _last_object(output)
    if found is None:
        raise NoValueError("there is no JSON object in the output")
    if path in found:  # a key that has dots itself
        return found[path]
    for key in path.split("."):
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise NoValueError(f"the JSON of the output has no `{path}`")
    return found


def _last_object(output: str) -> dict[str, Any] | None:
    """The last JSON object that is not inside another one."""
    decoder = json.JSONDecoder()
    last: dict[str, Any] | None = None
    position = output.find("{")
    while position >= 0:
        try:
            last, end = decoder.raw_decode(output, position)
        except (ValueError, RecursionError):
            end = position + 1
        position = output.find("{", end)
    return last
