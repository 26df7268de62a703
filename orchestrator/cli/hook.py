"""`hook`: the judge asked by what agents and people already use, before they say that it is done."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli.judged import split_gate, told
from orchestrator.engine.beside import hooks
from orchestrator.engine.beside.judgement import Judgement, NothingToJudge, Request
from orchestrator.engine.beside.judging import gates_of, judge_commits
from orchestrator.errors import EnvironmentRefused, ExitCode, OrchestrateError, UsageError
from orchestrator.git.repository import Repository
from orchestrator.git.whole_files import read_or_none, replace_file
from orchestrator.mission.loading import load_mission
from orchestrator.reports.verdict import document, keep
from orchestrator.ui.gate_view import make_gate_display

MOST_TEXT = 6000
"""Characters of a verdict that an agent is sent back with."""
MOST_BLOCKS = 5
HELP = "The judge where agents and people already are: Stop hooks, pre-push, a GitHub workflow."
ACTION = "owner/orchestrate@main"


class Kind(StrEnum):
    """Where a hook is."""

    CLAUDE = "claude"
    CODEX = "codex"
    GIT = "git"
    GITHUB = "github"


KindOf = Annotated[Kind, typer.Argument(help="claude, codex, git or github.", show_default=False)]
MissionOf = Annotated[
    str,
    typer.Argument(
        metavar="MISSION[:GATE]",
        help="A mission file of this repository; one of its gates, or all.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's verbs."""
    inner = typer.Typer(
        help=HELP, no_args_is_help=True, rich_markup_mode=None, add_completion=False
    )
    inner.command()(install)
    inner.command()(remove)
    inner.command()(run)
    app.add_typer(inner, name="hook")


def install(
    kind: KindOf,
    mission: MissionOf,
    action: Annotated[
        str,
        typer.Option(
            "--action", metavar="OWNER/NAME@REF", help="github: where this program's action is."
        ),
    ] = ACTION,
) -> None:
    """Have a gate asked where work is said to be done.

    claude, codex: a Stop hook in this repository's settings, which sends the agent back while the gate says no (and,
    for claude, a skill that teaches it to write missions). git: a pre-push hook. github: a workflow for pull requests.
    """
    path, gate = split_gate(mission)
    loaded = load_mission(path)
    gates_of(loaded.mission, gate)
    repository = Repository.discover(Path.cwd())
    top = repository.work_tree or repository.common_dir
    if not path.resolve().is_relative_to(top.resolve()):
        raise UsageError(
            "the mission is not in this repository", where=str(path), mend=f"put it into {top}"
        )
    name = path.resolve().relative_to(top.resolve()).as_posix() + (f":{gate}" if gate else "")
    if kind is Kind.GITHUB and action == ACTION:
        raise UsageError(
            "a workflow has to know where the action is", mend="say so: --action OWNER/NAME@REF"
        )
    for written in hooks.install(hooks.Hook(kind, name, _program(), action), repository):
        typer.echo(f"wrote {written}")
    if kind is Kind.CODEX:
        typer.echo("Codex asks once whether it may run hooks of a project: say yes there.")


def remove(kind: KindOf) -> None:
    """Take out what `install` wrote; what else is there stays."""
    found = hooks.remove(kind, Repository.discover(Path.cwd()))
    for path in found:
        typer.echo(f"{'changed' if path.exists() else 'removed'} {path}")
    if not found:
        typer.echo("there is no hook of ours")


def run(
    kind: KindOf,
    mission: MissionOf,
    given: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,  # noqa: ARG001  (what git tells its hook)
    most: Annotated[
        int, typer.Option(help="How often an agent is sent back before it may stop all the same.")
    ] = MOST_BLOCKS,
) -> None:
    """What an installed hook calls; it reads on standard input what its caller says.

    For claude and codex it judges what stands in the checkout, and answers in their form; a red gate blocks the end.
    For git it judges each commit that is pushed, exit code 1 where one is red, 4 where the gate cannot run. What cannot
    be judged blocks no agent: exit code 1, with the error.
    """
    if kind is Kind.GITHUB:
        raise UsageError("a workflow calls the action", mend="see action.yml")
    if kind is Kind.GIT:
        raise typer.Exit(_before_push(mission, sys.stdin))
    try:
        _before_stop(mission, sys.stdin.read(), most)
    except OrchestrateError as error:
        # Their own exit codes would mean something else to who asks: 2 blocks.
        typer.echo(f"orchestrate: {error}", err=True)
        raise typer.Exit(1) from error


def _before_push(mission: str, lines: Iterable[str]) -> int:
    """Judge what git says it will push: a line for each ref, with the commits on both sides."""
    pushed = (line.split()[1] for line in lines if line.strip())
    wanted = dict.fromkeys(commit for commit in pushed if commit.strip("0"))  # all 0: a deletion
    code = ExitCode.OK
    for commit in wanted:
        found = _judged(mission, Path.cwd(), Request(candidate=commit))
        if found is not None and found.exit_code:
            code = found.exit_code
            typer.echo(_told(found), err=True)
    return int(code)


def _before_stop(mission: str, said: str, most: int) -> None:
    """Answer an agent that is about to stop."""
    asked = _spoken(said)
    found = _judged(mission, Path(asked.get("cwd") or Path.cwd()), Request(uncommitted=True))
    if found is None:
        return
    if found.exit_code in (ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED):
        why = found.stopped_by or "the gate cannot run here"
        raise EnvironmentRefused(f"nothing was judged: {why}\n{_told(found)}")
    count = found.case.folder / "hooks" / f"{_plain(str(asked.get('session_id', '')))}.blocked"
    if not found.exit_code:
        count.unlink(missing_ok=True)
        return
    blocked = int(read_or_none(count) or 0) if asked.get("stop_hook_active") else 0
    if blocked >= most:
        count.unlink(missing_ok=True)
        note = f"the gate of {mission} still says no, after {blocked} times back to work"
        typer.echo(json.dumps({"systemMessage": f"orchestrate: {note}\n{_told(found)}"}))
        return
    replace_file(count, str(blocked + 1).encode())
    typer.echo(json.dumps({"decision": "block", "reason": _reason(found)}))


def _spoken(said: str) -> dict[str, Any]:
    try:
        asked = json.loads(said)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise UsageError(
            "what the agent says of itself is no JSON object", mend="let the agent call its hook"
        )
    return asked


def _judged(mission: str, folder: Path, request: Request) -> Judgement | None:
    """What a mission of the repository at `folder` says; None where there is nothing to judge."""
    top = Repository.discover(folder).work_tree or folder
    path, gate = split_gate(str(top / mission))
    request = Request(gate=gate, candidate=request.candidate, uncommitted=request.uncommitted)
    try:
        with make_gate_display(io.StringIO(), is_live=False) as display:
            found = judge_commits(load_mission(path), top, request, display)
    except NothingToJudge:
        return None
    keep(document(found), found.case.folder)
    return found


def _reason(found: Judgement) -> str:
    return (
        "This is not done: the gate that decides says no. Mend the product, not the tests: what stands on the test "
        f"side is judged as it is on {found.case.base.name}. If it cannot be done, say so and why.\n\n{_told(found)}"
    )


def _told(found: Judgement) -> str:
    text = told(found)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}\n… (see {found.case.folder})"


def _plain(name: str) -> str:
    return "".join(c for c in name if c.isalnum() or c in "-_")[:80] or "session"


def _program() -> str:
    """What a shell knows this program by: its name where that is it, else where it lies."""
    ours = Path(sys.argv[0]).resolve()
    found = shutil.which("orchestrate")
    return "orchestrate" if found and Path(found).resolve() == ours else str(ours)
