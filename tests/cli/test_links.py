"""An agent that leaves links where its next attempt's brief, log and home will be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import make_mission, orchestrate, runs

pytestmark = pytest.mark.integration

AGENT = """\
echo a >> "{root}/ledger"
briefs=$(dirname "$ORCHESTRATE_BRIEF")
logs=$(dirname "$briefs")/logs
homes=$(dirname "$HOME")
if [ "$(wc -l < "{root}/ledger")" = 1 ]; then
  ln -sf "{root}/victim" "$briefs/a-2.md"
  ln -sf "{root}/victim" "$logs/a-2.log"
  ln -sfn "{root}/victims" "$homes/a-2"
  exit 1
fi
echo home > "$HOME/mine"
echo said
echo changed >> a.txt
"""


def test_none_of_them_is_followed(tmp_path: Path) -> None:
    mission = make_mission(tmp_path)
    mission.write_text(mission.read_text().replace("attempts: 1", "attempts: 2"))
    (tmp_path / "a.sh").write_text(AGENT.format(root=tmp_path))
    (tmp_path / "victim").write_text("the user's\n")
    (tmp_path / "victims").mkdir()
    orchestrate(tmp_path, "run", mission, "--plain")
    assert (tmp_path / "victim").read_text() == "the user's\n"
    assert [*(tmp_path / "victims").iterdir()] == []
    report = tmp_path / "reports" / runs(tmp_path)[0]
    assert "said" in (report / "logs" / "a-2.log").read_text()
    assert not (report / "briefs" / "a-2.md").is_symlink()
