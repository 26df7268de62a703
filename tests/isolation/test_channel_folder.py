"""The folder of an attempt's channel, where it cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.agents.channel_spool import Spool
from orchestrator.errors import EnvironmentRefused


@pytest.mark.parametrize("in_its_place", ["file", "link to nowhere", "file above"])
def test_says_where_and_what_mends_it(in_its_place: str, tmp_path: Path) -> None:
    home = tmp_path / "above" / "home"
    if in_its_place == "file above":
        home.parent.write_text("a file\n")
    else:
        home.parent.mkdir()
        if in_its_place == "file":
            home.write_text("a file\n")
        else:
            home.symlink_to("nowhere")
    with pytest.raises(
        EnvironmentRefused, match="channel of an attempt cannot be made: "
    ) as caught:
        Spool(home)
    assert caught.value.where == str(home / ".orchestrate")
    assert caught.value.mend
    assert int(caught.value.exit_code) == 4


def test_what_was_left_in_it_is_gone(tmp_path: Path) -> None:
    with Spool(tmp_path / "home") as spool:
        (spool.path / "requests" / "old.json").write_text("{}")
    with Spool(tmp_path / "home") as spool:
        assert spool.take() == []
