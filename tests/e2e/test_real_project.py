"""A project that nobody here wrote, as its authors publish it: agents mend it, change it and break
it in one batch.

Its source distribution comes from the package index; its own tests are the gate, and decide which
agent's work lands.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import toolz

from tests.e2e.helpers import Bench, Git, check_story, write

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ITERTOOLZ, DICTTOOLZ, FUNCTOOLZ = "toolz/itertoolz.py", "toolz/dicttoolz.py", "toolz/functoolz.py"
RIGHT = "return itertools.islice(seq, 0, None, n)"
WRONG = "return itertools.islice(seq, 1, None, n)"
TURNS = "toolz/tests/test_itertoolz.py::test_take_nth"
DEEDS = {
    "mends": (ITERTOOLZ, WRONG, RIGHT),
    "documents": (
        ITERTOOLZ,
        '""" Group a collection by a key function',
        '""" Group what there is by a key function',
    ),
    "counts-twice": (
        ITERTOOLZ,
        "        d[item] += 1\n    return dict(d)",
        "        d[item] += 2\n    return dict(d)",
    ),
    "swaps": (ITERTOOLZ, "zip(itertools.repeat(el), seq)", "zip(seq, itertools.repeat(el))"),
    "keeps": (DICTTOOLZ, "        if predicate(k):", "        if not predicate(k):"),
    "tidies": (
        DICTTOOLZ,
        "        valfilter\n        itemfilter\n        keymap\n",
        "        itemfilter\n        keymap\n        valfilter\n",
    ),
    "raises": (
        FUNCTOOLZ,
        "    return reduce(evalform_front, forms, val)",
        "    raise ValueError(val)",
    ),
}
DEFECTS = {"counts-twice", "swaps", "keeps", "raises"}
AGENT = """\
import json, pathlib, sys
file, old, new = json.loads((pathlib.Path(sys.argv[2]) / "deeds.json").read_text())[sys.argv[1]]
text = pathlib.Path(file).read_text()
assert text.count(old) == 1, f"{file} holds {text.count(old)} times {old}"
pathlib.Path(file).write_text(text.replace(old, new))
"""
MISSION = """\
version: 1
name: toolz
objective: Every n-th item is counted from the first one.
repository: {{path: ../user}}
backends:
  script: {{command: ["{python}", "{{mission_dir}}/agent.py", "{{agent}}", "{{mission_dir}}"], brief: none}}
defaults: {{isolation: worktree, backend: script, timeout: 1m, parallel: 4, attempts: 1, overlap: allow}}
gates:
  tests: {{checks: [{{pytest: toolz}}]}}
batches:
  - id: all
    gate: tests
    agents:
{agents}
"""


def unpacked(folder: Path) -> Path:
    """The source distribution of the version that is installed, as the index has it."""
    wanted = f"toolz=={toolz.__version__}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        "toolz",
        "-d",
        folder,
    ]
    subprocess.run([*command, wanted], check=True, capture_output=True, text=True)
    (archive,) = folder.glob("toolz-*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def project(folder: Path) -> Git:
    """A repository of it, with one fault, and that it is at fault is seen by its own tests."""
    unpacked(folder / "index").rename(folder / "user")
    module = folder / "user" / ITERTOOLZ
    text = module.read_text()
    assert text.count(RIGHT) == 1
    module.write_text(text.replace(RIGHT, WRONG))
    git = Git(folder / "user")
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("commit", "-q", "-m", "As published, but for one"),
    ):
        git(*arguments)
    return git


def carried_out(
    folder: Path, deeds: dict[str, tuple[str, str, str]], *, code: int
) -> tuple[Bench, dict[str, Any]]:
    """A run in which each agent does its deed; its one batch, with the agents by id."""
    told = "\n".join(
        f"      - {{id: {id}, name: {id}, mission: Do it., files: [{path}]"
        + (f", deliverables: [{{text: Every n-th, proof: '{TURNS}'}}]" if id == "mends" else "")
        + "}"
        for id, (path, _, _) in deeds.items()
    )
    text = MISSION.format(python=sys.executable, agents=told)
    write(
        folder / "mission",
        {"mission.yaml": text, "agent.py": AGENT, "deeds.json": json.dumps(deeds)},
    )
    bench = Bench(folder / "root")
    bench.run("run", folder / "mission" / "mission.yaml", "--plain", code=code, patience=300)
    check_story(bench.events())
    batch = bench.summary()["batches"][0]
    return bench, {**batch, **{agent["id"]: agent for agent in batch["agents"]}}


def test_who_breaks_a_real_project_is_found_out_and_the_others_land(tmp_path: Path) -> None:
    user = project(tmp_path)
    bench, batch = carried_out(tmp_path, DEEDS, code=1)
    outcomes = {id: batch[id]["outcome"] for id in DEEDS}
    assert outcomes == {id: "rejected" if id in DEFECTS else "landed" for id in DEEDS}
    blamed = [
        set(found["guilty"])
        for search in bench.events("search_finished")
        for found in search["culprits"]
    ]
    assert set().union(*blamed) == DEFECTS
    assert all(len(guilty) == 1 for guilty in blamed), "each by itself breaks something"
    landed = bench.store("show", f"{bench.tip}:{ITERTOOLZ}")
    assert RIGHT in landed
    assert "d[item] += 1" in landed
    assert user("status", "--porcelain") == ""
    (claim,) = batch["mends"]["deliverables"]
    assert claim["status"] == "validated"


def test_a_real_project_whose_agents_break_nothing_lands_whole(tmp_path: Path) -> None:
    project(tmp_path)
    bench, batch = carried_out(tmp_path, {id: DEEDS[id] for id in ("mends", "documents")}, code=0)
    assert (batch["outcome"], batch["mends"]["outcome"], batch["documents"]["outcome"]) == (
        "landed",
    ) * 3
    assert bench.events("search_finished") == []
