"""Missions that are right: what they mean, where everything stands, and the subset of YAML 1.2 they
are written in.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orchestrator.errors import MissionErrors, UsageError
from orchestrator.mission.loading import LoadedMission, load_mission
from orchestrator.mission.model import (
    ApprovalCheck,
    BriefMode,
    CommandCheck,
    FileProof,
    Gate,
    Isolation,
    MetricCheck,
    Mission,
    PytestCheck,
    Variables,
)
from orchestrator.mission.source import DEEPEST, LARGEST, read_source, resolve

VALID = Path(__file__).parent / "valid"


@pytest.fixture(scope="module")
def full() -> LoadedMission:
    return load_mission(VALID / "full.yaml")


@pytest.mark.parametrize("path", sorted(VALID.glob("*.yaml")), ids=lambda path: path.stem)
def test_valid_missions_load(path: Path) -> None:
    loaded = load_mission(path)
    assert loaded.path == path
    assert loaded.folder == VALID
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.text == path.read_text(encoding="utf-8")


def test_meaning(full: LoadedMission) -> None:
    mission = full.mission
    assert (
        mission.objective
        == "Fix WebSocket event delivery so that beta users receive real-time agent updates."
    )
    assert mission.defaults.timeout == 45 * 60
    assert mission.defaults.isolation is Isolation.WORKTREE
    assert mission.workspace.copy_ == (".env.test",)
    assert mission.workspace.link == ("node_modules",)
    unit, audit = mission.gates["websocket"].checks
    assert isinstance(unit, PytestCheck)
    assert (unit.pytest, unit.at_least, unit.timeout) == (("tests/websocket",), 12, 5400)
    assert isinstance(audit, MetricCheck)
    assert audit.metric.argv == ("python", "scripts/ssot_audit.py", "--json")
    smoke, people = mission.gates["staging"].checks
    assert isinstance(smoke, CommandCheck)
    assert smoke.report == ("out/junit.xml",)
    assert isinstance(people, ApprovalCheck)
    assert mission.gates["websocket"].names == ("unit", "metric-1")
    shell = mission.backends["shell"]
    assert shell.command is not None
    assert shell.command.is_shell
    assert shell.command.argv == ("/bin/sh", "-c", "cat {brief_file} && echo '{{}}'")
    assert str(shell.command) == "cat {brief_file} && echo '{{}}'"
    assert shell.brief is BriefMode.FILE
    assert mission.backends["talker"].env == Variables(names=("LANG",))
    core = mission.batches[0]
    assert [agent.id for agent in core.agents] == ["1.1", "1.2", "1.3", "1.4"]
    assert [claim.text for claim in core.agents[0].deliverables] == [
        "Working connection pool instance",
        "Pool accessible via app.state",
    ]
    assert core.agents[0].deliverables[1].proof == ()
    assert core.agents[1].deliverables[0].proof == (
        "tests/websocket/test_factory.py::test_none_pool_is_refused",
        "unit",
    )
    assert core.agents[2].needs == ("1.2",)
    assert core.criteria[2].proof == (FileProof(file="docs/pool.md"),)


def test_a_mission_survives_its_own_dump(full: LoadedMission) -> None:
    assert Mission.model_validate(full.mission.model_dump(mode="json")) == full.mission
    assert Mission.model_validate_json(full.mission.model_dump_json()) == full.mission
    assert Mission.model_validate(full.mission) == full.mission


def test_positions(full: LoadedMission) -> None:
    lines = full.text.split("\n")
    loc = ("batches", 0, "agents", 1, "files", 1)
    line, column = full.positions.value(loc)
    assert lines[line - 1][column - 1 :] == "netra_backend/app/services/factory_adapter.py"
    key = full.positions.key(("batches", 0, "agents", 1, "files"))
    assert lines[key.line - 1][key.column - 1 :] == "files:"
    assert full.positions.raw(("defaults", "timeout")) == "45m"
    assert full.positions.raw(("defaults",)) is None
    # A place that is not in the file is that of what encloses it.
    assert full.positions.value((*loc, "nowhere")) == (line, column)
    assert ("gates", "staging") in full.positions


def test_the_message_names_the_file_as_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.yaml").write_text("version: 1\n")
    monkeypatch.chdir(tmp_path)
    for typed in ("m.yaml", f"../{tmp_path.name}/m.yaml", str(tmp_path / "m.yaml")):
        with pytest.raises(MissionErrors) as caught:
            load_mission(Path(typed))
        assert {problem.where for problem in caught.value.problems} == {f"{typed}:1:1"}


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such mission file"):
        load_mission(tmp_path / "absent.yaml")
    with pytest.raises(UsageError, match="this is a folder"):
        load_mission(tmp_path)


def test_size_limit(tmp_path: Path) -> None:
    text = (
        (VALID / "minimal.yaml")
        .read_text()
        .replace("{dir: recording}", "{dir: .}")
        .replace("target", ".")
    )
    path = tmp_path / "m.yaml"
    path.write_bytes(text.encode() + b"#" * (LARGEST - len(text.encode())))
    load_mission(path)
    path.write_bytes(path.read_bytes() + b"#")
    with pytest.raises(MissionErrors, match="at most 8 MiB"):
        load_mission(path)


def test_depth_limit() -> None:
    def nested(depth: int) -> bytes:
        return b"a: " + b"[" * (depth - 1) + b"]" * (depth - 1)

    assert not read_source(nested(DEEPEST)).problems
    assert read_source(nested(DEEPEST + 1)).problems
    assert not read_source(nested(100_000)).is_complete  # and no stack runs over


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    text = (
        (VALID / "minimal.yaml")
        .read_text()
        .replace("{dir: recording}", "{dir: .}")
        .replace("target", ".")
    )
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_mission(path).mission.name == "minimal"


@pytest.mark.parametrize(
    "text",
    ["no", "on", "off", "yes", "y", "1:30", "2025-09-02", "0o17", "0x1F", "1_000", "1.2.3", "="],
)
def test_what_yaml_1_1_would_have_turned_into_something_else_is_a_text(text: str) -> None:
    assert resolve(text) == text
    assert read_source(f"a: {text}\n".encode()).data == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("-3", -3),
        ("1.20", 1.2),
        ("1e3", 1000.0),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
    ],
)
def test_the_core_schema(text: str, value: object) -> None:
    result = resolve(text)
    assert result == value
    assert type(result) is type(value)


def test_infinity_and_nan() -> None:
    assert resolve("-.inf") == float("-inf")
    assert resolve(".NaN") != resolve(".NaN")


def test_quotes_make_a_text_of_anything() -> None:
    assert read_source(b"a: '1.2'\nb: \"true\"\nc: ''\n").data == {"a": "1.2", "b": "true", "c": ""}


def test_many_problems_do_not_take_long() -> None:
    lines = "".join(f"key{number}: 1\nsame: 2\n" for number in range(20_000))
    source = read_source(lines.encode())
    assert len(source.problems) == 19_999


def test_variables() -> None:
    """As people write them, as they are kept, and what a check has beside its gate."""
    both = Gate.model_validate(
        {
            "env": [{"SQLITE": "1", "MODE": "x"}, "DATABASE_URL"],
            "checks": [{"command": "true", "env": {"MODE": "y"}}, {"command": "true"}],
        }
    )
    assert Gate.model_validate_json(both.model_dump_json()) == both
    first, second = both.checks
    assert isinstance(first, CommandCheck)
    assert isinstance(second, CommandCheck)
    users = {"DATABASE_URL": "db", "OTHER": "o", "MODE": "z"}
    given = both.env.with_(first.env).of(users)
    assert given == {"SQLITE": "1", "MODE": "y", "DATABASE_URL": "db"}
    assert both.env.with_(second.env).of({}) == {"SQLITE": "1", "MODE": "x"}
    assert not second.env
