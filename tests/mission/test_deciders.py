"""What decides what a check comes to, by its command line."""

from __future__ import annotations

import json
import shlex

import pytest

from orchestrator.mission.deciders import deciders

TREE = {
    "package.json": json.dumps(
        {
            "scripts": {
                "pretest": "node scripts/prepare.js",
                "test": "jest && node ./scripts/count.js",
                "lint": "eslint src",
                "loop": "npm run loop",
            },
            "jest": {"bail": True},
        }
    ),
    "packages/a/package.json": json.dumps({"scripts": {"test": "vitest run"}}),
    "packages/a/vitest.config.ts": "",
    "packages/a/src/a.ts": "",
    "Makefile": (
        "PY = python\n.PHONY: test\nall: test\ntest: lint\n\t@$(PY) tools/run.py\n"
        "lint:\n\t-ruff check \\\n\t  src\nserve:\n\tpython src/app.py\n"
    ),
    "justfile": "audit level='1':\n    @python scripts/audit.py {{level}}\nother:\n    ./other.sh\n",
    "pyproject.toml": "[tool.ruff]\n[tool.mypy]\n",
    "ruff.toml": "",
    "jest.config.js": "",
    "eslint.config.mjs": "",
    "mypy.ini": "",
    "score.py": "import sums\n",
    "sums.py": "",
    "a.txt": "",
    "data.json": "",
    "src/app.py": "import sums",
    "src/sums.py": "",
    "scripts/audit.py": "import limits\nfrom checks import naming\n",
    "scripts/limits.py": "",
    "scripts/checks/naming.py": "",
    "scripts/unrelated.py": "",
    "scripts/check.sh": "#!/bin/bash\nset -e\nif python score.py; then node scripts/count.js --all; fi\n",
    "scripts/count.js": "const x = require('./rules.json')",
    "scripts/rules.json": "",
    "scripts/prepare.js": "",
    "tools/run.py": "",
    "tools/gate/__main__.py": "",
    "other.sh": "",
    "bin/verify": "#!/usr/bin/env bash\n. ./other.sh\n",
    "conf/strict.toml": "",
}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        # A program of the tree, however it is started.
        ("python score.py", ["score.py"]),
        ("./score.py --all", ["score.py"]),
        ("python3.12 -u -W error ./score.py sums.py", ["score.py"]),
        ("env A=1 timeout 60 python score.py", ["score.py"]),
        ("uv run python score.py", ["score.py"]),
        ("node --test scripts/count.js", ["scripts/count.js", "scripts/rules.json"]),
        ("python -m tools.gate", ["tools/gate/__main__.py"]),
        ("sh -c 'cd src && python app.py; python ../score.py'", ["src/app.py", "score.py"]),
        ("bash -euo pipefail -c 'python score.py'", []),
        ("bash -lc 'A=1 python score.py | tee out'", ["score.py"]),
        ("bin/verify", ["bin/verify", "other.sh"]),
        # With its helpers, where it is no part of the product.
        (
            "python scripts/audit.py src",
            ["scripts/audit.py", "scripts/checks/naming.py", "scripts/limits.py"],
        ),
        (
            "bash scripts/check.sh",
            ["scripts/check.sh", "score.py", "scripts/count.js", "scripts/rules.json"],
        ),
        ("python src/app.py", ["src/app.py"]),
        # What stands behind a name.
        (
            "npm test",
            [
                "package.json:jest,scripts",
                "scripts/prepare.js",
                "jest.config.js",
                "scripts/count.js",
                "scripts/rules.json",
            ],
        ),
        (
            "npm run lint -- --max-warnings=0",
            ["package.json:eslintConfig,scripts", "eslint.config.mjs"],
        ),
        ("yarn lint", ["package.json:eslintConfig,scripts", "eslint.config.mjs"]),
        ("npm run loop", ["package.json:scripts"]),
        (
            "npm --prefix packages/a test",
            ["packages/a/package.json:scripts", "packages/a/vitest.config.ts"],
        ),
        (
            "sh -c 'cd packages/a/src && npm test'",
            ["packages/a/package.json:scripts", "packages/a/vitest.config.ts"],
        ),
        ("npm run lint --workspaces", ["package.json:eslintConfig,scripts", "eslint.config.mjs"]),
        ("npx jest", ["jest.config.js", "package.json:jest"]),
        ("node_modules/.bin/jest", ["jest.config.js", "package.json:jest"]),
        ("node /opt/x/node_modules/jest/bin/jest.js --ci", ["jest.config.js", "package.json:jest"]),
        ("make", ["Makefile", "tools/run.py", "ruff.toml", "pyproject.toml:tool.ruff"]),
        ("make lint", ["Makefile", "ruff.toml", "pyproject.toml:tool.ruff"]),
        ("make serve", ["Makefile", "src/app.py"]),
        (
            "just audit",
            ["justfile", "scripts/audit.py", "scripts/checks/naming.py", "scripts/limits.py"],
        ),
        # Configuration, named or found.
        (
            "ruff check --config conf/strict.toml src",
            ["ruff.toml", "pyproject.toml:tool.ruff", "conf/strict.toml"],
        ),
        (
            "eslint --config=conf/strict.toml",
            ["eslint.config.mjs", "package.json:eslintConfig", "conf/strict.toml"],
        ),
        ("jest -c conf/strict.toml", ["jest.config.js", "package.json:jest", "conf/strict.toml"]),
        ("python -m mypy src", ["mypy.ini", "pyproject.toml:tool.mypy"]),
        ("python score.py --rules data.json", ["score.py", "data.json"]),
        # What is looked at decides nothing.
        ("test -s a.txt", []),
        ("grep -q fixed a.txt", []),
        ("wc -c data.json", []),
        ("python -c 'import sums'", []),
        ("python -m pytest tests", []),
        ("python -m unittest discover -s tests", []),
        ("cat --source=a.txt", []),
        ("npm ci", []),
        ("npm run no-such-script", []),
        ("go test ./...", []),
        ("cargo test", []),
        ("", []),
    ],
)
def test_what_decides(command: str, expected: list[str]) -> None:
    found = deciders(
        shlex.split(command), TREE, lambda path: TREE[path].encode() if path in TREE else None
    )
    told = [":".join(filter(None, (one.path, ",".join(one.parts)))) for one in found]
    assert sorted(told) == sorted(expected)


def test_odd_files_are_no_trouble() -> None:
    tree = {"package.json": "[1", "Makefile": ":\n\t((\n", "x.sh": "'\n(\n" * 50}
    for command in ("npm test", "make", "sh x.sh", "sh -c 'sh x.sh", "cd"):
        found = deciders(command.split(), tree, lambda path: tree[path].encode())
        assert all(one.path in tree for one in found)
