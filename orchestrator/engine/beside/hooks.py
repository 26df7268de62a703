"""Hooks that ask the judge where agents and people already are: what is written where.

Owns the files: the settings of Claude Code and of Codex, git's own hook, a workflow of GitHub's, and
the skill that teaches an agent to write missions. Each of them calls `orchestrate hook run`, or the
action of this program's repository, and is known again by that. Files of others are added to, or
left as they are with an error; what was written is taken out again by `remove`.
"""

from __future__ import annotations

import importlib.resources
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.errors import UsageError
from orchestrator.git.repository import Repository
from orchestrator.git.whole_files import read_or_none, replace_file

STOP = "Stop"
STOP_SECONDS = 1800
"""How long a Stop hook may take: a gate takes as long as its tests."""
SETTINGS = {"claude": ".claude/settings.json", "codex": ".codex/hooks.json"}
"""Where an agent of this kind looks for the hooks of a project; both take the same entries."""
PRE_PUSH = "pre-push"
WORKFLOW = ".github/workflows/orchestrate.yml"
SKILL = ".claude/skills/orchestrate/SKILL.md"
OURS = "orchestrate hook run"
_MARK = "# Written by `orchestrate hook install github`."


@dataclass(frozen=True, slots=True)
class Hook:
    """One to install: its kind, the mission (and gate) that it asks, as it is typed at the top of
    the repository, and what calls this program there.
    """

    kind: str
    mission: str
    program: str = "orchestrate"
    action: str = ""
    """The action of a workflow: ``owner/name@ref``."""

    @property
    def command(self) -> str:
        """What the hook calls."""
        return f"{shlex.quote(self.program)} hook run {self.kind} {shlex.quote(self.mission)}"


def install(hook: Hook, repository: Repository) -> list[Path]:
    """Write the hook, in place of one of ours; the files that were written. Raises UsageError where
    a file of somebody else stands in the way.
    """
    top = _top(repository)
    if hook.kind in SETTINGS:
        path = top / SETTINGS[hook.kind]
        settings = _without_ours(_settings(path), hook.kind)
        called = {"type": "command", "command": hook.command, "timeout": STOP_SECONDS}
        stops = [*settings.hooks.get(STOP, []), _Entry(hooks=[called])]
        settings.hooks = {**settings.hooks, STOP: stops}
        written = [_write(path, settings.text())]
        if hook.kind == "claude" and not (top / SKILL).exists():
            written.append(_write(top / SKILL, skill()))
        return written
    if hook.kind == "git":
        path = repository.hooks_folder / PRE_PUSH
        _refuse_others(path, OURS, f"add this line to it: {hook.command}")
        _write(path, f"#!/bin/sh\n# {OURS} git\nexec {hook.command}\n")
        path.chmod(0o755)
        return [path]
    path = top / WORKFLOW
    _refuse_others(path, _MARK, "move it away, or add the action to it")
    return [_write(path, _workflow(hook))]


def remove(kind: str, repository: Repository) -> list[Path]:
    """Take out what `install` wrote; the files that are others now, or gone."""
    top = _top(repository)
    if kind in SETTINGS:
        path = top / SETTINGS[kind]
        before = _settings(path)
        after = _without_ours(before, kind)
        if before == after:
            return []
        if after.model_fields_set:
            return [_write(path, after.text())]
        path.unlink()
        return [path]
    path = repository.hooks_folder / PRE_PUSH if kind == "git" else top / WORKFLOW
    if not path.is_file() or (OURS if kind == "git" else _MARK) not in path.read_text("utf-8"):
        return []
    path.unlink()
    return [path]


def skill() -> str:
    """The text that teaches an agent to write missions."""
    return (
        importlib.resources.files("orchestrator.engine.beside")
        .joinpath("SKILL.md")
        .read_text("utf-8")
    )


def _top(repository: Repository) -> Path:
    if repository.work_tree is None:
        raise UsageError(
            "a bare repository has no place for hooks of agents",
            where=str(repository.common_dir),
            mend="go to a checkout of it",
        )
    return repository.work_tree


class _Entry(BaseModel):
    """What is called, and when; keys that we do not know stay."""

    model_config = ConfigDict(extra="allow")
    hooks: list[dict[str, Any]] = []


class _Settings(BaseModel):
    """Settings of an agent, of which its hooks are ours to change."""

    model_config = ConfigDict(extra="allow")
    hooks: dict[str, list[_Entry]] = {}

    def text(self) -> str:
        """As they are written."""
        return json.dumps(self.model_dump(exclude_unset=True), indent=2) + "\n"


def _settings(path: Path) -> _Settings:
    try:
        return _Settings.model_validate_json(read_or_none(path) or b"{}")
    except ValidationError as error:
        raise UsageError(
            "these settings cannot be read", where=str(path), mend=str(error.errors()[0]["msg"])
        ) from error


def _without_ours(settings: _Settings, kind: str) -> _Settings:
    """The settings without our entry, and without what would be empty then."""
    known = settings.model_dump(exclude_unset=True)
    hooks = known.get("hooks", {})
    for entry in hooks.get(STOP, []):
        entry["hooks"] = [
            each
            for each in entry.get("hooks", [])
            if f" hook run {kind} " not in str(each.get("command", ""))
        ]
    if kept := [entry for entry in hooks.get(STOP, []) if entry["hooks"]]:
        hooks[STOP] = kept
    elif hooks.pop(STOP, None) is not None and not hooks:
        del known["hooks"]
    return _Settings.model_validate(known)


def _refuse_others(path: Path, mark: str, mend: str) -> None:
    if path.exists() and mark not in path.read_text("utf-8", "replace"):
        raise UsageError("there is a file already that is not ours", where=str(path), mend=mend)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode())
    return path


def _workflow(hook: Hook) -> str:
    mission = json.dumps(hook.mission)
    return f"""{_MARK}
# The gate judges what a pull request would bring, beside what it is to be merged into.
name: orchestrate
on: pull_request
permissions:
  contents: read
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
          persist-credentials: false
      - uses: {hook.action}
        with:
          mission: {mission}
          base: ${{{{ github.event.pull_request.base.sha }}}}
          candidate: ${{{{ github.event.pull_request.head.sha }}}}
"""
