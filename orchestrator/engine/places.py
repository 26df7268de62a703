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
import hashlib
import os
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.folder import remove_tree
from orchestrator.isolation.caches import MEND, cache
from orchestrator.isolation.seal import Seal

_KEY_LENGTH = 12  # of a socket's name there are 108 bytes, of which a folder's path takes its part

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
            f"work cannot stand there: {error.strerror}", where=str(place), mend=MEND
        ) from error
    with contextlib.suppress(OSError):  # in another user's root, say: it is found without, too
        _link(link_to(root, name), place)
    return place


def hidden_place(root: Path, name: str) -> Path:
    """A folder to which no link leads, whether it exists or not."""
    return cache() / _key(root, f".{name}")


def seal() -> Seal:
    """What evidence is sealed with, one for all runs of the user. Raises EnvironmentRefused."""
    path = cache() / "seal"
    try:
        return Seal.kept_in(path)
    except OSError as error:
        raise EnvironmentRefused(
            f"evidence cannot be sealed: {error.strerror}", where=str(path), mend=MEND
        ) from error


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
