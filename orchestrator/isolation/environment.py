"""The environment that agents and tests are given: an allow-list, never the user's own with holes
in it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TZ")
_SHARED = ("/tmp", "/var/tmp")  # noqa: S108  (where tests make repositories that set TMPDIR themselves)


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a program of an attempt or a gate may see.

    `home` is a private folder that is made if absent; `extra` are variables that the backend
    declared. The folder of the running interpreter comes first on PATH, so that `python` is the one
    that orchestrate was installed with.
    """
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    real = Path(os.path.realpath(home))
    interpreter = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join([interpreter, os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CI": "true",
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        # Git that is asked outside of any repository finds none: neither above a work tree that has
        # lost its own, nor above what tests make in a temporary folder.
        "GIT_CEILING_DIRECTORIES": os.pathsep.join(
            map(str, (real / "tmp", real, *real.parents, *_SHARED))
        ),
        **(extra or {}),
    }
