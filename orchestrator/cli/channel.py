"""`channel`: what an agent says while it works, and what a person answers it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.agents import channel_program
from orchestrator.cli.options import HERE, Root
from orchestrator.cli.runs import find_run
from orchestrator.engine.attempts.answering import Answered, leave_answer, unanswered
from orchestrator.engine.beside.reading import read_state
from orchestrator.errors import UsageError
from orchestrator.journal.lock import is_owned

WORDS = {"yes": True, "no": False}
ANSWER = "usage: orchestrate channel answer RUN AGENT yes|no [PATH] [--comment TEXT]"


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command(context_settings={"ignore_unknown_options": True})(channel)


def channel(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="VERB...", help="See below.", show_default=False),
    ] = None,
    root: Root = HERE,
    comment: Annotated[
        str, typer.Option("--comment", "-m", help="What the agent is told beside yes or no.")
    ] = "",
) -> None:
    """What an agent says while it works; for people, to answer one that asks for more scope.

    Agents: post TEXT · read · need-scope PATH --why WHY · deliver TEXT · no-change WHY · blocked WHY; with --mcp the
    same as an MCP server. People: answer RUN AGENT yes|no [PATH].
    """
    given = words or []
    if given[:1] == ["answer"]:
        _answer(given[1:], root, comment)
        return
    if channel_program.VARIABLE not in os.environ:
        if channel_program.request_of(given) is None and given != ["--mcp"]:
            raise UsageError("no such word for the channel", mend=channel_program.USAGE.strip())
        raise UsageError(
            "there is no channel here: it is for agents, while an attempt of theirs goes on",
            mend=ANSWER,
        )
    raise typer.Exit(channel_program.main(given))


def _answer(words: list[str], root: Path, comment: str) -> None:
    if len(words) not in (3, 4) or words[2] not in WORDS:
        raise UsageError("an answer is yes or no, to an agent of a run", mend=ANSWER)
    run, agent, word, *paths = words
    folders = find_run(root, run)
    waiting = unanswered(read_state(folders))
    chosen = [it for it in waiting if it.agent == agent and (not paths or it.path in paths)]
    if not chosen:
        told = ", ".join(f"{it.agent} {it.path}" for it in waiting) or "nothing"
        raise UsageError("no such request waits", mend=f"run {folders.run} waits for: {told}")
    by = getpass.getuser()
    for request in chosen:
        leave_answer(
            folders.answers,
            Answered(
                batch=request.batch,
                agent=agent,
                path=request.path,
                granted=WORDS[word],
                by=by,
                reason=comment,
            ),
        )
        typer.echo(f"{word}: {agent} {request.path}, as {by}")
    if not is_owned(folders.report):
        typer.echo(f"nobody is at work on the run; go on with: orchestrate resume {folders.run}")
