"""What already works and must go on working: tools and their dispatch."""

import asyncio

import pytest

from netra_backend.app.agents.supervisor.tool_dispatcher import ToolDispatcher, UnknownToolError
from netra_backend.app.agents.tools import SUPERVISOR_TOOLS, classify, count_words, summarize


def test_tools():
    assert count_words("one two three") == 3
    assert summarize("a b c d e") == "a b c d e"
    assert summarize("a b c d e f") == "a b c d e…"
    assert classify("Are you there? ") == "question"
    assert classify("I am.") == "statement"


def test_dispatcher_calls_the_tool():
    assert asyncio.run(ToolDispatcher(SUPERVISOR_TOOLS).dispatch("count_words", text="a b")) == 2


def test_unknown_tool_names_the_known_ones():
    with pytest.raises(UnknownToolError, match="count_words, summarize"):
        asyncio.run(ToolDispatcher(SUPERVISOR_TOOLS).dispatch("dance"))


def test_error_of_a_tool_reaches_the_caller():
    with pytest.raises(TypeError):
        asyncio.run(ToolDispatcher(SUPERVISOR_TOOLS).dispatch("count_words"))
