"""Puts the sample missions into what is installed; all else that is to be built is in
pyproject.toml.

The files stand once in the repository, in `missions/`, and in a wheel below `orchestrator/sample`.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SAMPLE = ("websocket.yaml", "mission.schema.json", "websocket")


class BuildWithSample(build_py):
    """As ever, and the sample."""

    def run(self) -> None:
        """Copy it where modules are built; an editable install finds it in the repository."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "orchestrator" / "sample"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in SAMPLE:
            source = Path(__file__).resolve().parent / "missions" / name
            if source.is_dir():
                unwanted = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(source, target / name, symlinks=True, ignore=unwanted)
            else:
                shutil.copyfile(source, target / name)


setup(cmdclass={"build_py": BuildWithSample})
