"""One agent's absurd folders are that agent's problem, in a whole run and when it is cleaned up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import events, git, make_mission, orchestrate, runs
from tests.params import few

pytestmark = pytest.mark.integration

NEST = """\
import os, sys
for place in sys.argv[2:]:
    os.chdir(place)
    for _ in range(int(sys.argv[1])):
        os.mkdir("d"); os.chdir("d")
    open("file", "w").close()
"""


@pytest.fixture(autouse=True)
def nothing_deep_is_left(tmp_path: Path) -> Iterator[None]:
    """Pytest cannot remove such folders by itself: it would end sessions that come later."""
    yield
    places = [place.resolve() for place in (tmp_path / "workspaces").glob("*")]
    subprocess.run(["rm", "-rf", "--", *places, *tmp_path.iterdir()], check=True)


@pytest.mark.parametrize("places", few(['"$PWD"', '"$HOME" "$PWD/.git-not" "${TMPDIR:-$HOME}"']))
def test_the_others_land_and_clean_cleans(tmp_path: Path, places: str) -> None:
    """1,200 folders in the work tree; in its home, its temporary folder and beside its work."""
    mission = make_mission(tmp_path)
    (tmp_path / "nest.py").write_text(NEST)
    script = tmp_path / "b.sh"
    script.write_text(
        f'mkdir -p .git-not\npython3 "{tmp_path}/nest.py" 1200 {places}\n{script.read_text()}'
    )
    orchestrate(tmp_path, "run", mission, "--plain", code=1)
    ended = {e["agent"]: e for e in events(tmp_path) if e["kind"] == "attempt_ended"}
    assert ended["a"]["outcome"] != "failed"
    assert "nested more than" in str(ended["b"])
    assert len(str(ended["b"])) < 5000, "the path is shortened"
    orchestrate(tmp_path, "resume", "--batch", "second", code=None)  # again, beside what is left
    orchestrate(tmp_path, "land", "--partial")
    assert git(tmp_path / "user", "show", "main:a.txt") == "as it was\nchanged"
    run = runs(tmp_path)[0]
    place = (tmp_path / "workspaces" / run).resolve()
    assert "cleaned" in orchestrate(tmp_path, "clean", "--discard").out
    assert not place.exists()
