"""What makes a folder of files a git work tree for the agent in it: its ``.git``, always written
afresh.

Owns the two shapes that a workspace's ``.git`` can have: a link to an administrative folder of the
store (as ``git worktree add --detach --no-checkout`` makes it, but without a process and so without
a race), or a private repository that borrows the store's objects. Whatever was there before is
removed, never read.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from orchestrator.git.folder import remove_tree
from orchestrator.git.repository import alternates
from orchestrator.git.store import Store
from orchestrator.git.store_files import alternate_line
from orchestrator.git.tags import tags_of

_PRIVATE_CONFIGURATION = """\
[core]
	repositoryformatversion = {version}
	filemode = true
	bare = false
	logAllRefUpdates = true
	hooksPath = {devnull}
[gc]
	auto = 0
[maintenance]
	auto = false
"""


def link(store: Store, folder: Path, name: str, commit: str, index: Path, *, place: Path) -> None:
    """Make `folder` a linked work tree of the store, detached at `commit`, with a copy of `index`.

    `place` is where the folder is about to be: the store's side points there.
    """
    admin = admin_folder(store, name)
    remove_tree(admin)
    remove_tree(folder / ".git")
    admin.mkdir(parents=True)
    (admin / "HEAD").write_text(f"{commit}\n")
    (admin / "commondir").write_text("../..\n")
    (admin / "gitdir").write_bytes(os.fsencode(place / ".git") + b"\n")
    # with its time: git tells by it which entries to read again
    shutil.copy2(index, admin / "index")
    (folder / ".git").write_bytes(b"gitdir: " + os.fsencode(admin) + b"\n")


def link_privately(store: Store, path: Path, commit: str, index: Path) -> None:
    """Make `path` a repository of its own, detached at `commit`, that only borrows objects from the
    store.
    """
    folder = path / ".git"
    remove_tree(folder)
    for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (folder / part).mkdir(parents=True)
    (folder / "HEAD").write_text(f"{commit}\n")
    sha256 = store.object_format == "sha256"
    configuration = _PRIVATE_CONFIGURATION.format(version=1 if sha256 else 0, devnull=os.devnull)
    configuration += store.identity.configuration
    if sha256:
        configuration += "[extensions]\n\tobjectFormat = sha256\n"
    (folder / "config").write_text(configuration)
    borrowed = b"".join(alternate_line(place) for place in alternates(store.path / "objects"))
    (folder / "objects" / "info" / "alternates").write_bytes(borrowed)
    if (store.path / "shallow").is_file():
        shutil.copyfile(store.path / "shallow", folder / "shallow")
    if (store.path / "packed-refs").is_file():
        tags = tags_of((store.path / "packed-refs").read_bytes())
        (folder / "packed-refs").write_bytes(tags)
    shutil.copy2(index, folder / "index")


def unlink(store: Store, name: str) -> None:
    """Remove the store's side of a linked work tree, if there is one."""
    remove_tree(admin_folder(store, name))


def admin_folder(store: Store, name: str) -> Path:
    """Where the store keeps what it knows of the linked work tree `name`."""
    return store.path / "worktrees" / name
