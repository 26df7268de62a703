"""What known tools are told by: the names of their configuration files, and their tables in files
that hold more.

Owns the lists and nothing else. What is not in them is not known, and decides unseen.
"""

from __future__ import annotations

MAKERS = {
    "make": ("GNUmakefile", "makefile", "Makefile"),
    "gmake": ("GNUmakefile", "makefile", "Makefile"),
    "just": ("justfile", "Justfile", ".justfile"),
}
"""What builds targets, with the files that it looks for."""

WRAPPERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "env",
            "time",
            "nice",
            "timeout",
            "exec",
            "command",
            "nohup",
            "stdbuf",
            "sudo",
            "xvfb-run",
        ),
        (),
    ),
    **dict.fromkeys(("npx", "bunx", "c8", "nyc", "cross-env", "dotenv", "xargs"), ()),
    **dict.fromkeys(("poetry", "uv", "pipenv", "hatch", "pdm", "rye", "coverage"), ("run",)),
    "bundle": ("exec",),
}
"""What starts another command: with the word that must follow, where one must."""

CONFIGURED: dict[str, tuple[str, ...]] = {
    "jest": ("jest.config.*",),
    "vitest": ("vitest.config.*", "vitest.workspace.*", "vite.config.*"),
    "mocha": (".mocharc.*", ".mocharc"),
    "ava": ("ava.config.*",),
    "karma": ("karma.conf.*",),
    "jasmine": ("jasmine.json",),
    "playwright": ("playwright.config.*",),
    "cypress": ("cypress.config.*",),
    "eslint": ("eslint.config.*", ".eslintrc*", ".eslintignore"),
    "tsc": ("tsconfig.json",),
    "xo": ("xo.config.*", ".xo-config*"),
    "biome": ("biome.json", "biome.jsonc"),
    "prettier": (".prettierrc*", "prettier.config.*", ".prettierignore"),
    "stylelint": (".stylelintrc*", "stylelint.config.*"),
    "nyc": (".nycrc*", "nyc.config.*"),
    "c8": (".c8rc*",),
    "ruff": ("ruff.toml", ".ruff.toml"),
    "mypy": ("mypy.ini", ".mypy.ini"),
    "flake8": (".flake8",),
    "pylint": (".pylintrc", "pylintrc"),
    "pyright": ("pyrightconfig.json",),
    "coverage": (".coveragerc",),
    "pre-commit": (".pre-commit-config.yaml",),
    "nox": ("noxfile.py",),
    "invoke": ("tasks.py",),
    "rake": ("Rakefile", "rakefile"),
    "rspec": (".rspec",),
    "rubocop": (".rubocop.yml",),
    "phpunit": ("phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml"),
    "phpstan": ("phpstan.neon", "phpstan.neon.dist"),
    "golangci-lint": (".golangci.*",),
    "ctest": ("CTestTestfile.cmake",),
    "behave": ("behave.ini", ".behaverc"),
    "task": ("Taskfile.yml", "Taskfile.yaml"),
    "import-linter": (".importlinter",),
    "lint-imports": (".importlinter",),
}
"""Files of the root, or of the folder that a tool runs in, by the tool's name."""

TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "ruff": {"pyproject.toml": ("tool.ruff",)},
    "mypy": {"pyproject.toml": ("tool.mypy",), "setup.cfg": ("mypy",)},
    "flake8": {"setup.cfg": ("flake8",), "tox.ini": ("flake8",)},
    "pylint": {"pyproject.toml": ("tool.pylint",)},
    "pyright": {"pyproject.toml": ("tool.pyright",)},
    "black": {"pyproject.toml": ("tool.black",)},
    "isort": {"pyproject.toml": ("tool.isort",)},
    "bandit": {"pyproject.toml": ("tool.bandit",)},
    "coverage": {"pyproject.toml": ("tool.coverage",), "setup.cfg": ("coverage:run",)},
    "lint-imports": {"pyproject.toml": ("tool.importlinter",)},
    "tox": {"tox.ini": ("tox", "testenv"), "pyproject.toml": ("tool.tox",)},
    "poe": {"pyproject.toml": ("tool.poe",)},
    "jest": {"package.json": ("jest",)},
    "mocha": {"package.json": ("mocha",)},
    "ava": {"package.json": ("ava",)},
    "nyc": {"package.json": ("nyc",)},
    "c8": {"package.json": ("c8",)},
    "eslint": {"package.json": ("eslintConfig",)},
    "prettier": {"package.json": ("prettier",)},
    "xo": {"package.json": ("xo",)},
    "tsd": {"package.json": ("tsd",)},
    "stylelint": {"package.json": ("stylelint",)},
}
"""Tables of files that hold other things too, by the tool's name."""
