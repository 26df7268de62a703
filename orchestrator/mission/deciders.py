"""Which files of a tree a check's command is decided by: the program that it runs, what that is
told by, and its configuration.

Owns the reading of command lines: interpreters and what they are given, the scripts of npm and the
targets of make behind a name, wrappers, shell lines, options that name a configuration, and what is
called as a known tool's configuration is. A path that a checker is merely pointed at (`ruff check
src/a.py`, `test -s a.txt`) is what is looked at, and decides nothing. Pure: paths and contents are
handed in. What of such a file is put back is for gates to say.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from orchestrator.mission.tools import CONFIGURED, MAKERS, TABLES, WRAPPERS

Read = Callable[[str], bytes | None]
"""The bytes of a path of the tree, or None where there is no such file."""

DEEPEST = 5
"""Scripts that run scripts are followed so far."""
INTERPRETERS = re.compile(
    r"(?:python|pypy|node|nodejs|ruby|perl|php|lua|julia|Rscript|bash|sh|zsh|dash|ksh|fish|pwsh|deno"
    r"|bun|tsx|ts-node|groovy|elixir|dart)[\d.]*(?:\.exe)?"
)
SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ksh", "fish", ".", "source"})
PACKAGERS = frozenset({"npm", "yarn", "pnpm", "bun"})
RUNS = frozenset({"run", "run-script", "rum", "urn"})
CONFIG = frozenset(
    [
        "config",
        "configuration",
        "conf",
        "rc",
        "rcfile",
        "settings",
        "rules",
        "require",
        "import",
        "loader",
        "preset",
        "setup",
        "project",
        "baseline",
        "threshold",
        "thresholds",
        "makefile",
    ]
)
"""Words of options whose value, where it is a file, tells a checker what to find."""
SHORT = frozenset({"-c", "-r", "-p"})
"""The same in one letter, for tools that are known."""
HELPERS = re.compile(
    r"(?:^|/)(?:\.?scripts?|tools?|\.?ci|bin|hack|dev|build-tools|\.github|checks?|audits?|qa|etc)(?:/|$)",
    re.IGNORECASE,
)
"""Folders whose files serve the work on a product and are none of it."""
_WORD = re.compile(r"[\w.-]+")
_SPLIT = re.compile(r"&&|\|\||[;|&\n()]")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True, slots=True)
class Decider:
    """A file that decides. With `parts` only those of its tables do (`scripts`, `tool.ruff`), and
    the rest of it is the product's.
    """

    path: str
    parts: tuple[str, ...] = ()
    is_program: bool = False
    """Whether it is run, or helps what is run; else something is configured by it."""


def deciders(argv: Sequence[str], paths: Collection[str], read: Read) -> tuple[Decider, ...]:
    """The files of a tree that decide what a command comes to, in the order in which they are
    met.
    """
    search = _Search(frozenset(paths), read)
    search.command(list(argv), "", 0)
    return tuple(
        Decider(path, tuple(sorted(parts)), path in search.programs)
        for path, parts in search.found.items()
    )


@dataclass(slots=True)
class _Search:
    paths: frozenset[str]
    read: Read
    found: dict[str, set[str]] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)

    # -- command lines

    def command(self, argv: list[str], folder: str, depth: int) -> None:
        """One command, as it is run in `folder`."""
        argv, wrappers = _unwrapped(argv)
        for wrapper in wrappers:
            self._tool(wrapper, folder)
        if not argv or depth > DEEPEST:
            return
        program, rest = posixpath.basename(argv[0]), argv[1:]
        if path := self._file(argv[0], folder):
            self._program(path, folder, depth)
        elif program in PACKAGERS and program != "bun":
            self._package(program, rest, folder, depth)
        elif program in MAKERS:
            self._make(program, rest, folder, depth)
        elif program in SHELLS or INTERPRETERS.fullmatch(program):
            if program == "bun" and rest[:1] and rest[0] in RUNS:
                self._package(program, rest, folder, depth)
            self._interpreter(program, rest, folder, depth)
        self._tool(program, folder)
        self._options(program, rest, folder)

    def shell(self, text: str, folder: str, depth: int) -> None:
        """The commands of a line or a script, as far as they can be told without running it."""
        for piece in _SPLIT.split(re.sub(r"\\\n", " ", text)):
            try:
                words = shlex.split(piece, comments=True)
            except ValueError:
                words = piece.split()
            if words[:1] == ["cd"] and len(words) == 2:
                folder = posixpath.normpath(posixpath.join(folder, words[1]))
            else:
                words = words[1:] if words[:1] in (["if"], ["then"], ["do"], ["!"]) else words
                self.command(words, "" if folder == "." else folder, depth)

    def _interpreter(self, program: str, rest: list[str], folder: str, depth: int) -> None:
        position = 0
        while position < len(rest):
            word = rest[position]
            if program in SHELLS and word.startswith("-") and word.rstrip("lexu").endswith("c"):
                self.shell(" ".join(rest[position + 1 : position + 2]), folder, depth + 1)
                return
            if word in ("-c", "-e", "--eval", "-p", "--print"):
                return
            if word == "-m":
                self._module(rest[position + 1 : position + 2], rest[position + 2 :], folder, depth)
                return
            if not word.startswith("-") and word not in ("run", "test"):
                if path := self._file(word, folder):
                    self._program(path, folder, depth)
                else:  # of a package: node_modules/jest/bin/jest.js is jest
                    self._tool(posixpath.basename(word).partition(".")[0], folder)
                return
            position += 2 if word in ("-W", "-X", "-r", "--require", "--import", "-I") else 1

    def _module(self, named: list[str], rest: list[str], folder: str, depth: int) -> None:
        for name in named:
            stem = name.replace(".", "/")
            for path in (f"{stem}.py", f"{stem}/__main__.py"):
                if found := self._file(path, folder):
                    self._program(found, folder, depth)
            self.command([name, *rest], folder, depth + 1)

    def _options(self, program: str, rest: list[str], folder: str) -> None:
        is_known = program in CONFIGURED or program in ("node", "tsx", "ts-node", "pytest")
        for number, word in enumerate(rest):
            name, equals, value = word.partition("=")
            is_told = name.startswith("--") and not CONFIG.isdisjoint(name[2:].split("-"))
            if is_told or (is_known and name in SHORT):
                value = value if equals else " ".join(rest[number + 1 : number + 2])
                if path := self._file(value, folder):
                    self._add(path)

    def _tool(self, tool: str, folder: str) -> None:
        """The configuration that a known tool finds by itself."""
        for pattern in CONFIGURED.get(tool, ()):
            for path in self.paths:
                here, _, name = path.rpartition("/")
                if here in ("", folder) and fnmatchcase(name, pattern):
                    self._add(path)
        for file, parts in TABLES.get(tool, {}).items():
            if path := self._file(file, folder) or self._file(file, ""):
                self._add(path, *parts)

    # -- what stands behind a name

    def _package(self, program: str, rest: list[str], folder: str, depth: int) -> None:
        """`npm run x`: the script x of package.json, with what runs before and after it."""
        names, everywhere = [], False
        position = 0
        while position < len(rest):
            word = rest[position]
            option, equals, value = word.partition("=")
            if option in ("--prefix", "-C", "--cwd", "--dir"):
                value = value if equals else " ".join(rest[position + 1 : position + 2])
                folder = posixpath.normpath(posixpath.join(folder, value))
                position += 0 if equals else 1
            elif option in (
                "--workspaces",
                "-ws",
                "--workspace",
                "-w",
                "-r",
                "--recursive",
                "--filter",
            ):
                everywhere = True
                is_pair = option in ("--workspace", "-w", "--filter") and not equals
                position += 1 if is_pair else 0
            elif word == "--":
                break
            elif not word.startswith("-"):
                names.append(word)
            position += 1
        verb, *others = names or [""]
        if verb in ("exec", "x", "dlx"):
            self.command(rest[rest.index(verb) + 1 :], folder, depth + 1)
            return
        script = "test" if verb in ("test", "t", "tst") else (others or [""])[0]
        if verb not in RUNS and script != "test" and program != "npm":
            script = verb
        if not script:
            return
        if everywhere:
            found = [path for path in sorted(self.paths) if _is_manifest(path)]
        else:
            found = [path for path in map(_manifest, _upward(folder)) if path in self.paths][:1]
        for path in found:
            self._script(path, script, posixpath.dirname(path), depth)

    def _script(self, path: str, script: str, folder: str, depth: int) -> None:
        try:
            document = json.loads(self.read(path) or b"")
        except ValueError:
            document = None
        scripts = document.get("scripts") if isinstance(document, dict) else None
        named = [f"pre{script}", script, f"post{script}"]
        lines = (
            [scripts[name] for name in named if name in scripts]
            if isinstance(scripts, dict)
            else []
        )
        if lines and depth <= DEEPEST:
            self._add(path, "scripts")
            for line in lines:
                self.shell(str(line), folder, depth + 1)

    def _make(self, program: str, rest: list[str], folder: str, depth: int) -> None:
        """The recipes of the targets that are asked for, and of what those need."""
        targets, position, chosen = [], 0, ""
        while position < len(rest):
            word = rest[position]
            following = " ".join(rest[position + 1 : position + 2])
            if word in ("-C", "--directory"):
                folder, position = (
                    posixpath.normpath(posixpath.join(folder, following)),
                    position + 1,
                )
            elif word in ("-f", "--file", "--makefile", "--justfile"):
                chosen, position = following, position + 1
            elif not word.startswith("-") and "=" not in word:
                targets.append(word)
            position += 1
        for name in (chosen,) if chosen else MAKERS[program]:
            if path := self._file(name, folder):
                self._add(path)
                text = (self.read(path) or b"").decode("utf-8", "replace")
                for line in _recipes(text, targets):
                    self.shell(line, folder, depth + 1)
                return

    def _program(self, path: str, folder: str, depth: int) -> None:
        """A script: itself, what it runs if it is a shell's, and its own helpers beside it."""
        if path in self.found or depth > DEEPEST:
            return
        self._add(path)
        self.programs.add(path)
        text = (self.read(path) or b"").decode("utf-8", "replace")
        first = text.partition("\n")[0]
        is_named = first.startswith("#!") and "sh" in first.rpartition("/")[2]
        if is_named or path.endswith((".sh", ".bash", ".zsh")):
            self.shell(text, folder, depth + 1)
        place = posixpath.dirname(path)
        if not HELPERS.search(place):
            return
        words = set(_WORD.findall(text))
        for other in sorted(self.paths):
            name = posixpath.basename(other)
            if other.startswith(f"{place}/") and {name, name.partition(".")[0]} & words:
                self._program(other, folder, depth + 1)

    # -- files

    def _file(self, word: str, folder: str) -> str:
        """The file of the tree that a word names; empty where it names none."""
        if not word or word.startswith("-"):
            return ""
        path = posixpath.normpath(posixpath.join(folder, word.removeprefix("@")))
        return path if path in self.paths else ""

    def _add(self, path: str, *parts: str) -> None:
        """What decides as a whole decides in all of its parts."""
        known = self.found.get(path)
        if not parts or (known is not None and not known):
            self.found[path] = set()
        else:
            self.found.setdefault(path, set()).update(parts)


def _manifest(folder: str) -> str:
    return posixpath.join(folder, "package.json")


def _is_manifest(path: str) -> bool:
    return posixpath.basename(path) == "package.json" and "node_modules" not in path


def _upward(folder: str) -> Iterator[str]:
    """A folder and those above it; the root is the empty text."""
    folder = "" if folder == "." else folder
    yield folder
    while folder:
        folder = posixpath.dirname(folder)
        yield folder


def _unwrapped(argv: list[str]) -> tuple[list[str], list[str]]:
    """A command without what only starts another one (variables, `env`, `timeout 60`, `uv run`),
    and that.
    """
    wrappers: list[str] = []
    while argv:
        argv = [argv[0].lstrip("@-+"), *argv[1:]]  # as recipes of make begin
        program = posixpath.basename(argv[0])
        lead = WRAPPERS.get(program)
        if not argv[0] or _ASSIGNED.match(argv[0]):
            argv = argv[1:]
            continue
        if lead is None or (lead and argv[1:2] and argv[1] not in lead):
            break
        wrappers.append(program)
        argv = argv[2:] if lead else argv[1:]
        while argv and (argv[0].startswith("-") or re.fullmatch(r"[\d.]+[smh]?", argv[0])):
            argv = argv[1:]
    return argv, wrappers


def _recipes(text: str, targets: Sequence[str]) -> Iterator[str]:
    """The recipe lines of targets of a makefile or justfile, and of what they need; of the first
    one by default.
    """
    needs: dict[str, list[str]] = {}
    lines: dict[str, list[str]] = {}
    current: list[str] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line[:1] in ("\t", " ") and current:
            for name in current:
                lines[name].append(line.strip())
        elif match := re.match(r"@?([^\s:#=][^:#]*?)\s*::?(?!=)\s*([^#]*)", line):
            current = [word for word in match[1].split() if "=" not in word]
            own, _, inline = match[2].partition(";")
            for name in current:
                needs.setdefault(name, []).extend(own.split())
                lines.setdefault(name, []).extend([inline] if inline.strip() else [])
        elif line.strip() and not line.startswith("#"):
            current = []
    waiting = list(targets) or [name for name in needs if not name.startswith(".")][:1]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen and name in needs:
            seen.add(name)
            waiting += needs[name]
            yield from lines[name]
