"""`mcp`: a person's own agent plans, runs, judges and merges, by the Model Context Protocol.

Owns the tools and what they say. Each carries out a command of this program in a process of its
own, as the person would, and hands on what it printed; a run goes on by itself when the agent has
gone. The protocol is the official SDK's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import typer

from orchestrator import version
from orchestrator.cli.options import HERE, Root
from orchestrator.engine.beside.hooks import skill
from orchestrator.errors import EnvironmentRefused, ExitCode

SAYS = {
    ExitCode.OK: "everything holds",
    ExitCode.NOT_LANDED: "something does not hold; the output says what",
    ExitCode.USAGE: "the mission or the request is wrong",
    ExitCode.FAULT: "a fault of orchestrate",
    ExitCode.ENVIRONMENT: "this machine lacks something",
    ExitCode.INTERRUPTED: "interrupted; a run can be resumed",
}
INSTRUCTIONS = """Carry out missions: pieces of repair work for several coding agents, isolated, merged, and proven by
tests before they land. Read the prompt `write-a-mission` first; then `plan` with check, `run`, `status` until it is
done. Only what a gate passed is done: ask `gate` before you say so yourself."""
MOST_CHARACTERS = 40_000


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(mcp)


def mcp(root: Root = HERE) -> None:
    """Plan, run, status, gate and merge as tools of a person's own agent.

    It speaks the Model Context Protocol on standard input and output.

    An agent is told of it as a server with the command `orchestrate` and the argument `mcp`; for Claude Code:
    claude mcp add orchestrate -- orchestrate mcp
    """
    try:
        from mcp.server.mcpserver import MCPServer  # an extra
    except ImportError as error:
        raise EnvironmentRefused(
            "the protocol's library is not installed",
            mend="install it: pip install 'orchestrate-missions[mcp]'",
        ) from error
    server = MCPServer(
        "orchestrate", version=version(), instructions=INSTRUCTIONS, log_level="ERROR"
    )
    tools = Tools(root)
    for tool in (tools.plan, tools.run, tools.status, tools.gate, tools.merge):
        server.add_tool(tool)
    server.prompt("write-a-mission", description="How missions are written and checked.")(skill)
    server.run("stdio")


class Tools:
    """What is offered, carried out in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    async def plan(self, mission: str, check: bool = False) -> dict[str, Any]:  # noqa: FBT001  (an argument of a tool)
        """What a mission file would do: waves, agents, scopes, overlaps, gates. With `check` its gates are run on the
        base as well, which shows what could not be proven.
        """
        return await self._carry_out("plan", mission, *(["--check"] if check else []))

    async def run(self, mission: str) -> dict[str, Any]:
        """Begin to carry out a mission file. It goes on in the background; ask `status` for the run that is named."""
        return await anyio.to_thread.run_sync(self._begin, mission)

    async def status(self, run: str = "") -> dict[str, Any]:
        """How a run stands, by default the newest: batches, agents, what is proven and what is open."""
        return await self._carry_out("status", *([run] if run else []), "--json")

    async def gate(
        self,
        mission: str,
        base: str = "",
        candidate: str = "",
        uncommitted: bool = True,  # noqa: FBT001  (as above)
    ) -> dict[str, Any]:
        """Judge by a mission's gates (MISSION or MISSION:GATE) what stands in the checkout, or the commit `candidate`.
        Only exit code 0 means that it is done.
        """
        asked = ["gate", mission, "--plain"]
        asked += ["--base", base] if base else []
        if candidate:
            asked += ["--candidate", candidate]
        elif uncommitted:
            asked.append("--uncommitted")
        return await self._carry_out(*asked)

    async def merge(self, base: str, sides: list[str], into: str = "") -> dict[str, Any]:
        """Merge branches onto `base` by lines and by symbols, and check what comes out. Nothing is written but the
        branch `into`, if it is given.
        """
        asked = ["merge", base, *sides, *(["--into", into] if into else []), "--json"]
        return await self._carry_out(*asked)

    async def _carry_out(self, *words: str) -> dict[str, Any]:
        done = await anyio.run_process(
            [*_PROGRAM, *words],
            cwd=self._root,
            env=_environment(),
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return _told(done.returncode, done.stdout, done.stderr)

    def _begin(self, mission: str) -> dict[str, Any]:
        # Not a pipe, whose end would be the end of the run when this server goes.
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            process = subprocess.Popen(
                [*_PROGRAM, "run", mission, "--json"],
                cwd=self._root,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            said = Path(out.name)
            while process.poll() is None:
                first, end, _ = said.read_bytes().partition(b"\n")
                if end:
                    run = json.loads(first)["event"]["run"]
                    return {"run": run, "says": "it has begun; ask `status` for it"}
                time.sleep(0.05)
            return _told(process.returncode, b"", Path(err.name).read_bytes())


_PROGRAM = (sys.executable, "-m", "orchestrator")


def _environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "110"}


def _told(code: int, out: bytes, err: bytes) -> dict[str, Any]:
    """The exit code with its meaning, and what was printed: the document, where it is one."""
    text = out.decode("utf-8", "replace")
    answer: dict[str, Any] = {"exit_code": code, "says": SAYS.get(ExitCode(code), "")}
    try:
        answer["found"] = json.loads(text)
    except ValueError:
        answer["output"] = text[:MOST_CHARACTERS]
    if code and err.strip():
        answer["errors"] = err.decode("utf-8", "replace")[-4000:]
    return answer
