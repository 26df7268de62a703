"""The dashboard's pages, and what a person can answer on them.

Owns addresses and what is sent for each. A page is rendered once for all who look at it, for each
change of what it is about; changes come by server-sent events, as the same text again.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from orchestrator.dashboard.board import COLUMNS, Question, board, questions
from orchestrator.dashboard.guard import Guard, Keys
from orchestrator.dashboard.runs import Run, Runs, Shared
from orchestrator.engine.approvals import SignOff, leave, now
from orchestrator.engine.attempts.answering import Answered, leave_answer
from orchestrator.engine.beside.patches import patch_of
from orchestrator.errors import OrchestrateError
from orchestrator.reports import telling
from orchestrator.reports.html import svg
from orchestrator.reports.html.diffs import file_diffs
from orchestrator.reports.html.page import html_environment, report_style
from orchestrator.reports.text import clean, count, duration, one_line
from orchestrator.reports.writer import ReportWriter

STATIC = Path(__file__).parent / "static"
TAIL_BYTES = 64 * 1024
"""Of an attempt's output that is shown."""
DIFF_ROOM = 1_500_000
MOST_COMMENT = 2_000
REPORT = "report.html"
OF_REPORT = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'"
"""For the report, which brings a stricter policy of its own: nothing but its two texts, by hash."""


def make_app(root: Path, keys: Keys, port: int) -> Starlette:
    """The application that shows the runs below `root`, reached at `port` of this machine."""
    runs = Runs(root)

    @contextlib.asynccontextmanager
    async def watching(_: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runs.watch)
            yield
            tasks.cancel_scope.cancel()

    pages = Pages(runs, keys)
    routes = [
        Route("/", pages.front),
        Route("/events", pages.front_events),
        Route("/runs/{run}", pages.run),
        Route("/runs/{run}/events", pages.run_events),
        Route("/runs/{run}/agents/{agent}", pages.agent),
        Route("/runs/{run}/agents/{agent}/output", pages.output),
        Route("/runs/{run}/changes/{what}", pages.changes),
        Route("/runs/{run}/approve", pages.approve, methods=["POST"]),
        Route("/runs/{run}/answer", pages.answer, methods=["POST"]),
        Route("/runs/{run}/files/{path:path}", pages.file),
        Route("/style.css", pages.style),
        Route("/favicon.ico", lambda _: Response(status_code=204)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    guard = Middleware(Guard, keys=keys, port=port)
    return Starlette(routes=routes, middleware=[guard], lifespan=watching)


@dataclass(frozen=True, slots=True)
class Said:
    """What a person answered."""

    yes: bool
    comment: str


class Pages:
    """All that is shown."""

    def __init__(self, runs: Runs, keys: Keys) -> None:
        self._runs = runs
        self._templates = _environment(keys.token)
        self._boards = Shared(lambda _: self._render("board.html.j2", board=self._board()))
        self._texts = Shared(self._run_text)

    def _board(self) -> object:
        return board(self._runs.newest_first)

    def _render(self, template: str, /, **values: object) -> str:
        return self._templates.get_template(template).render(values)

    def _page(self, title: str, template: str, /, **values: object) -> HTMLResponse:
        return HTMLResponse(self._render(template, title=title, **values))

    def _run_of(self, request: Request) -> Run:
        run = self._runs.run(request.path_params["run"])
        if run is None:
            raise HTTPException(404, "there is no such run")
        return run

    async def style(self, _: Request) -> Response:
        """The report's look, and what the dashboard adds."""
        own = (STATIC / "dashboard.css").read_text("utf-8")
        return Response(report_style() + own, media_type="text/css")

    # -- the front page

    async def front(self, _: Request) -> Response:
        """Whose turn it is, and all runs."""
        return self._page("runs", "front.html.j2", inner=self.front_text())

    def front_text(self) -> str:
        """What the front page shows, made once for each change."""
        return self._boards.of("", self._runs.version)

    async def front_events(self, _: Request) -> Response:
        """The same as it changes."""
        return self._events(self.front_text, lambda: self._runs.version)

    # -- one run

    async def run(self, request: Request) -> Response:
        """A run as it goes on."""
        run = self._run_of(request)
        name = run.folders.run
        return self._page(name, "run.html.j2", name=name, inner=self._texts.of(name, run.version))

    def _run_text(self, name: str) -> str:
        run = self._runs.run(name)
        assert run is not None
        assert run.summary is not None
        return self._render(
            "run_inner.html.j2",
            s=run.summary,
            questions=questions(run),
            graph=svg.graph(run.summary),
            timeline=svg.timeline(run.summary),
            items=telling.grouped(run.summary.recommendation.items),
            next=telling.next_steps(run.summary),
        )

    async def run_events(self, request: Request) -> Response:
        """The same as it changes."""
        run = self._run_of(request)
        return self._events(
            lambda: self._texts.of(run.folders.run, run.version), lambda: run.version
        )

    def _events(self, text: Callable[[], str], version: Callable[[], int]) -> Response:
        async def stream() -> AsyncIterator[str]:
            async for _ in self._runs.changes(version):
                lines = "".join(f"data: {line}\n" for line in text().splitlines())
                yield f"event: now\n{lines}\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    # -- an agent, and what was changed

    async def agent(self, request: Request) -> Response:
        """What an agent prints, or printed."""
        run = self._run_of(request)
        agents = {each.id: each for each in run.summary.agents} if run.summary else {}
        agent = agents.get(request.path_params["agent"])
        if agent is None:
            raise HTTPException(404, "there is no such agent")
        name = run.folders.run
        output = _output(run, agent.id, len(agent.attempts))
        return self._page(agent.id, "agent.html.j2", name=name, agent=agent, output=output)

    async def output(self, request: Request) -> Response:
        """The end of it, as it stands; 286 once nothing more will come, which ends the asking."""
        run = self._run_of(request)
        agent = run.state.agents.get(request.path_params["agent"]) if run.state else None
        if agent is None:
            raise HTTPException(404, "there is no such agent")
        text = _output(run, request.path_params["agent"], len(agent.attempts))
        is_going_on = run.is_alive and agent.outcome is None
        return HTMLResponse(
            self._render("output.html.j2", output=text), 200 if is_going_on else 286
        )

    async def changes(self, request: Request) -> Response:
        """What an agent or a batch changed, or with `all` the run."""
        run, what = self._run_of(request), request.path_params["what"]
        assert run.state is not None
        try:
            patch = await to_thread.run_sync(
                patch_of, run.state, run.folders, None if what == "all" else what
            )
            files, told = file_diffs(patch.data.decode("utf-8", "replace"), DIFF_ROOM), patch.lost
        except OrchestrateError as error:
            files, told = [], str(error)
        name = run.folders.run
        return self._page(what, "changes.html.j2", name=name, what=what, files=files, told=told)

    async def file(self, request: Request) -> Response:
        """A file of the run's report folder: the report as a page, all others as text."""
        run = self._run_of(request)
        folder = run.folders.report.resolve()
        if request.path_params["path"] == REPORT and not (folder / REPORT).exists():
            assert run.state is not None
            await to_thread.run_sync(ReportWriter(folder, ("html",)).write, run.state)
        place = (folder / request.path_params["path"]).resolve()
        if not place.is_relative_to(folder) or not place.is_file():
            raise HTTPException(404, "there is no such file")
        if place == folder / REPORT:
            return FileResponse(
                place, media_type="text/html", headers={"content-security-policy": OF_REPORT}
            )
        return FileResponse(place, media_type="text/plain; charset=utf-8")

    # -- what a person answers

    async def approve(self, request: Request) -> Response:
        """Sign off, or decline, exactly what was looked at."""
        run, asked, said = await self._asked(request, "approve")
        sign_off = SignOff(
            batch=asked.batch,
            check=asked.about,
            tree=asked.tree,
            approved=said.yes,
            by=getpass.getuser(),
            at=now(),
            comment=said.comment,
        )
        await to_thread.run_sync(leave, run.folders.approvals, sign_off)
        return self._said(run, "signed off" if said.yes else "declined")

    async def answer(self, request: Request) -> Response:
        """Grant more scope to an agent that asks for it, or not."""
        run, asked, said = await self._asked(request, "answer")
        answered = Answered(
            batch=asked.batch,
            agent=asked.agent,
            path=asked.about,
            granted=said.yes,
            by=getpass.getuser(),
            reason=said.comment,
        )
        await to_thread.run_sync(leave_answer, run.folders.answers, answered)
        return self._said(run, "granted" if said.yes else "refused")

    async def _asked(self, request: Request, kind: str) -> tuple[Run, Question, Said]:
        """The question that is answered, as it is asked at this moment, and the answer."""
        run = self._run_of(request)
        async with request.form() as form:
            given = {key: str(value) for key, value in form.items()}
        if given.get("say") not in ("yes", "no"):
            raise HTTPException(400, "say yes or no")
        about = tuple(given.get(key, "") for key in ("batch", "about", "agent", "tree"))
        for asked in questions(run):
            if asked.kind == kind and about == (asked.batch, asked.about, asked.agent, asked.tree):
                comment = given.get("comment", "")[:MOST_COMMENT]
                return run, asked, Said(yes=given["say"] == "yes", comment=comment)
        raise HTTPException(409, "nobody waits for that any more; look again")

    @staticmethod
    def _said(run: Run, what: str) -> Response:
        if not run.is_alive:
            what += (
                f"; nobody is at work on the run, go on with: orchestrate resume {run.folders.run}"
            )
        return PlainTextResponse(what)


def _output(run: Run, agent: str, attempt: int) -> str:
    """The end of what an attempt printed."""
    path = run.folders.logs / f"{agent}-{attempt}.log"
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:  # it has not printed anything
        return ""
    return clean(text)


def _environment(token: str) -> Environment:
    environment = html_environment("orchestrator.dashboard")
    environment.filters |= {
        "count": count,
        "duration": duration,
        "hashed": lambda text: hashlib.sha256(text.encode()).hexdigest()[:12],
        "line": one_line,
        "tone": svg.tone,
        "words": lambda status: status.replace("_", " "),
    }
    environment.globals |= {"token": token, "COLUMNS": COLUMNS, "found": telling.found}
    return environment
