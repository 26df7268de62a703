"""What git merges line by line in files of settings and that is there twice, or not any more."""

from __future__ import annotations

import pytest

from orchestrator.structure.merge import merge_file

LINES = "".join(f"k{number}=1\n" for number in range(6))
PACKAGES = "".join(f"pack{number}==1\n" for number in range(6))
LISTED = "".join(f'  "pack{number}",\n' for number in range(6))
PROJECT = f"[project]\ndependencies = [\n{LISTED}]\n"
JOBS = "jobs:\n  build:\n    steps: []\n  lint:\n    steps: []\n  test:\n    steps: []\n"


def ends(text: str, first: str, last: str) -> tuple[str, str, str]:
    """A text, and two sides of it: one begins otherwise, one ends otherwise."""
    return text, first + text, text + last


@pytest.mark.parametrize(
    ("path", "sides", "name"),
    [
        (".env", ends(LINES, "PORT=1\n", "PORT=2\n"), "PORT"),
        ("config/.env.local", ends(LINES, "export PORT=1\n", "PORT=2\n"), "PORT"),
        ("tox.ini", ends(f"[a]\n{LINES}", "[b]\nx=1\n", "[b]\nx=2\n"), "b.x"),
        (
            "pyproject.toml",
            (
                PROJECT,
                PROJECT.replace('  "pack0"', '  "My.Pack>1",\n  "pack0"'),
                PROJECT.removesuffix("]\n") + '  "my_pack<3",\n]\n',
            ),
            "my-pack",
        ),
        ("requirements.txt", ends(PACKAGES, "My_Pack==1\n", "my-pack==2\n"), "my-pack"),
        (
            ".github/workflows/ci.yml",
            (
                JOBS,
                JOBS.replace("  build:\n    steps: []\n", ""),
                JOBS + "  last:\n    needs: [lint, build]\n",
            ),
            "build",
        ),
    ],
)
def test_refused(path: str, sides: tuple[str, str, str], name: str) -> None:
    base, left, right = (side.encode() for side in sides)
    for one, other in ((left, right), (right, left)):
        result = merge_file(path, base, one, other)
        assert result.content is None
        assert name in " ".join(f"{each.symbol} {each.reason}" for each in result.conflicts)


@pytest.mark.parametrize(
    ("path", "sides"),
    [
        (".env", ends(LINES, "PORT=1\n", "#PORT=2\nPORTS=1\n")),
        (".env", ends(f"A=1\n{LINES}A=2\n", "B=1\n", "C=1\n")),  # as it was before
        ("tox.ini", ends(f"[a]\n{LINES}", "[b]\nx=1\n", "[c]\nx=2\n")),
        ("setup.cfg", ends(f"[a]\n{LINES}", "[b]\nx=\n  y=1\n", "[c]\nx=\n  y=1\n  y=2\n")),
        ("requirements.txt", ends(PACKAGES, "a==1 ; x < '3'\n", "a==2 ; x > '3'\n")),
        ("notes.txt", ends(LINES, "PORT=1\n", "PORT=2\n")),
        (
            ".github/workflows/ci.yml",
            (JOBS, "on: push\n" + JOBS, JOBS + "  last:\n    needs: lint\n"),
        ),
    ],
)
def test_merged(path: str, sides: tuple[str, str, str]) -> None:
    base, left, right = (side.encode() for side in sides)
    assert merge_file(path, base, left, right).by == "lines"
