"""Text that came from elsewhere, made harmless in Markdown and in mermaid diagrams as GitHub
renders them.

Missions, paths, test ids, reasons and output are written by people and agents; here they become
text that renders as itself: no markup, no HTML, no table cell of its own, no mention or link that
GitHub would act on.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from markupsafe import Markup

from orchestrator.reports.text import clean, crop, one_line

_MARKUP = re.compile(
    r"[\\`*\[\]~|$]|(?<![^\W_])_|_(?![^\W_])"
)  # an underscore inside a word means nothing on GitHub
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_AUTOLINKS = re.compile(r"@|#(?=\d)|(?<=\w):(?=//)|(?i:(?<=www)\.)|(?i:(?<=gh)-(?=\d))")
_BLOCKS = re.compile(r"^(?=[-+=#:])|^(\d+)(?=[.)](?:\s|$))")
_NOTHING = "<!-- -->"
"""Splits a word that GitHub would make a link of, and is not seen."""
_ANY_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_DIAGRAM = re.compile(r"[^\w \-./()+,=·–%]|[%_]{2,}", re.UNICODE)


def raw(text: str) -> Markup:
    """Text that is Markdown already: made here or by this package, never taken from elsewhere."""
    return Markup(text)  # noqa: S704 - the one place, so that a reader of this package can find all uses by this name


def markdown(text: str, limit: int = 500) -> Markup:
    """As running text: one line that renders as exactly these characters, wherever it stands, a
    table cell included.
    """
    line = "".join(_HTML.get(character, character) for character in one_line(text, limit))
    line = _MARKUP.sub(lambda match: "\\" + match[0], line)
    line = _BLOCKS.sub(lambda match: f"{match[1]}\\" if match[1] else "\\", line)
    # After the rest, for this puts HTML in. A number and its full stop were parted above, so "1\."
    # stays whole.
    return raw(_AUTOLINKS.sub(lambda match: match[0] + _NOTHING, line))


def code(text: str, limit: int = 300) -> Markup:
    """As code on one line; empty for an empty text."""
    line = one_line(text, limit)
    if not line:
        return raw("")
    if not set("`|\\") & set(line):
        return raw(f"`{line}`")
    # A pipe inside backticks means one thing in a table and another outside; entities mean the same
    # everywhere.
    return raw(
        "<code>" + _ANY_PUNCTUATION.sub(lambda match: f"&#{ord(match[0])};", line) + "</code>"
    )


def fence(text: str, limit: int = 4_000) -> Markup:
    """As a block of code; the end is kept where it is too long, for that is where output says what
    went wrong.
    """
    body = clean(text[-limit * 4 :]).strip("\n")
    if len(body) > limit:
        body = "… " + body[-limit:]
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    ticks = "`" * max(3, longest + 1)
    return raw(f"{ticks}text\n{body}\n{ticks}")


def link(label: str, path: str) -> Markup:
    """A link to a file of the report's folder. What is not such a path is shown, and leads
    nowhere.
    """
    there = address(path)
    return raw(f"[{markdown(label)}]({there})") if there else code(path)


def address(path: str) -> str:
    """A path of the report's folder as a relative URL; empty for what is not such a path."""
    steps = path.split("/")
    if not steps[0] or ".." in steps or ":" in steps[0] or "\\" in path or one_line(path) != path:
        return ""
    return quote(path, safe="/._-~+=,@")


def diagram(text: str, limit: int = 60) -> str:
    """Inside a mermaid label or task: letters, digits and a few marks that no diagram's grammar
    knows.
    """
    return crop(
        re.sub(r" +", " ", _DIAGRAM.sub(" ", one_line(text, limit * 2))).strip(" %") or "–", limit
    )
