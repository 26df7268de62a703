"""`orchestrate mcp` as an agent uses it: a server on standard input and output, and the official
client.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.cli.helpers import MISSIONS, environment, eventually, git, orchestrate
from tests.ready import PROGRAM

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def talk(root: Path, calls: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """What the server of a folder answers to these calls, one after another."""
    told = []
    parameters = StdioServerParameters(
        command=str(PROGRAM), args=["mcp"], cwd=root, env=environment()
    )
    async with (
        stdio_client(parameters) as (reading, writing),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        tools = await session.list_tools()
        assert {tool.name for tool in tools.tools} == {"plan", "run", "status", "gate", "merge"}
        assert all(tool.description for tool in tools.tools)
        prompt = await session.get_prompt("write-a-mission")
        assert "must_turn_green" in str(prompt)
        for name, arguments in calls:
            answer = await session.call_tool(name, arguments)
            told.append(json.loads(answer.content[0].text))  # type: ignore[union-attr]
    return told


def test_an_agent_plans_runs_judges_and_merges(tmp_path: Path) -> None:
    shutil.copytree(MISSIONS / "hello", tmp_path / "missions" / "hello")
    shutil.copy(MISSIONS / "hello.yaml", tmp_path / "missions")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "base")
    git(tmp_path, "branch", "other")
    calls: list[tuple[str, dict[str, Any]]] = [
        ("plan", {"mission": "missions/hello.yaml"}),
        ("plan", {"mission": "missions/gone.yaml"}),
        ("run", {"mission": "missions/gone.yaml"}),
        ("run", {"mission": "missions/hello.yaml"}),
        ("gate", {"mission": "missions/gone.yaml:x"}),
        ("merge", {"base": "main", "sides": ["other"]}),
        ("status", {}),
    ]
    plan, no_plan, no_run, run, gate, merge, status = anyio.run(talk, tmp_path, calls)
    assert (plan["exit_code"], "manners" in plan["output"]) == (0, True)
    assert (no_plan["exit_code"], no_plan["says"]) == (2, "the mission or the request is wrong")
    assert "no such mission file" in no_run["errors"]
    assert gate["exit_code"] == 2
    assert merge["exit_code"] == 0
    assert status["found"]["run"] == run["run"]
    # The server is gone; the run is not.
    report = tmp_path / "reports" / run["run"] / "report.json"
    eventually(report.exists)
    eventually(lambda: orchestrate(tmp_path, "status", code=None).code in (0, 1))
    assert orchestrate(tmp_path, "status", "--json").json["run"] == run["run"]
