"""A backend made of a profile: a known agent, called as it must be, with its user's login, read by
its last event.

Owns how a profile is carried out. What it says of an agent is data (`profile`, `profiles/`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from anyio import to_thread

from orchestrator.agents.backend import Answer, Conversation, Ended, Meter, Work
from orchestrator.agents.channel_spool import PROGRAM
from orchestrator.agents.command import ARGUMENT_LIMIT_BYTES, described, failure_of, with_channel
from orchestrator.agents.logins import place, there
from orchestrator.agents.profile import Heard, Profile, Reader
from orchestrator.agents.reading import sentence
from orchestrator.isolation.environment import clean_environment, path_of_agents
from orchestrator.isolation.own_paths import own_folder
from orchestrator.isolation.processes import (
    Exit,
    NotStarted,
    ProcessSpec,
    ask_to_end,
    run_process,
    start_process,
)
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import Backend as BackendConfig
from orchestrator.mission.model import BriefMode, Isolation


class ProfiledBackend:
    """Carries out a profile as a mission wants it."""

    is_replay = False

    def __init__(
        self, name: str, config: BackendConfig, mission_dir: Path, profile: Profile
    ) -> None:
        self.name = name
        self.profile = profile
        self._config = config
        self._mission_dir = mission_dir

    @property
    def is_given_more(self) -> bool:
        """Whether the mission gives it something by which it may be logged in."""
        return bool(self._config.env or self._config.files)

    @property
    def _has_settings(self) -> bool:
        settings = self.profile.settings
        return bool(set(settings) & set(self._config.files)) or (
            there(Path.home() / where for where in settings) is not None
        )

    def unusable(self) -> str | None:
        profile, config = self.profile, self._config
        if program_of(profile) is None:
            return f"{profile.program} is not on PATH ({profile.install})"
        if profile.needs_model and not (config.model or self._has_settings):
            return f"{profile.name} would choose a model by itself: say `model: …` for it"
        if config.max_turns is not None and profile.turns is None:
            return (
                f"{profile.name} cannot be told how many turns it may take: leave `max_turns` out"
            )
        return None

    async def work(self, work: Work, on_line: Callable[[str], None]) -> Ended:
        conversation = self._to_go_on_with(work)
        await to_thread.run_sync(self._furnish, work.home)
        reader = self.profile.reader()
        spec = self._spec(work, reader, conversation)
        if any(len(os.fsencode(part)) > ARGUMENT_LIMIT_BYTES for part in spec.argv):
            return Ended(
                None, f"the brief is too long: {self.profile.name} takes it as an argument"
            )
        metered = _Metered(reader, work.meter)
        try:
            spec = replace(spec, take_line=metered.read)
            process = await start_process(spec)
            metered.stop = partial(ask_to_end, process)
            end = await run_process(spec, on_line, process)
        except NotStarted as error:
            return Ended(None, f"could not be started: {error}")
        heard = reader.heard()
        if metered.spent is not None:
            usage = heard.usage if heard and heard.usage else reader.used()
            said, session = (heard.said, heard.session) if heard else (None, "")
            return Ended(
                end, metered.spent, Answer.OVER_BUDGET, said=said, usage=usage, session=session
            )
        told = self._ended(end, failure_of(spec, end), heard)
        if conversation and told.usage and self.profile.is_cost_of_conversation:
            cost = max(0.0, (told.usage.cost_usd or 0.0) - conversation.cost_usd)
            return replace(told, usage=told.usage.model_copy(update={"cost_usd": cost}))
        return told

    def _to_go_on_with(self, work: Work) -> Conversation | None:
        """What of an earlier attempt can be gone on with: its home must be there, and its folder
        the same, or be of no importance.
        """
        is_possible = self.profile.resume is not None and (
            self.profile.resumes_anywhere or work.level is Isolation.STRICT
        )
        has_home = work.home.is_dir() and any(work.home.iterdir())
        return work.conversation if is_possible and has_home else None

    def _spec(self, work: Work, reader: Reader, conversation: Conversation | None) -> ProcessSpec:
        profile, home = self.profile, str(work.home)
        values = {
            "brief": work.brief,
            "workspace": str(work.workspace),
            "home": home,
            "model": self._config.model or "",
            "turns": str(self._config.max_turns or ""),
            "session": conversation.session if conversation else "",
            "channel": _quotable(work.channel / PROGRAM) if work.channel else "",
        }
        parts = (
            *profile.argv,
            *profile.approvals[work.level],
            *(profile.model if self._config.model else ()),
            *(profile.turns or () if self._config.max_turns else ()),
            *(profile.resume or () if conversation else ()),
            *(profile.mcp if work.channel else ()),
            *profile.end,
        )
        constants = {name: text.replace("{home}", home) for name, text in profile.constants.items()}
        given = variables_of(profile, os.environ)
        own = self._config.env.of(os.environ)
        return ProcessSpec(
            argv=(profile.program, *(_filled(part, values) for part in parts)),
            cwd=work.workspace,
            env=with_channel(
                work,
                clean_environment(
                    work.home,
                    {**constants, **given, **own, **work.variables, **described(work)},
                    python=work.python,
                ),
            ),
            timeout=work.timeout,
            log=work.log,
            tag=work.tag,
            stdin=work.brief.encode() if profile.brief is BriefMode.STDIN else None,
            take_line=reader.read,
            box=work.box,
        )

    def _furnish(self, home: Path) -> None:
        own_folder(home)
        user = Path.home()
        files = {where: user / where for where in (*self.profile.logins, *self.profile.settings)}
        for where, source in self._config.files.items():
            files[where] = self._mission_dir / Path(source).expanduser()
        given = {*variables_of(self.profile, os.environ), *self._config.env.of(os.environ), ""}
        texts = {
            where: next((text for name, text in by_variable.items() if name in given), "")
            for where, by_variable in self.profile.writes.items()
        }
        place(home, files, {where: text for where, text in texts.items() if text})
        for text in self.profile.constants.values():
            if text.startswith("{home}/"):
                own_folder(home / text.removeprefix("{home}/"))

    def _ended(self, end: Exit, failure: str | None, heard: Heard | None) -> Ended:
        """The agent's own word explains a failure; no word, or a bad one, is never a success."""
        if heard is None:
            return self._unheard(end, failure)
        told = Ended(end, failure, said=heard.said, usage=heard.usage, session=heard.session)
        if heard.answer is Answer.DELIVERED:
            return told
        reason = f"{self.profile.name}: {heard.reason}"
        if end.timed_out:  # by what it was held up
            reason = f"{failure}; {reason}"
        mend = self.profile.login if heard.answer is Answer.NOT_LOGGED_IN else ""
        return replace(
            told, failure=reason, kind=heard.answer, mend=mend, retry_after=heard.retry_after
        )

    def _unheard(self, end: Exit, failure: str | None) -> Ended:
        """No word of its own: its exit code, and the last words of whatever it ran on."""
        failure = failure or f"{self.profile.name} ended without saying how its work went"
        kind = None if end.timed_out else self.profile.exits.get(end.code)
        words = sentence(" ".join(end.tail.split("\n")[-4:]))
        if words and end.code and not end.timed_out:
            failure = f"{failure}: {words}"
        mend = self.profile.login if kind is Answer.NOT_LOGGED_IN else ""
        return Ended(end, failure, kind, mend)


class _Metered:
    """Reads for a reader, and has the agent ended when its meter says so."""

    def __init__(self, reader: Reader, meter: Meter | None) -> None:
        self._reader, self._meter = reader, meter
        self._told: Usage | None = None
        self.stop: Callable[[], None] = lambda: None
        self.spent: str | None = None
        """Why it had to end."""

    def read(self, line: str) -> str:
        shown = self._reader.read(line)
        used = self._reader.used() if self._meter and self.spent is None else None
        if self._meter and used is not None and used != self._told:
            self._told = used
            self.spent = self._meter(used)
            if self.spent is not None:
                self.stop()
        return shown


def program_of(profile: Profile) -> str | None:
    """Where the agent is; None where it is not."""
    return shutil.which(profile.program, path=path_of_agents())


def variables_of(profile: Profile, environment: Mapping[str, str]) -> dict[str, str]:
    """What of the user's environment the agent is given."""
    found = {name: environment[name] for name in profile.variables if environment.get(name)}
    for name, theirs in profile.aliases.items():
        if name not in found and theirs in found:
            found[name] = found[theirs]
    return found


def is_logged_in(profile: Profile, environment: Mapping[str, str], home: Path) -> bool:
    """Whether there is a key or a login to be given; whether it is good costs a request."""
    if any(environment.get(name) for name in profile.keys):
        return True
    return there(home / where for where in (*profile.logins, *profile.settings)) is not None


def _quotable(path: Path) -> str:
    """A path as it stands between quotes, in JSON as in TOML."""
    return json.dumps(str(path), ensure_ascii=False)[1:-1]


def _filled(part: str, values: Mapping[str, str]) -> str:
    """With its placeholders filled; other braces mean nothing here."""
    for name, value in values.items():
        if part == f"{{{name}}}":
            return value
    for name in ("workspace", "home", "model", "turns", "channel"):
        part = part.replace(f"{{{name}}}", values[name])
    return part
