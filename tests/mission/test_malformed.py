"""Every way to get a mission wrong that we know of, with the message that it gets, as people see
it.

`malformed/NAME.yaml` is the mission and `malformed/NAME.txt` its message. After a change that is
meant, run with UPDATE_SNAPSHOTS=1 and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.errors import ExitCode, MissionErrors
from orchestrator.mission.loading import load_mission

FOLDER = Path(__file__).parent / "malformed"
MISSIONS = sorted(FOLDER.glob("*.yaml"))


def test_there_are_enough() -> None:
    assert len(MISSIONS) >= 40


@pytest.mark.parametrize("path", MISSIONS, ids=lambda path: path.stem)
def test_malformed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)  # messages show the file's name as it was typed
    with pytest.raises(MissionErrors) as caught:
        load_mission(Path(path.name))
    message = f"{caught.value}\n"
    snapshot = path.with_suffix(".txt")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(message, encoding="utf-8")
    assert message == snapshot.read_text(encoding="utf-8")
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("path", MISSIONS, ids=lambda path: path.stem)
def test_problems_stand_in_the_order_of_lines_and_inside_the_file(path: Path) -> None:
    with pytest.raises(MissionErrors) as caught:
        load_mission(path)
    text = path.read_bytes().decode(errors="replace").split("\n")
    places = []
    for problem in caught.value.problems:
        assert problem.where is not None
        name, line, column = problem.where.rsplit(":", 2)
        assert name == str(path)
        assert 1 <= int(line) <= len(text)
        assert 1 <= int(column) <= len(text[int(line) - 1]) + 1
        places.append((int(line), int(column)))
    assert places == sorted(places)
