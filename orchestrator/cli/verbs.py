"""The verbs: what each is for, and which module carries it out.

A module is imported when its verb is typed, and imports all that it needs at its top: `--help` and
a mistyped word do not pay for git, graphs or models.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: a module of this package that has a `register(app)`, and the line in `--help`."""

    module: str
    help: str


VERBS = {
    "run": Verb("running", "Plan a mission, carry it out, and report what is proven."),
    "resume": Verb(
        "running", "Go on from the journal: by default with the newest run that is not done."
    ),
    "plan": Verb(
        "planning", "Show what would run: waves, agents, overlaps, gates, the critical path."
    ),
    "schema": Verb("planning", "Print the JSON schema of mission files, for editors."),
    "init": Verb("planning", "Write a first mission to fill in, with the JSON schema beside it."),
    "import": Verb(
        "importing",
        "Write a mission from a plan in Markdown, or an issue: batches, agents, scopes, claims.",
    ),
    "issues": Verb("issues", "A mission's issues on GitHub: publish them, bring outcomes back."),
    "assess": Verb("assessing", "Set what a document or mission claims beside what gates found."),
    "status": Verb("viewing", "One run at a glance."),
    "runs": Verb("viewing", "All runs, newest first."),
    "watch": Verb("viewing", "A live view of a run that another process carries out."),
    "dashboard": Verb(
        "dashboard", "All runs in a browser, live: whose turn it is, and what to answer."
    ),
    "report": Verb("viewing", "Render a run's report again, and say where it is."),
    "logs": Verb("logs", "What an agent printed, prints (-f), or was told."),
    "diff": Verb("viewing", "What an agent, a batch or the whole run changed, as a patch."),
    "approve": Verb("landing", "Sign off what a gate waits for."),
    "channel": Verb(
        "channel",
        "What an agent says while it works; for people, to answer one that asks for more scope.",
    ),
    "land": Verb(
        "bringing",
        "Bring the run's tip to the branch it started from: the tested commit, or nothing.",
    ),
    "follow": Verb(
        "bringing", "Follow a run's pull requests until they are merged, in their order."
    ),
    "rollback": Verb(
        "running", "Take a run back to a batch: undo what landed after it, and return the tip."
    ),
    "record": Verb("landing", "Keep what a run's agents made as a recording, one patch an agent."),
    "clean": Verb("landing", "Remove the workspaces of finished runs; reports stay."),
    "doctor": Verb("doctor", "What works on this machine, and how to mend what does not."),
    "gate": Verb(
        "gating",
        "Judge one commit against another, with a mission's gates and by the rules of a run.",
    ),
    "hook": Verb(
        "hook",
        "The judge where agents and people already are: Stop hooks, pre-push, a GitHub workflow.",
    ),
    "mcp": Verb("mcp", "Plan, run, status, gate and merge as tools of a person's own agent."),
    "merge": Verb(
        "merging",
        "Merge branches as the agents of one batch are merged.",
    ),
    "merge-file": Verb(
        "merging", "Merge one file by lines, then by its symbols, and check what comes out."
    ),
}


class Verbs(TyperGroup):
    """The group of all verbs, each loaded when it is asked for by name.

    The types are click's, which some versions of typer carry inside themselves.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **options)
        self.commands = dict.fromkeys(
            VERBS, cast("Any", None)
        )  # what a mistyped word is held against

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        app = typer.Typer(
            rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False
        )
        importlib.import_module(f"orchestrator.cli.{verb.module}").register(app)
        return get_group(app).get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])
