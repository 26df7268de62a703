"""Acceptance of batch 2, integration: what agents and tools do is seen by their user, and by nobody else.

One class for each piece of work, and one for all of it together.
"""

import ast
import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import netra_backend.app.main as main_module
from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_factory import ExecutionFactory
from netra_backend.app.agents.supervisor.supervisor_consolidated import SupervisorAgent
from netra_backend.app.agents.supervisor.tool_dispatcher import ToolDispatcher
from netra_backend.app.agents.tools import SUPERVISOR_TOOLS, TRIAGE_TOOLS
from netra_backend.app.application import Application
from netra_backend.app.config import load_settings
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory
from netra_backend.app.services.websocket_errors import FactoryConfigurationError
from netra_backend.app.services.websocket_models import EventType, WebSocketEvent
from netra_backend.app.smd import DeterministicStartupError
from netra_backend.app.startup_module import startup
from tests.support import TIMEOUT, backend, browser, eventually, identity, run, types

ROOT = Path(__file__).resolve().parents[2]
LEGACY = "netra_backend.app.websocket_core"
TOOL_CALL = ["tool_executing", "tool_completed"]


class Echo:
    """An agent without tools."""

    name = "echo"

    async def run(self, context, message):
        if message == "fail":
            raise RuntimeError("asked to fail")
        return f"{context.user_id}: {message}"


class Waiting:
    """An agent that works until it is told to go on."""

    name = "waiting"

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()

    async def run(self, context, message):
        self.started.set()
        await self.go_on.wait()
        return "done"


def imports(path: str) -> set[str]:
    """The modules that a file imports from."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


class TestSupervisor:
    """Agent 2.1"""

    def test_dispatcher_knows_whether_it_reaches_the_user(self):
        async def scenario():
            async with backend() as running:
                emitter = await running.app.state.websocket_bridge_factory.create_user_emitter(identity())
                assert ToolDispatcher(SUPERVISOR_TOOLS, emitter).has_websocket_support
                assert not ToolDispatcher(SUPERVISOR_TOOLS).has_websocket_support

        run(scenario())

    def test_tools_of_the_supervisor_are_seen_by_the_user(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                agent = SupervisorAgent(running.app.state.websocket_bridge_factory, SUPERVISOR_TOOLS)
                assert (
                    await agent.run(identity(), "one two three four five six")
                    == "6 words: one two three four five…"
                )
                frames = await alice.fence()
                assert types(frames) == TOOL_CALL * 2
                assert [frame["payload"]["tool"] for frame in frames[::2]] == ["count_words", "summarize"]
                assert frames[1]["payload"]["result"] == 6

        run(scenario())

    def test_failing_tool_is_seen_and_raised(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                emitter = await running.app.state.websocket_bridge_factory.create_user_emitter(identity())
                async with ToolDispatcher({"divide": lambda by: 1 / by}, emitter) as tools:
                    with pytest.raises(ZeroDivisionError):
                        await tools.dispatch("divide", by=0)
                frames = await alice.fence()
                assert types(frames) == TOOL_CALL
                assert frames[1]["payload"]["error"] == "division by zero"

        run(scenario())

    def test_supervisor_leaves_no_emitter_behind(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                factory = running.app.state.websocket_bridge_factory
                await SupervisorAgent(factory, SUPERVISOR_TOOLS).run(identity(), "hello")
                assert len(await alice.fence()) == 4
                assert factory.emitters == set()
                assert len(factory.contexts) == 0

        run(scenario())


class TestExecutionFactory:
    """Agent 2.2"""

    def test_engine_has_an_emitter_on_the_connection_of_its_user(self):
        async def scenario():
            async with backend() as running:
                state = running.app.state
                engine = await ExecutionFactory(state.websocket_bridge_factory).create_engine(identity())
                assert engine.emitter is not None
                assert engine.emitter.connection is state.websocket_connection_pool.acquire("alice")

        run(scenario())

    def test_engines_are_isolated(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as alice,
                browser(running, "bob") as bob,
            ):
                factory = ExecutionFactory(running.app.state.websocket_bridge_factory)
                for_alice, for_bob = [
                    await factory.create_engine(identity(user)) for user in ("alice", "bob")
                ]
                answers = await asyncio.gather(for_alice.execute(Echo(), "a"), for_bob.execute(Echo(), "b"))
                assert answers == ["alice: a", "bob: b"]
                for tab, user in ((alice, "alice"), (bob, "bob")):
                    frames = await tab.fence()
                    assert types(frames) == ["agent_started", "agent_thinking", "agent_completed"]
                    assert {frame["user_id"] for frame in frames} == {user}

        run(scenario())

    def test_failing_agent_is_seen_and_raised(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                engine = await ExecutionFactory(running.app.state.websocket_bridge_factory).create_engine(
                    identity()
                )
                with pytest.raises(RuntimeError):
                    await engine.execute(Echo(), "fail")
                frames = await alice.fence()
                assert types(frames) == ["agent_started", "agent_thinking", "agent_failed"]
                assert frames[-1]["payload"]["error"] == "asked to fail"

        run(scenario())

    @pytest.mark.parametrize("factory", [None, WebSocketBridgeFactory()], ids=["none", "unconfigured"])
    def test_engine_that_could_reach_nobody_is_not_made(self, factory):
        async def scenario():
            with pytest.raises(FactoryConfigurationError):
                await ExecutionFactory(factory).create_engine(identity())

        run(scenario())


class TestStartup:
    """Agent 2.3"""

    def test_components_come_up_in_the_order_of_their_needs(self):
        async def scenario():
            async with backend() as running:
                assert running.app.state.startup_phases == ["connection_pool", "bridge_factory", "agents"]

        run(scenario())

    def test_agents_are_wired_to_the_bridge_factory_alone(self):
        async def scenario():
            async with backend() as running:
                state = running.app.state
                assert getattr(state, "websocket_manager", None) is None
                assert state.execution_factory.bridge_factory is state.websocket_bridge_factory
                assert state.agent_registry.websocket_manager is state.websocket_bridge_factory

        run(scenario())

    def test_failing_component_stops_the_start(self, monkeypatch):
        def refuse(self, connection_pool):
            raise FactoryConfigurationError("refused on purpose")

        monkeypatch.setattr(WebSocketBridgeFactory, "configure", refuse)
        with pytest.raises(DeterministicStartupError):
            asyncio.run(startup(Application(load_settings())))

    def test_users_are_let_in_after_startup(self, monkeypatch):
        order = []
        really_start, really_serve = main_module.startup, main_module.serve

        async def recording_startup(app):
            await really_start(app)
            order.append("startup")

        def recording_serve(*arguments, **options):
            order.append("serve")
            return really_serve(*arguments, **options)

        monkeypatch.setattr(main_module, "startup", recording_startup)
        monkeypatch.setattr(main_module, "serve", recording_serve)

        async def scenario():
            async with backend():
                assert order == ["startup", "serve"]

        run(scenario())

    def test_startup_module_does_not_know_the_singleton(self):
        assert not {
            name for name in imports("netra_backend/app/startup_module.py") if name.startswith(LEGACY)
        }


class TestAgentRegistry:
    """Agent 2.4"""

    @pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
    def test_every_tool_set_is_enhanced_whenever_it_was_registered(self, late):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                registry = AgentRegistry()
                if late:
                    registry.set_websocket_manager(running.app.state.websocket_bridge_factory)
                registry.register_tools("supervisor", SUPERVISOR_TOOLS)
                registry.register_tools("triage", TRIAGE_TOOLS)
                if not late:
                    registry.set_websocket_manager(running.app.state.websocket_bridge_factory)
                async with registry.dispatcher_for("triage", identity()) as tools:
                    assert tools.has_websocket_support
                    assert await tools.dispatch("classify", text="why?") == "question"
                async with registry.dispatcher_for("supervisor", identity()) as tools:
                    await tools.dispatch("count_words", text="a b")
                assert types(await alice.fence()) == TOOL_CALL * 2

        run(scenario())

    def test_dispatchers_are_not_shared_between_users(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as alice,
                browser(running, "bob") as bob,
            ):
                registry = AgentRegistry()
                registry.register_tools("triage", TRIAGE_TOOLS)
                registry.set_websocket_manager(running.app.state.websocket_bridge_factory)
                async with (
                    registry.dispatcher_for("triage", identity("alice")) as hers,
                    registry.dispatcher_for("triage", identity("bob")) as his,
                ):
                    assert hers is not his
                    await hers.dispatch("classify", text="a secret")
                assert types(await alice.fence()) == TOOL_CALL
                assert await bob.fence() == []

        run(scenario())

    def test_silent_tools_are_refused(self):
        async def scenario():
            registry = AgentRegistry()
            registry.register_tools("triage", TRIAGE_TOOLS)
            with pytest.raises(FactoryConfigurationError):
                async with registry.dispatcher_for("triage", identity()):
                    pass

        run(scenario())

    @pytest.mark.parametrize(
        "module", ["agents/supervisor/agent_registry.py", "agents/enhanced_tool_execution_engine.py"]
    )
    def test_registry_does_not_know_the_singleton(self, module):
        assert not {name for name in imports(f"netra_backend/app/{module}") if name.startswith(LEGACY)}


class TestEventRouter:
    """Agent 2.5"""

    def test_answer_reaches_the_user_who_asked_and_nobody_else(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as alice,
                browser(running, "bob") as bob,
            ):
                answer = (await alice.chat("my secret plan"))[-1]
                assert answer["payload"] == {"text": "3 words: my secret plan"}
                assert answer["user_id"] == "alice"
                assert await bob.fence() == []

        run(scenario())

    def test_misaddressed_event_is_stopped(self):
        async def scenario():
            async with backend() as running, browser(running, "bob") as bob:
                event = WebSocketEvent(EventType.AGENT_THINKING, "alice", {"thought": "secret"})
                await running.app.state.websocket_connection_pool.acquire("bob").send_event(event)
                assert await bob.fence() == []

        run(scenario())

    def test_browser_gets_the_types_it_subscribed_to(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as all_of_it,
                browser(running, "alice") as some,
            ):
                await some.send(type="subscribe", events=["agent_completed"])
                assert await some.fence() == []
                pool = running.app.state.websocket_connection_pool
                for event_type in (EventType.AGENT_STARTED, EventType.AGENT_COMPLETED):
                    await pool.acquire("alice").send_event(WebSocketEvent(event_type, "alice"))
                assert types(await all_of_it.fence()) == ["agent_started", "agent_completed"]
                assert types(await some.fence()) == ["agent_completed"]

        run(scenario())

    def test_browser_is_answered_while_an_agent_works(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                agent = Waiting()
                running.app.state.agent_registry.register("waiting", lambda: agent)
                await alice.send(type="chat", message="work", agent="waiting")
                assert "error" not in types(await alice.fence())
                await asyncio.wait_for(agent.started.wait(), TIMEOUT)
                agent.go_on.set()
                assert (await alice.until("chat_response"))[-1]["payload"] == {"text": "done"}

        run(scenario())

    def test_failing_run_is_reported_to_its_user(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as alice,
                browser(running, "bob") as bob,
            ):
                running.app.state.agent_registry.register("echo", Echo)
                await alice.send(type="chat", message="fail", agent="echo")
                assert (await alice.until("error"))[-1]["payload"] == {"error": "echo: asked to fail"}
                assert await bob.fence() == []

        run(scenario())


class TestTogether:
    """Batches 1 and 2 as a whole: a user chats and sees everything, in order."""

    def test_user_sees_the_whole_run_in_order(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                frames = await alice.chat("one two")
                during = ["agent_started", "agent_thinking", *TOOL_CALL * 2, "agent_completed"]
                assert types(frames) == [*during, "chat_response"]
                assert [frame["sequence"] for frame in frames[:-1]] == list(range(1, len(during) + 1))
                assert len({frame["run_id"] for frame in frames}) == 1

        run(scenario())

    def test_other_agents_are_seen_too(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                frames = await alice.chat("really?", agent="triage")
                assert types(frames) == [
                    "agent_started",
                    "agent_thinking",
                    *TOOL_CALL,
                    "agent_completed",
                    "chat_response",
                ]
                assert frames[-1]["payload"] == {"text": "This is a question."}

        run(scenario())

    def test_runs_of_a_user_do_not_mix(self):
        async def scenario():
            async with backend() as running, browser(running, "alice") as alice:
                for number in range(3):
                    await alice.send(type="chat", message=f"message {number}")
                runs = [await alice.until("chat_response") for _ in range(3)]
                assert [frames[-1]["payload"]["text"] for frames in runs] == [
                    f"2 words: message {number}" for number in range(3)
                ]
                for frames in runs:
                    assert len(frames) == 8
                    assert len({frame["run_id"] for frame in frames}) == 1

        run(scenario())

    def test_user_who_leaves_during_a_run_sees_its_end_on_return(self):
        async def scenario():
            async with backend() as running:
                agent = Waiting()
                running.app.state.agent_registry.register("waiting", lambda: agent)
                async with browser(running, "alice") as before:
                    await before.send(type="chat", message="work", agent="waiting")
                    await before.until("agent_thinking")
                connection = running.app.state.websocket_connection_pool.acquire("alice")
                await eventually(lambda: not connection.is_connected, "the backend notices that alice left")
                agent.go_on.set()
                await eventually(lambda: connection.pending == 2, "the end of the run waits for alice")
                async with browser(running, "alice") as after:
                    assert types(after.greeting) == [
                        "connection_established",
                        "agent_completed",
                        "chat_response",
                    ]

        run(scenario())

    def test_running_backend_never_loads_the_singleton(self):
        script = (
            "import asyncio, sys\n"
            "from tests.support import backend, browser\n"
            "async def chat():\n"
            "    async with backend() as running, browser(running, 'alice') as alice:\n"
            "        await alice.chat('hello')\n"
            "asyncio.run(asyncio.wait_for(chat(), 30))\n"
            f"sys.exit(any(name.startswith({LEGACY!r}) for name in sys.modules))\n"
        )
        finished = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 0, finished.stderr[-2000:]
