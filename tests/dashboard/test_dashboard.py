"""`orchestrate dashboard`: a real server beside a real run; who is let in, what is shown, what a
person answers.
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.dashboard.app import Pages
from orchestrator.dashboard.guard import Keys
from orchestrator.dashboard.runs import Runs
from tests.cli.helpers import (
    events,
    eventually,
    kinds,
    make_mission,
    orchestrate,
    runs,
    start,
    stop,
)
from tests.dashboard.browser import Browser, in_browser

pytestmark = pytest.mark.integration

HOSTILE = "<script>document.title='owned'</script>\x1b[31m\"'><img src=x onerror=alert(1)>"


@dataclass
class Site:
    """A server, as a person who has its address sees it."""

    root: Path
    key: str
    base: str
    cookie: str = ""
    token: str = field(default="", repr=False)

    def ask(
        self, path: str, data: bytes | None = None, **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """The status, the text and the headers; no redirect is followed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self.base + path, data=data, headers={"Cookie": self.cookie, **named}
        )
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def enter(self) -> None:
        """Come by the address that was printed, as a browser does."""
        status, _, headers = self.ask(f"/?key={self.key}")
        assert status == 303
        cookie = headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        self.cookie = cookie.partition(";")[0]
        found = re.search(r'"x-token": "([^"]+)"', self.ask("/")[1])
        assert found
        self.token = found[1]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The dashboard of a run that waits for a sign-off of its first batch."""
    mission = make_mission(tmp_path, gate="signed")
    run = start(tmp_path, "run", mission, "--plain")
    (tmp_path / "dashboard").mkdir()
    server = start(tmp_path / "dashboard", "dashboard", "--root", "..")
    try:
        said = tmp_path / "dashboard" / "background.log"
        eventually(lambda: said.read_text().count("\n") >= 2)
        address = said.read_text().splitlines()[0]
        eventually(lambda: "gate_finished" in kinds(tmp_path))
        base, _, key = address.partition("/?key=")
        yield Site(tmp_path, key, base)
    finally:
        stop(server)
        stop(run)


def test_who_is_let_in_and_what_a_person_answers(site: Site) -> None:
    port = site.base.rpartition(":")[2]
    assert site.ask("/")[0] == 403, "nobody without the address"
    assert site.ask("/?key=wrong")[0] == 403
    assert site.ask("/", Host=f"evil.example:{port}")[0] == 421
    assert site.ask(f"/?key={site.key}", Host="evil.example")[0] == 421
    site.enter()
    status, page, headers = site.ask("/")
    assert status == 200
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert not re.findall(r"(?:src|href)=\"(?!/)", page), "nothing of elsewhere"
    assert site.ask("/", Host=f"localhost:{port}")[0] == 200

    run = runs(site.root)[0]
    eventually(lambda: "sign off sign-off" in site.ask("/")[1])
    page = site.ask(f"/runs/{run}")[1]
    tree = re.search(r'name="tree" value="([0-9a-f]+)"', page)
    assert tree
    said = f"batch=first&about=sign-off&tree={tree[1]}&say=yes&comment=seen".encode()
    path = f"/runs/{run}/approve"
    ours = {"Origin": site.base, "X_Token": site.token}
    refusals = {
        "this came from another page": {**ours, "Origin": "http://evil.example"},
        "this page is of an earlier start": {"Origin": site.base, "X_Token": "old"},
    }
    for reason, given in refusals.items():
        status, text, _ = site.ask(path, said, **given)
        assert (status, reason in text) == (403, True)
    assert site.ask(path, said, X_Token=site.token)[0] == 403, "a browser says where from"
    assert site.ask(path, said.replace(tree[1].encode(), b"0" * 40), **ours)[0] == 409
    assert site.ask(path, said.replace(b"say=yes", b"say="), **ours)[0] == 400
    assert "approval_recorded" not in kinds(site.root)
    assert site.ask(path, said, **ours)[:2] == (200, "signed off")
    eventually(lambda: "approval_recorded" in kinds(site.root))
    recorded = next(it for it in events(site.root) if it["kind"] == "approval_recorded")
    assert (recorded["tree"], recorded["comment"]) == (tree[1], "seen")

    status, text, _ = site.ask(f"/runs/{run}/changes/first")
    assert status == 200
    assert "changed" in text
    for path in ("journal.jsonl", "report.json", "report.html"):
        eventually(lambda path=path: site.ask(f"/runs/{run}/files/{path}")[0] == 200)
    for path in ("../../background.log", "%2e%2e/%2e%2e/background.log", "/etc/passwd", "logs"):
        assert site.ask(f"/runs/{run}/files/{path}")[0] == 404, path
    for path in ("/runs/none", f"/runs/{run}/agents/none", f"/runs/{run}/agents/none/output"):
        assert site.ask(path)[0] == 404


def test_changes_come_by_themselves_and_once_for_all(site: Site) -> None:
    site.enter()
    run = runs(site.root)[0]
    streams = []
    for _ in range(20):
        request = urllib.request.Request(site.base + "/events", headers={"Cookie": site.cookie})
        streams.append(urllib.request.urlopen(request, timeout=30))
    first = [stream.readline() for stream in streams]
    assert set(first) == {b"event: now\n"}
    orchestrate(site.root, "approve", run, "first")
    for stream in streams:
        text = b""
        while b"sign off" in text or b"event: now" not in text:
            line = stream.readline()
            text = line if line.startswith(b"event:") else text + line
            assert line
        stream.close()


@pytest.mark.slow
def test_in_a_browser(site: Site) -> None:
    """What a person does: look, read, sign off. Hostile names and output stay text."""
    run = runs(site.root)[0]
    log = next((site.root / "reports" / run / "logs").glob("*-1.log"))
    log.write_text(HOSTILE + "\n")
    agent = log.name.rpartition("-")[0]

    def visit(browser: Browser) -> None:
        page = browser.page
        page.goto(f"{site.base}/?key={site.key}")
        page.wait_for_selector(".board")
        assert "key=" not in page.url
        assert page.inner_text(".column >> nth=0").casefold().startswith("needs you")
        page.goto(f"{site.base}/runs/{run}/agents/{agent}")
        page.wait_for_selector("#output")
        assert "<script>document.title" in page.inner_text("#output")
        assert page.title() != "owned"
        page.goto(f"{site.base}/runs/{run}/files/report.html")
        page.wait_for_selector("h1")
        page.goto(site.base)
        page.fill("form input[name=comment]", "read all of it")
        time.sleep(1)  # the board may come again meanwhile; what was typed stays
        assert page.input_value("form input[name=comment]") == "read all of it"
        page.click("form button[value=yes]")
        eventually(lambda: "approval_recorded" in kinds(site.root))
        page.wait_for_selector("form", state="detached")
        assert not browser.faults, browser.faults

    in_browser(visit)
    recorded = next(it for it in events(site.root) if it["kind"] == "approval_recorded")
    assert recorded["comment"] == "read all of it"


def test_a_run_is_folded_and_rendered_once_however_many_look(tmp_path: Path) -> None:
    orchestrate(tmp_path, "run", make_mission(tmp_path), "--plain", code=None)
    known = Runs(tmp_path)
    assert known.look()
    assert not known.look(), "nothing is new"
    pages = Pages(known, Keys())
    assert len({id(pages.front_text()) for _ in range(20)}) == 1
    run = known.run(runs(tmp_path)[0])
    assert run is not None
    assert run.summary is run.summary
    journal = tmp_path / "reports" / runs(tmp_path)[0] / "journal.jsonl"
    whole = journal.read_bytes()
    again = Runs(tmp_path)
    for end in (len(whole) // 2, len(whole) - 1, len(whole)):
        journal.write_bytes(whole[:end])  # as a writer is at it
        again.look()
    grown = again.run(run.folders.run)
    assert grown is not None
    assert grown.state == run.state
    journal.write_bytes(whole + b"no record\n")
    assert again.look()
    assert "not what was written" in grown.fault
    assert "not what was written" in Pages(again, Keys()).front_text()
