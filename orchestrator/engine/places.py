"""Where work stands: folders of the user's cache, outside of any checkout, with links to them.

What runs in a work tree searches upward: git for `.git`, pytest for its settings, Node for modules.
So a run's store, work trees, homes and temporary folders are in a folder of their own, of which
nothing that such a search would find lies above, and `workspaces/<name>` leads there. Owns which
folder that is: it follows from the root, the name and the environment alone, so that a link that is
lost is made again; a link is believed where the folder says that it is this root's. What is in the
folders is their users'.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.folder import remove_tree

CHOICE = "ORCHESTRATE_CACHE"
_KEY_LENGTH = 12  # of a socket's name there are 108 bytes, of which a folder's path takes its part

FOUND_UPWARD = (
    *(".git", ".hg", "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"),
    *("pyproject.toml", "tox.ini", "setup.cfg", "setup.py", "noxfile.py", "mypy.ini", ".mypy.ini"),
    *("ruff.toml", ".ruff.toml", "pyrightconfig.json", "package.json", "node_modules"),
    *("pnpm-workspace.yaml", "tsconfig.json", "jsconfig.json", "babel.config.js", ".babelrc"),
    *(f".eslintrc{end}" for end in ("", ".js", ".cjs", ".json", ".yml", ".yaml")),
    *(f"eslint.config.{end}" for end in ("js", "mjs", "cjs", "ts")),
    *("jest.config.js", "jest.config.ts", ".prettierrc", "Cargo.toml", "go.mod", "go.work"),
)
"""What programs take for theirs when it lies in a folder above the one in which they are."""

_PASSED_BY = """\
# Not a virtual environment: with a file of this name in it, pytest, Pyright and others pass a
# folder by, so that what orchestrate keeps here is not taken for a part of your project.
"""


def link_to(root: Path, name: str) -> Path:
    """Where people find the folder."""
    return root / "workspaces" / name


def place_of(root: Path, name: str) -> Path:
    """The folder for `name`, a run or what runs share, whether it exists or not. Raises
    EnvironmentRefused where there is no place for any.
    """
    link = link_to(root, name)
    if not link.is_symlink() and link.is_dir():
        return link  # made by an earlier version, which had them in the checkout
    if link.is_symlink() and _whose(link) == _mark(root, name):
        return link.resolve()  # made when the environment said another cache
    return cache() / _key(root, name)


def make_place(root: Path, name: str) -> Path:
    """The folder for `name`, made if absent, with the link that leads there."""
    place = place_of(root, name)
    if place == link_to(root, name):
        return place
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        if _whose(place) != _mark(root, name):
            _note(place).write_text(_mark(root, name), "utf-8", "surrogateescape")
    except OSError as error:
        raise EnvironmentRefused(
            f"work cannot stand there: {error.strerror}", where=str(place), mend=_MEND
        ) from error
    with contextlib.suppress(OSError):  # in another user's root, say: it is found without, too
        _link(link_to(root, name), place)
    return place


def hidden_place(root: Path, name: str) -> Path:
    """A folder to which no link leads, whether it exists or not."""
    return cache() / _key(root, f".{name}")


def remove_place(root: Path, name: str) -> None:
    """Remove the folder and the link that leads there.

    It is moved aside first: half of a folder is never taken for the whole of it.
    """
    place, link = place_of(root, name), link_to(root, name)
    gone = place.with_name(f".{place.name}.gone")
    remove_tree(gone)
    if place.is_dir():
        place.rename(gone)
    if link.is_symlink():
        link.unlink()
    remove_tree(gone)
    _note(place).unlink(missing_ok=True)


def owned_folder(folder: Path) -> Path:
    """A folder that is made if absent, and that the user's own git and tests say nothing of."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((".gitignore", "*\n"), ("pyvenv.cfg", _PASSED_BY)):
        if not (folder / name).exists():
            (folder / name).write_text(text)
    return folder


def cache() -> Path:
    """The folder of all places, made. Raises EnvironmentRefused where there is none to be had."""
    return _choose(*(os.environ.get(name, "") for name in (CHOICE, "XDG_CACHE_HOME", "HOME")))


@functools.lru_cache
def _choose(chosen: str, caches: str, home: str) -> Path:
    refused = []
    for folder in _candidates(chosen, caches, home):
        if not (problem := _problem(folder, is_chosen=bool(chosen))):
            return folder.resolve()
        refused.append(f"{folder}: {problem}")
    raise EnvironmentRefused(
        "there is no place for work trees outside of any project",
        where="; ".join(refused),
        mend=_MEND,
    )


_MEND = f"set {CHOICE} to a folder that is yours, with no project in it or above it"


def _candidates(chosen: str, caches: str, home: str) -> Iterator[Path]:
    if chosen:
        yield Path(chosen).expanduser().absolute()
        return
    if Path(caches).is_absolute():
        yield Path(caches) / "orchestrate"
    if Path(home).is_absolute():
        yield Path(home) / ".cache" / "orchestrate"
    # Unlike /tmp it is on a disk, and it outlives a restart, as runs are to.
    yield Path(f"/var/tmp/orchestrate-{os.getuid()}")  # noqa: S108  (held to be ours below)


def _problem(folder: Path, *, is_chosen: bool) -> str:
    """Why work cannot stand there; empty when it can."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat() if not is_chosen else folder.stat()
        if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
            return "it is not a folder of yours"
        if not is_chosen:
            folder.chmod(0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            return "it cannot be written to"
    except OSError as error:
        return error.strerror or str(error)
    real = folder.resolve()
    for above in (real, *real.parents):
        for name in FOUND_UPWARD:
            if os.path.lexists(above / name):
                return f"programs that search upward would find {above / name}"
    return ""


def _key(root: Path, name: str) -> str:
    return hashlib.sha256(os.fsencode(_mark(root, name))).hexdigest()[:_KEY_LENGTH]


def _mark(root: Path, name: str) -> str:
    return str(link_to(root.resolve(), name))


def _note(place: Path) -> Path:
    """Beside each folder: the path of the link that leads there."""
    return place.with_name(f"{place.name}.of")


def _whose(place: Path) -> str:
    try:
        return _note(place.resolve()).read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def _link(link: Path, place: Path) -> None:
    """Lead there from the link, whatever it led to; what is no link is left as it is."""
    owned_folder(link.parent)
    if link.is_symlink() and link.readlink() == place:
        return
    if os.path.lexists(link) and not link.is_symlink():
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    remove_tree(fresh)
    fresh.symlink_to(place)
    fresh.replace(link)
