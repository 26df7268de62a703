"""What a mission file still leaves to a person: its comments that begin with `TODO`."""

from __future__ import annotations

import re

import yaml

_TODO = re.compile(r"(?:^|\s)#\s*TODO\b:?\s*(?P<text>.*)$")


def open_todos(text: str) -> tuple[tuple[int, str], ...]:
    """The line (from 1) and the words of each comment `# TODO: …` of a mission that can be read."""
    if "TODO" not in text:
        return ()
    spans = [
        (token.start_mark, token.end_mark)
        for token in yaml.scan(text)
        if isinstance(token, yaml.ScalarToken)
    ]
    inside = {
        (line, start.column if line == start.line else 0, end.column if line == end.line else -1)
        for start, end in spans
        for line in range(start.line, end.line + 1)
    }
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines()):
        match = _TODO.search(line)
        if match and not any(
            of == number and first <= match.start() and (last < 0 or match.start() < last)
            for of, first, last in inside
        ):
            found.append((number + 1, match["text"].strip()))
    return tuple(found)
