"""`logs`: what an agent printed, prints, or was told."""

from __future__ import annotations

import codecs
import time
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import completing
from orchestrator.cli.options import HERE, Root
from orchestrator.cli.runs import find_run, run_ids
from orchestrator.engine.beside.reading import read_state
from orchestrator.engine.folders import Folders
from orchestrator.errors import UsageError
from orchestrator.journal.events import AttemptEnded, AttemptInterrupted
from orchestrator.journal.lock import is_owned
from orchestrator.journal.state import Phase, State
from orchestrator.journal.tail import Tail
from orchestrator.reports.text import clean, count

LOOK_SECONDS = 0.2
AT_ONCE = 1024 * 1024
USAGE = "orchestrate logs [RUN] [AGENT]"


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(logs)


def logs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN] [AGENT]",
            help="The newest run by default; the agent that is at work, where it is one alone.",
            show_default=False,
            autocompletion=completing.runs_and_agents,
        ),
    ] = None,
    root: Root = HERE,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, metavar="N", help="The newest by default.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until the attempt ends.")
    ] = False,
    brief: Annotated[
        bool, typer.Option("--brief", help="What it was told, instead of what it printed.")
    ] = False,
) -> None:
    """What an agent printed, prints (-f), or was told."""
    folders, agent = _meant(root, words or [])
    state = read_state(folders)
    attempts = state.agents[agent].attempts
    number = attempt or len(attempts)
    if not 0 < number <= len(attempts):
        raise UsageError(
            f"agent {agent} has {count(len(attempts), 'attempt')}",
            mend="choose one of them with --attempt",
        )
    name = f"{agent}-{number}"
    path = folders.briefs / f"{name}.md" if brief else folders.logs / f"{name}.log"
    shown = _Shown(path)
    ended = _Ended(folders, agent, number)
    while follow and is_owned(folders.report) and not ended.look():
        shown.more()
        time.sleep(LOOK_SECONDS)
    shown.more()
    if not path.is_file():
        raise UsageError(
            "nothing was written yet", where=str(path), mend="the attempt has not printed anything"
        )
    shown.end()


def _meant(root: Path, words: list[str]) -> tuple[Folders, str]:
    """The run and the agent. One word is an agent of the newest run, or else a run."""
    if len(words) > 2:
        raise UsageError("a run and an agent are two words", mend=USAGE)
    if len(words) == 2:
        folders = find_run(root, words[0])
        return folders, _known(read_state(folders), words[1])
    if words and run_ids(root):
        newest = find_run(root, None)
        if words[0] in read_state(newest).agents:
            return newest, words[0]
    folders = find_run(root, words[0] if words else None)
    state = read_state(folders)
    at_work = [agent.id for agent in state.agents.values() if agent.phase is Phase.RUNNING]
    chosen = at_work or list(state.agents)
    if len(chosen) != 1:
        raise UsageError(
            f"run {state.run} has {count(len(chosen), 'agent')}{' at work' if at_work else ''}",
            mend=f"say which: {', '.join(chosen[:20])}",
        )
    return folders, chosen[0]


def _known(state: State, name: str) -> str:
    if name not in state.agents:
        raise UsageError(
            f"run {state.run} has no agent {name}", mend=f"it has: {', '.join(state.agents)}"
        )
    return name


class _Ended:
    """Whether an attempt has ended, by what its journal says since the last look."""

    def __init__(self, folders: Folders, agent: str, number: int) -> None:
        self._tail = Tail(folders.report)
        self._attempt = (agent, number)
        self._is_so = False

    def look(self) -> bool:
        for event in (record.event for record in self._tail.more()):
            if isinstance(event, AttemptEnded | AttemptInterrupted):
                self._is_so |= (event.agent, event.attempt) == self._attempt
        return self._is_so


class _Shown:
    """A log that may grow, printed line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def more(self) -> None:
        """Print the whole lines that have come."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while data := file.read(AT_ONCE):
                self._offset += len(data)
                *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
                for line in lines:
                    typer.echo(clean(line))

    def end(self) -> None:
        """Print what is left of a line."""
        if self._rest:
            typer.echo(clean(self._rest))
