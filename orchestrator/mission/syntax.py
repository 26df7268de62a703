"""What a YAML parser's complaint means to a person. Owns words alone; `source` runs the parser.

The C parser and the Python one say the same things in different words, so both are listed.
"""

from __future__ import annotations

import yaml

# (a part of the parser's words, what it means, how to mend it, whether the place is where the
# construct began)
MEANINGS = (
    ("mapping values are not allowed", "a `:` that is not expected here",
     "check the indentation; a text that holds `: ` needs quotes", False),
    ("could not find expected ':'", "a key without its `:`", "write `key: value`", True),
    ("unexpected end of stream", "a quoted text that is never closed", "add the closing quote", True),
    ("document separator", "a quoted text that is never closed", "add the closing quote", True),
    ("expected ',' or ']'", "a list in `[…]` that is never closed, or lacks a `,`", "add the `]` or the `,`", True),
    ("expected ',' or '}'", "a mapping in `{…}` that is never closed, or lacks a `,`", "add the `}` or the `,`", True),
    ("unknown escape character", "an escape that YAML does not know",
     "double the backslash, or use single quotes", False),
    ("did not find expected '-' indicator", "the indentation does not fit the list above",
     "items of one list begin in one column with `- `", False),
    ("did not find expected key", "the indentation does not fit the lines above",
     "keys of one mapping begin in one column; a text after a closing quote is an error too", False),
    ("expected <block end>", "the indentation does not fit the lines above",
     "keys of one mapping, and items of one list, begin in one column", False),
    ("block sequence entries are not allowed", "a `- ` that is not expected here",
     "begin the list on a line of its own", False),
    ("did not find expected node content", "a value is missing here", "write one", False),
    ("expected the node content", "a value is missing here", "write one", False),
)  # fmt: skip


def explain(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int, str, str | None]:
    """Line, column (from one), what is wrong, and how to mend it."""
    problem = error.problem or error.context or "not valid YAML"
    mark = error.problem_mark or error.context_mark
    lines = text.split("\n")
    line, column = (mark.line, mark.column) if mark else (0, 0)
    letter = lines[line][column : column + 1] if line < len(lines) else ""
    if letter == "\t":
        return line + 1, column + 1, "a tab cannot indent in YAML", "use spaces"
    if "cannot start any token" in problem and letter:
        return line + 1, column + 1, f"a text cannot begin with {letter!r}", "put it in quotes"
    for words, what, mend, at_start in MEANINGS:
        if words in problem:
            if at_start and error.context_mark:
                line, column = error.context_mark.line, error.context_mark.column
            return line + 1, column + 1, what, mend
    return line + 1, column + 1, f"not valid YAML: {problem}", None
