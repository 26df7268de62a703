"""Acceptance of batch 4, operations: what runs can be seen, what was wrong is gone, what is known is written down.

One class for each piece of work.
"""

import asyncio
import importlib.util
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from netra_backend.app.config import load_settings
from netra_backend.app.main import RunningBackend
from netra_backend.app.services.notification_service import NotificationService
from netra_backend.app.services.thread_service import ThreadService
from tests.support import TIMEOUT, backend, browser, run, types

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "docs/websocket_architecture.md",
    "docs/websocket_troubleshooting.md",
    "USER_CONTEXT_ARCHITECTURE.md",
)
SPECS = (
    "SPEC/learnings/websocket_factory_migration_20250902.xml",
    "SPEC/websocket_patterns.xml",
    "SPEC/factory_pattern_requirements.xml",
)


async def get(running: RunningBackend, path: str) -> tuple[int, str]:
    """Status and body of a page of the running backend."""
    reader, writer = await asyncio.open_connection(running.host, running.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {running.host}\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(), TIMEOUT)).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the target's folder."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


class TestMonitoring:
    """Agent 4.1"""

    def test_health_page_follows_the_pool(self):
        async def scenario():
            async with backend() as running, browser(running, "alice"):
                status, body = await get(running, "/health")
                health = json.loads(body)
                assert (status, health["status"]) == (200, "healthy")
                assert health["pool"]["connected_users"] == 1
                await running.app.state.websocket_connection_pool.stop_health_monitoring()
                status, body = await get(running, "/health")
                assert (status, json.loads(body)["status"]) == (503, "unmonitored")

        run(scenario())

    def test_every_event_is_counted_and_delivered(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                frames = await alice.chat("one two")
                metrics = json.loads((await get(running, "/metrics.json"))[1])
                assert metrics["events"]["delivered"] == len(frames) == 8
                assert metrics["events"]["dropped"] == 0
                assert metrics["delivery_rate"] == 100.0
                assert (
                    "websocket_events_delivered_total 8" in (await get(running, "/metrics"))[1].splitlines()
                )

        run(scenario())

    def test_queue_of_each_user_is_watched(self):
        async def scenario():
            async with backend() as running:
                notices = NotificationService(running.app)
                await notices.notify("alice", "one")
                await notices.notify("alice", "two")
                metrics = json.loads((await get(running, "/metrics.json"))[1])
                assert metrics["users"]["alice"]["pending"] == 2
                async with browser(running, "alice"):
                    metrics = json.loads((await get(running, "/metrics.json"))[1])
                    assert metrics["users"]["alice"] == {"pending": 0, "sockets": 1}
                    assert (metrics["events"]["delivered"], metrics["delivery_rate"]) == (2, 100.0)

        run(scenario())

    def test_lost_event_spoils_the_delivery_rate(self):
        async def scenario():
            async with backend() as running:
                notices = NotificationService(running.app)
                for number in range(1001):
                    await notices.notify("alice", str(number))
                async with browser(running, "alice") as alice:
                    received = [frame for frame in alice.greeting if frame["type"] == "notification"]
                    assert len(received) == 1000
                    metrics = json.loads((await get(running, "/metrics.json"))[1])
                    assert metrics["events"]["dropped"] == 1
                    assert 99.0 < metrics["delivery_rate"] < 100.0

        run(scenario())

    def test_dashboard_shows_users_and_nothing_that_they_could_inject(self):
        async def scenario():
            async with backend() as running, browser(running, "<script>alice"):
                status, page = await get(running, "/dashboard")
                assert status == 200
                assert "&lt;script&gt;alice" in page
                assert "<script>alice" not in page

        run(scenario())


class TestLegacyRemoved:
    """Agent 4.2"""

    def test_manager_is_gone(self):
        assert importlib.util.find_spec("netra_backend.app.websocket_core") is None

    def test_nothing_mentions_it_any_more(self):
        sources = (ROOT / "netra_backend").rglob("*.py")
        assert [
            str(path) for path in sources if "get_websocket_manager" in path.read_text(encoding="utf-8")
        ] == []

    def test_audit_finds_nothing(self):
        report = json.loads(python("scripts/ssot_audit.py", "--json").stdout)
        assert report["violations"] == {}
        assert report["files"] > 20

    @pytest.mark.parametrize("environment", ["development", "staging"])
    def test_browser_and_server_agree_on_the_port(self, environment):
        frontend = json.loads((ROOT / "config" / "frontend.json").read_text(encoding="utf-8"))
        assert f":{load_settings(environment).port}/" in frontend[environment]["websocket_url"]

    def test_notice_reaches_its_user_alone(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as alice,
                browser(running, "bob") as bob,
            ):
                assert await NotificationService(running.app).notify("alice", "your export is ready")
                frames = await alice.fence()
                assert types(frames) == ["notification"]
                assert frames[0]["payload"] == {"text": "your export is ready"}
                assert await bob.fence() == []

        run(scenario())

    def test_renamed_thread_is_told_to_its_owner_alone(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as alice,
                browser(running, "bob") as bob,
            ):
                threads = ThreadService(running.app)
                await threads.rename("alice", "main", "Secret plans")
                frames = await alice.fence()
                assert types(frames) == ["thread_renamed"]
                assert frames[0]["payload"] == {"thread_id": "main", "title": "Secret plans"}
                assert await bob.fence() == []
                assert threads.title("alice", "main") == "Secret plans"

        run(scenario())


class TestDocumentation:
    """Agent 4.3"""

    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_paths_and_links_of_the_document_exist(self, document):
        text = (ROOT / document).read_text(encoding="utf-8")
        paths = set(
            re.findall(r"`((?:netra_backend|tests|scripts|config|docs|SPEC|deployment)/[\w./-]+\.\w+)", text)
        )
        links = {link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link}
        assert paths
        assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
        assert [link for link in sorted(links) if not (ROOT / document).parent.joinpath(link).exists()] == []

    def test_flow_is_drawn(self):
        text = (ROOT / "docs/websocket_architecture.md").read_text(encoding="utf-8")
        diagrams = re.findall(r"```mermaid\n(\w+)", text)
        assert {"sequenceDiagram", "flowchart"} <= set(diagrams)

    def test_troubleshooting_starts_from_symptoms(self):
        text = (ROOT / "docs/websocket_troubleshooting.md").read_text(encoding="utf-8")
        entries = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
        complete = [
            entry for entry in entries if all(f"**{part}**" in entry for part in ("Look at", "Cause", "Mend"))
        ]
        assert len(complete) >= 5

    def test_no_document_declares_victory(self):
        documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        assert [
            path.name for path in documents if "COMPLETELY RESOLVED" in path.read_text(encoding="utf-8")
        ] == []


class TestSpec:
    """Agent 4.4"""

    @pytest.mark.parametrize("spec", SPECS)
    def test_spec_parses_and_its_evidence_exists(self, spec):
        root = ET.parse(ROOT / spec).getroot()
        evidence = [element.get("test", "") for element in root.iter("evidence")]
        assert len(evidence) >= 3
        for node in evidence:
            path, *names = node.split("::")
            text = (ROOT / path).read_text(encoding="utf-8")
            assert [name for name in names if not re.search(rf"(def|class) {name}\b", text)] == [], node

    def test_learnings_say_why_and_how_to_prevent(self):
        learnings = ET.parse(ROOT / SPECS[0]).getroot().findall("learning")
        assert len(learnings) >= 5
        for learning in learnings:
            for part in ("problem", "cause", "fix", "prevention"):
                assert (learning.findtext(part) or "").strip(), (learning.get("id"), part)

    def test_best_practices_are_written_down(self):
        practices = [practice.text for practice in ET.parse(ROOT / SPECS[1]).getroot().iter("practice")]
        assert len(practices) >= 3
        assert all(practices)

    @pytest.mark.parametrize("spec", SPECS[1:])
    def test_rules_no_longer_ask_for_a_singleton(self, spec):
        root = ET.parse(ROOT / spec).getroot()
        forbidden = {rule.get("id") for rule in root.iter("rule") if rule.get("level") == "forbidden"}
        assert "process-wide-manager" in forbidden


class TestStaging:
    """Agent 4.5"""

    def test_validation_passes_and_says_what_it_checked(self, tmp_path):
        report = tmp_path / "out" / "junit.xml"
        finished = python("scripts/validate_websocket_staging.py", "--junit", str(report))
        assert finished.returncode == 0, finished.stdout + finished.stderr
        suite = next(ET.parse(report).getroot().iter("testsuite"))
        assert int(suite.get("tests")) == len(suite.findall("testcase")) >= 6
        assert (suite.get("failures"), suite.get("errors")) == ("0", "0")

    def test_validation_of_a_backend_that_does_not_start_fails(self, tmp_path):
        report = tmp_path / "junit.xml"
        finished = python(
            "scripts/validate_websocket_staging.py", "--environment", "nowhere", "--junit", str(report)
        )
        assert finished.returncode == 1
        suite = next(ET.parse(report).getroot().iter("testsuite"))
        assert int(suite.get("failures")) + int(suite.get("errors")) > 0

    def test_rollback_plan_can_be_followed(self):
        plan = (ROOT / "deployment/websocket_rollback_plan.md").read_text(encoding="utf-8")
        for part in ("## When", "## Steps", "## Verify"):
            assert part in plan
        assert "```" in plan
        assert "scripts/validate_websocket_staging.py" in plan
