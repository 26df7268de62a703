"""What is built installs under its own name, and carries the sample, without the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from orchestrator import DISTRIBUTION
from orchestrator.cli.sample import PARTS, copy_sample
from orchestrator.errors import UsageError

REPOSITORY = Path(__file__).parents[1]
SETUPTOOLS = "setuptools>=77"
BUILD = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_sample_is_copied_whole_and_over_nothing(tmp_path: Path) -> None:
    told = copy_sample(tmp_path / "new")
    assert "orchestrate run" in told
    missions = REPOSITORY / "missions"
    copied = files_of(tmp_path / "new")
    assert {name.split("/")[0] for name in copied} == set(PARTS)
    assert all((missions / name).read_bytes() == content for name, content in copied.items())
    assert set(copied) >= {f"websocket/{name}" for name in files_of(missions / "websocket")}
    (tmp_path / "new" / "websocket.yaml").write_text("mine")
    with pytest.raises(UsageError, match="already"):
        copy_sample(tmp_path / "new")
    assert (tmp_path / "new" / "websocket.yaml").read_text() == "mine"


def run(*command: object, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.integration
def test_what_is_built_runs_where_there_is_no_clone(tmp_path: Path) -> None:
    builder, fresh, source = tmp_path / "builder", tmp_path / "fresh", tmp_path / "source"
    venv.create(builder, with_pip=True)
    run(builder / "bin/pip", "install", "-q", SETUPTOOLS, cwd=tmp_path)
    run("git", "clone", "-q", REPOSITORY, source, cwd=tmp_path)
    python, dist = builder / "bin/python", tmp_path / "dist"
    dist.mkdir()
    run(python, "-c", BUILD, "build_sdist", dist, cwd=source)
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    run(python, "-c", BUILD, "build_wheel", dist, cwd=unpacked)
    (wheel,) = dist.glob("*.whl")
    assert wheel.name.startswith("orchestrate_missions-")
    tracked = run("git", "ls-files", "-z", "missions/websocket", cwd=source).split("\0")
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {name.replace("missions/", "orchestrator/sample/", 1) for name in tracked if name}
    assert wanted <= inside, sorted(wanted - inside)

    venv.create(fresh, with_pip=True)
    run(fresh / "bin/pip", "install", "-q", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    # What it depends on comes from this interpreter's environment; its own files do not.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = fresh / "lib" / version / "site-packages"
    (site / "beside.pth").write_text(sysconfig.get_path("purelib"))
    somewhere = tmp_path / "somewhere"
    somewhere.mkdir()
    orchestrate = fresh / "bin/orchestrate"
    where = run(
        fresh / "bin/python", "-c", "import orchestrator; print(orchestrator)", cwd=somewhere
    )
    assert str(fresh) in where
    told = run(fresh / "bin/pip", "show", DISTRIBUTION, cwd=somewhere)
    assert f"Name: {DISTRIBUTION}" in told
    assert run(orchestrate, "--version", cwd=somewhere).startswith("orchestrate ")
    run("git", "init", "-q", somewhere, cwd=somewhere)
    run(orchestrate, "init", cwd=somewhere)
    assert (somewhere / "missions/first.yaml").is_file()
    run(orchestrate, "init", "--sample", "sample", cwd=somewhere)
    told = run(orchestrate, "run", "sample/websocket.yaml", "--plain", cwd=somewhere)
    assert "60 of 60 deliverables validated" in told
